"use strict";
/* What a search looks at on a story's page, and what it shows of it. Asked by search.js, which may not read files. */

function rfiText(page) {
  const part = (selector) => {
    const node = page.querySelector(selector);
    return node ? node.textContent.trim().replace(/\s+/g, " ") : "";
  };
  const texts = [];
  for (const node of page.querySelectorAll("[data-text]")) {
    const copy = node.cloneNode(true);
    copy.querySelectorAll("figure").forEach((figure) => figure.remove());
    copy.querySelectorAll("br").forEach((br) => br.replaceWith("\n"));
    copy.querySelectorAll("p, h2, h3, h4, li, td, th, blockquote").forEach((block) => block.append("\n"));
    texts.push(copy.textContent.trim());
  }
  const [title, kicker] = [part("h1"), part("article > .kicker")];
  return { title, kicker, time: part(".about time"), text: texts.join("\n"), body: [kicker, title].filter(Boolean).join("\n").length };
}

if (window.parent !== window && location.hash.startsWith("#text-")) {
  window.parent.postMessage({ rfi: location.hash, story: rfiText(document) }, "*");
}
