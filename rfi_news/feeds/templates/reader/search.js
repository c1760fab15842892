"use strict";
/* Search in the files that rfi_news/feeds/search.py writes, whose opening comment says what they hold. */
(() => {
  const ALPHABET = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((c) => c !== '"' && c !== "\\");
  const VALUE = new Map(ALPHABET.map((c, i) => [c, i]));
  const AT_ONCE = 20; // results shown at once
  const PATIENCE = 5000; // milliseconds a page may take to answer
  const $ = (id) => document.getElementById(id);

  let index; // { count, names, firsts, simplified }
  const waiting = new Map(); // file name to the function that takes what it holds
  const loaded = new Map(); // file name to a promise of it

  window.rfiIndex = (count, names, firsts, folded) => {
    const simplified = new Map();
    const letters = Array.from(folded);
    for (let i = 0; i < letters.length; i += 2) simplified.set(letters[i], letters[i + 1]);
    waiting.get("index.js")({ count, names, firsts: firsts.split(" "), simplified });
  };
  window.rfiPairs = (number, common, buckets, bits) => waiting.get(`pairs${number}.js`)(read(common, buckets, bits));
  window.rfiNames = (number, names) => waiting.get(`names${number}.js`)(names.split(" "));

  function load(file) {
    if (!loaded.has(file)) {
      loaded.set(file, new Promise((resolve, reject) => {
        waiting.set(file, resolve);
        const script = document.createElement("script");
        script.src = `search/${file}`;
        script.onerror = () => {
          loaded.delete(file);
          script.remove();
          reject(new Error(file));
        };
        document.head.append(script);
      }));
    }
    return loaded.get(file);
  }

  /* Bits: 13 in two characters. */
  function reader(text) {
    let at = 0;
    const bit = () => {
      const start = Math.floor(at / 13) * 2;
      const value = VALUE.get(text[start]) * ALPHABET.length + VALUE.get(text[start + 1]);
      return (value >> (12 - (at++ % 13))) & 1;
    };
    const number = (length) => {
      let value = 0;
      for (let i = 0; i < length; i++) value = value * 2 + bit();
      return value;
    };
    return {
      gamma() {
        let zeros = 0;
        while (!bit()) zeros++;
        return 2 ** zeros + number(zeros);
      },
      gaps(count) {
        const of = index.count;
        const k = count && of * 0.69 > count ? Math.max(0, Math.floor(Math.log2((of * 0.69) / count))) : 0;
        const out = [];
        let before = -1;
        for (let i = 0; i < count; i++) {
          let high = 0;
          while (bit()) high++;
          before += high * 2 ** k + number(k) + 1;
          out.push(before);
        }
        return out;
      },
    };
  }

  function read(common, buckets, bits) {
    const next = reader(bits);
    const stories = new Map();
    for (const group of common ? common.split(" ") : []) {
      const [first, ...seconds] = Array.from(group);
      for (const second of seconds) stories.set(first + second, next.gaps(next.gamma()));
    }
    const rare = [];
    for (let i = 0; i < buckets; i++) rare.push(next.gaps(next.gamma() - 1));
    return { stories, rare };
  }

  /* Text, folded as `words.fold` does it. */
  const fold = (text) => Array.from(text.normalize("NFKC").toLowerCase(), (c) => index.simplified.get(c) ?? c).join("");

  function pairsOf(words) {
    const pairs = new Set();
    for (const run of words.join(" ").match(/[\p{L}\p{N}]{2,}/gu) ?? []) {
      const letters = Array.from(run);
      for (let i = 1; i < letters.length; i++) pairs.add(letters[i - 1] + letters[i]);
    }
    return [...pairs];
  }

  function compare(one, other) {
    const [a, b] = [Array.from(one), Array.from(other)];
    for (let i = 0; i < 2; i++) if (a[i] !== b[i]) return a[i].codePointAt(0) - b[i].codePointAt(0);
    return 0;
  }

  async function storiesOf(pair) {
    let low = 0;
    let high = index.firsts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (compare(index.firsts[middle], pair) <= 0) low = middle;
      else high = middle - 1;
    }
    const block = await load(`pairs${low}.js`);
    const known = block.stories.get(pair);
    if (known) return { stories: known, sure: true };
    if (!block.rare.length) return { stories: [], sure: true };
    const [first, second] = Array.from(pair, (c) => c.codePointAt(0));
    return { stories: block.rare[(first * 40503 + second) % block.rare.length], sure: false };
  }

  /* Stories that may hold all words, the newest first, and whether they surely do. */
  async function find(words) {
    const pairs = pairsOf(words);
    if (!pairs.length) return null;
    const lists = await Promise.all(pairs.map(storiesOf));
    lists.sort((a, b) => a.stories.length - b.stories.length);
    let left = lists[0].stories;
    for (const { stories } of lists.slice(1)) {
      const held = new Set(stories);
      left = left.filter((number) => held.has(number));
    }
    const sure = lists.every((list) => list.sure) && words.every((word) => /^[\p{L}\p{N}]{2}$/u.test(word));
    return { numbers: [...left].reverse(), sure };
  }

  async function pathOf(number) {
    const names = await load(`names${Math.floor(number / index.names)}.js`);
    const name = names[number % index.names];
    return `stories/${name.slice(0, 7)}/${name.slice(8)}.html`;
  }

  /* The text of a story's page: asked for from a server; from files, where that is forbidden, out of a hidden frame. */
  let asked = 0;
  async function storyAt(path) {
    if (location.protocol !== "file:") {
      const answer = await fetch(path);
      if (!answer.ok) throw new Error(path);
      return rfiText(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
    return new Promise((resolve, reject) => {
      const key = `#text-${++asked}`;
      const frame = document.createElement("iframe");
      const end = (done, value) => {
        window.removeEventListener("message", hear);
        clearTimeout(timer);
        frame.remove();
        done(value);
      };
      const hear = ({ data, source }) => {
        if (source === frame.contentWindow && data && data.rfi === key) end(resolve, data.story);
      };
      const timer = setTimeout(() => end(reject, new Error(path)), PATIENCE);
      window.addEventListener("message", hear);
      frame.hidden = true;
      frame.title = "";
      frame.src = path + key;
      document.body.append(frame);
    });
  }

  /* What stands around the first place that a word has in a story, preferably below its headline; null for a story
     that does not hold them all. A letter and its marks fold as one. */
  function excerpt({ text, body }, words) {
    const all = fold(text);
    if (!words.every((word) => all.includes(word))) return null;
    const letters = text.match(/\P{M}?[\p{M}ﾞﾟ]*/gsu).filter(Boolean);
    const folded = [];
    const origin = [];
    letters.forEach((letter, at) => {
      for (const c of fold(letter)) {
        folded.push(c);
        origin.push(at);
      }
    });
    const whole = folded.join("");
    const numbers = folded.flatMap((c, number) => Array(c.length).fill(number)); // of its UTF-16 units
    const marks = [];
    for (const word of words) {
      for (let at = whole.indexOf(word); at >= 0; at = whole.indexOf(word, at + word.length)) {
        const start = numbers[at];
        marks.push([origin[start], origin[start + Array.from(word).length - 1] + 1]);
      }
    }
    marks.sort((a, b) => a[0] - b[0]);
    const below = text.slice(0, body).match(/\P{M}?[\p{M}ﾞﾟ]*/gsu).filter(Boolean).length + 1;
    const first = marks.find(([start]) => start >= below);
    const from = first ? Math.max(below, first[0] - 24) : below;
    const to = Math.min(letters.length, from + 110);
    const out = document.createElement("p");
    let done = from;
    const put = (until) => out.append(letters.slice(done, until).join(""));
    if (from > below) out.append("…");
    for (const [start, end] of marks) {
      if (start < done || end > to) continue;
      put(start);
      const mark = document.createElement("mark");
      mark.textContent = letters.slice(start, end).join("");
      out.append(mark);
      done = end;
    }
    put(to);
    if (to < letters.length) out.append("…");
    return out;
  }

  let turn = 0; // of the query being answered; an earlier one stops

  async function result(number, words) {
    const path = await pathOf(number);
    let story;
    try {
      story = await storyAt(path);
    } catch {
      story = null;
    }
    const shown = story && excerpt(story, words);
    if (story && !shown) return null; // the index promised too much
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = path;
    link.textContent = story ? story.title : path;
    item.append(link);
    if (story) {
      const about = document.createElement("span");
      about.className = "kicker";
      about.textContent = ` ${story.kicker} ${story.time}`;
      item.append(about, shown);
    }
    return item;
  }

  async function search(query) {
    const mine = ++turn;
    const status = (text) => { if (mine === turn) $("status").textContent = text; };
    $("results").replaceChildren();
    $("more").hidden = true;
    if (!query.trim()) return status("");
    status("正在搜索……");
    try {
      index ??= await load("index.js");
      const words = fold(query).split(/\s+/u).filter(Boolean);
      const found = await find(words);
      if (mine !== turn) return;
      if (!found) return status("请至少输入两个字。");
      let next = 0;
      let shown = 0;
      const count = () => {
        const left = found.numbers.length - next;
        const total = shown + left;
        if (!total) return status(`没有找到“${query}”。`);
        status(found.sure || !left ? `${total} 篇` : `最多 ${total} 篇`);
      };
      const more = async () => {
        $("more").hidden = true;
        let wanted = AT_ONCE;
        while (wanted > 0 && next < found.numbers.length) {
          const part = found.numbers.slice(next, next + wanted);
          const items = await Promise.all(part.map((number) => result(number, words)));
          if (mine !== turn) return;
          next += part.length;
          for (const item of items) {
            if (!item) continue;
            $("results").append(item);
            shown++;
            wanted--;
          }
        }
        $("more").hidden = next >= found.numbers.length;
        count();
        document.documentElement.dataset.searched = query;
      };
      $("more").onclick = more;
      await more();
    } catch (error) {
      status(`搜索用的文件打不开：${error.message}`);
    }
  }

  const box = $("q");
  box.value = new URLSearchParams(location.search).get("q") ?? "";
  box.form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState(null, "", `?q=${encodeURIComponent(box.value)}`);
    search(box.value);
  });
  search(box.value);
})();
