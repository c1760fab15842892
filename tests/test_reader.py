"""`scrapy reader` in a real browser, from files and from a server."""

import asyncio
import functools
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright

from rfi_news.commands.reader import Build
from rfi_news.commands.tree import Tree
from rfi_news.feeds.search import Index, pairs
from rfi_news.items import Audio, Author, Image
from rfi_news.store.selection import Selection
from tests import invented
from tests.conftest import Site

HOSTILE = (
    '<p onclick="document.title=1">未完<script>document.title="x"</script><a href="javascript:document.title=2">点我</a>'
    '<img src="https://s.rfi.fr/x.png" onerror="document.title=3"><iframe src="https://evil.example/"></iframe>'
    '<svg onload="document.title=4"></svg><style>body{display:none}</style><form action="https://evil.example/"><input>'
    "<p><b><i>没有关上的标签<blockquote><table><tr><td>格"
)
TEXTS = {
    2: "拜习会之前，美中两国交流。",
    3: "拜登与习近平见面，拜习之间；学习会议。",  # both pairs of 拜习会, never together
    4: "臺灣總統府說，習近平沒有回應。",
    5: "中国人喜欢的菜。",
    8: "Le pre\u0301sident 到访，ﾊﾞｽ 停运。",
    6: "中国的法国人说，美、中两国。",
    7: "COP28 气候大会，ＣＯＰ２８ 的记者。",
}


def stories():
    made = []
    for number in range(1, 131):
        text = TEXTS.get(number, f"第{number}号公告的正文。")
        made.append(invented.story(number, text=text, body_html=f"<p>{text}</p>", tags=["春汛"] if number < 9 else []))
    made[1].article.related = invented.related(1, 3, 400)
    made[4].article.related = invented.related(2)
    made[1].article.images = [Image(url="https://s.rfi.fr/lead.jpg", caption="图说", credit="© 台", is_lead=True)]
    made[1].article.audio = [Audio(url="https://aod-rfi.akamaized.net/a.mp3", title="声")]
    hostile = invented.story(
        9,
        title=f"恶意{invented.NASTY}",
        kicker="<img src=x onerror=document.title=5>",
        lead="</p><script>document.title=6</script>",
        text="未完点我没有关上的标签格",
        body_html=HOSTILE,
        authors=[Author(name="</a><script>document.title=7</script>../../x")],
        tags=['"><script>document.title=8</script>'],
        column="../..",
    )
    made[8] = hostile
    return made


@pytest.fixture(scope="module")
def built(shared_run):
    """A site that tests only look at."""
    folder = shared_run.directory
    made = stories()
    path = invented.write(folder / "stories.jsonl", made[2:] + made[:1])
    assert shared_run("import", "jsonl", str(path)).returncode == 0
    change = [{"name": "title", "paragraph": None, "parts": [["-", "旧<script>x</script>"], ["+", "新"], ["=", "题"]]}]
    revision = {"number": 1, "seen_at": datetime(2024, 3, 2, tzinfo=UTC), "modified_at": None, "size": "wording"}
    revisions = [revision | {"earlier": {}, "changes": change}]
    path = invented.write(folder / "revised.jsonl", made[1:2], revisions=revisions)
    assert shared_run("import", "jsonl", str(path)).returncode == 0
    done = shared_run("reader", "-o", str(folder / "reader"))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return folder / "reader"


@pytest.fixture
def copied(built, tmp_path):
    """The same for tests that change it."""
    return Path(shutil.copytree(built, tmp_path / "reader"))


class Watched:
    """A browser's page, everything it asked for, and everything it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))

    async def search(self, base: str, query: str) -> set[str]:
        """The titles of all results."""
        await self.page.goto(f"{base}/index.html")
        await self.page.fill("#q", query)
        await self.page.press("#q", "Enter")
        while True:
            await self.page.locator("html[data-searched]").wait_for()
            more = self.page.locator("#more")
            if not await more.is_visible():
                return set(await self.page.locator("#results a").all_inner_texts())
            shown = await self.page.locator("#results li").count()
            await more.click()
            await self.page.locator("#results li").nth(shown).wait_for()


@asynccontextmanager
async def browser(**options) -> AsyncIterator[Watched]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield Watched(await opened.new_page(**options))
        await opened.close()


@asynccontextmanager
async def served(folder: Path, how: str) -> AsyncIterator[str]:
    if how == "file":
        yield folder.as_uri()
        return
    handler = functools.partial(SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def path_of(folder: Path, title: str) -> Path:
    (found,) = [path for path in folder.glob("stories/*/*.html") if f"<h1 data-text>{title}" in path.read_text()]
    return found


@pytest.mark.parametrize("how", ["file", "http"])
async def test_a_search_gives_what_the_store_gives(shared_run, shared_database, built, how):
    queries = [
        "拜习会",
        "美中",
        "習近平",
        "习近平 拜登",
        "中国人",
        "台湾总统",
        "cop28 气候 记者",
        "président",
        "バス停",
        "没有这个词",
        "公告",
    ]
    async with served(built, how) as base, browser() as watched:
        for query in queries:
            stored = {one["title"] for one in shared_database.articles.find() if Selection(text=query).has(one)}
            watched.asked.clear()
            assert await watched.search(base, query) == stored, query
            index = {url for url in watched.asked if "/search/" in url}
            size = sum((built / url.removeprefix(base + "/")).stat().st_size for url in index)
            assert size <= 300_000
        assert all(url.startswith(base) for url in watched.asked)
        assert watched.said == []
        await watched.page.goto(f"{base}/search.html?q=%E6%B3%95")
        await watched.page.locator("#status:has-text('两个字')").wait_for()


async def test_a_story(built):
    async with browser() as watched:
        page = watched.page
        await page.goto(path_of(built, "第2号").as_uri())
        steps = await page.locator(".line li").all_inner_texts()
        assert len(steps) == 5, "three it links to, one of them not stored, and one that links to it"
        assert "法广网站" in next(step for step in steps if "第400号" in step)
        assert await page.locator(".line [aria-current=page]").inner_text() == "第2号公告：河堤巡查"
        assert await page.locator("article figure a").first.get_attribute("href") == "https://s.rfi.fr/lead.jpg"
        assert "图说" in await page.inner_text("article")
        assert await page.locator("details").count() == 1
        await page.click("summary")
        assert await page.inner_text("del") == "旧<script>x</script>"
        await page.click(".line a:has-text('第1号')")
        assert "第1号" in await page.title()
        await page.click("header a >> text=作者")
        await page.click("main a >> text=河田")
        assert "共 129 篇" in await page.inner_text("main")
        await page.click("text=更早")
        assert await page.locator(".stories li").count() == 100
        await page.click("header a >> text=日期")
        assert await page.locator(".names a").count() == len(list((built / "days").glob("2*.html")))
        assert watched.said == []
        assert all(url.startswith("file:") for url in watched.asked)


async def test_hostile_content_is_inert(built):
    async with browser() as watched:
        page = watched.page
        hostile = path_of(built, "恶意")
        for path in (hostile, built / "index.html", built / "authors" / "index.html", built / "sections" / "中国.html"):
            await page.goto(path.as_uri())
            await page.wait_for_load_state("networkidle")
            assert not set(await page.title()) & set("12345678x"), path
            assert await page.locator("script:not([src])").count() == 0
            assert not {"\u202e", "\u2066"} & set(await page.content())
        await page.goto(hostile.as_uri())
        assert await page.is_visible("text=没有关上的标签")
        assert await page.locator("article iframe, article svg, article form, article img").count() == 0
        assert await page.locator("[onclick], [onerror], [onload], a[href^=javascript]").count() == 0
        assert await page.is_visible("footer"), "a tag left open does not swallow what comes after it"
        assert await page.inner_text("h1") == "恶意<b>\"&']]></b>😀"
        assert watched.said == []
        assert all(url.startswith("file:") for url in watched.asked), watched.asked
        made = {path.relative_to(built).parts[0] for path in built.rglob("*")}
        assert made == {
            ".lock", ".rfi-news.json", "authors", "columns", "days", "icon.svg", "index.html", "search", "search.html", "search.js",
            "sections", "stories", "style.css", "text.js",
        }  # fmt: skip


async def test_the_policy_is_in_force(copied):
    """A script that gets into a page all the same does not run, and nothing can be asked for elsewhere."""
    page_path = path_of(copied, "第2号")
    page_path.write_text(
        page_path.read_text().replace(
            "</article>", '<script>document.title="run"</script><img src="https://evil.example/a.png"></article>'
        )
    )
    async with browser() as watched:
        await watched.page.goto(page_path.as_uri())
        await watched.page.wait_for_load_state("networkidle")
        assert await watched.page.title() != "run"
        assert len(watched.said) == 2
        assert all("Content Security Policy" in said for said in watched.said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_accessible_on_a_phone(built, scheme):
    async with browser(viewport={"width": 360, "height": 700}, color_scheme=scheme) as watched:
        page = watched.page
        for path in (
            built / "index.html",
            path_of(built, "第2号"),
            built / "search.html",
            built / "days" / "index.html",
            built / "sections" / "中国.html",
        ):
            await page.goto(path.as_uri())
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360, f"{path} is wider than a phone"
            found = (await Axe().run(page)).response["violations"]
            assert not found, [(path.name, rule["id"], rule["nodes"][0]["html"]) for rule in found]


async def test_keyboard_alone_reaches_everything(built):
    async with browser() as watched:
        page = watched.page
        await page.goto(path_of(built, "第2号").as_uri())
        await page.keyboard.press("Tab")
        assert await page.inner_text(":focus") == "跳到正文"
        await page.keyboard.press("Enter")
        reached = set()
        for _ in range(60):
            await page.keyboard.press("Tab")
            if not await page.locator(":focus").count():
                break
            reached.add((await page.locator(":focus").evaluate("e => e.outerHTML"))[:200])
            assert await page.locator(":focus").evaluate("e => getComputedStyle(e).outlineStyle") != "none"
        inside = await page.locator("main a, main summary").evaluate_all(
            "all => all.map(e => e.outerHTML.slice(0, 200))"
        )
        assert {*inside} <= reached, {*inside} - reached


async def test_it_can_be_read_without_scripts(built):
    async with browser(java_script_enabled=False) as watched:
        await watched.page.goto((built / "index.html").as_uri())
        await watched.page.click(".stories a >> nth=0")
        assert "第130号" in await watched.page.inner_text("h1")
        await watched.page.goto((built / "search.html").as_uri())
        assert "阅读不需要" in await watched.page.inner_text("main")


def test_only_what_changed_is_written(run, database, tmp_path):
    built = tmp_path / "reader"
    assert run("import", "jsonl", str(invented.write(tmp_path / "stories.jsonl", stories()))).returncode == 0
    assert run("reader", "-o", str(built)).returncode == 0

    def build():
        with Tree(built, "reader") as tree:
            asyncio.run(Build(tree, None).write(database.settings(DATA_DIR=str(tmp_path))))
        return tree

    times = {path: path.stat().st_mtime_ns for path in built.rglob("*") if path.is_file()}
    assert build().written == 0
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*") if path.is_file()} == times

    target = path_of(built, "第60号")
    now = datetime.now(UTC)
    database.articles.update_one({"_id": invented.story(60).id}, {"$set": {"lead": "新导语", "last_seen_at": now}})
    assert build().written > 0
    changed = {path for path, time in times.items() if path.is_file() and path.stat().st_mtime_ns != time}
    assert target in changed
    assert {path.parent.name for path in changed} <= {"2024-03", "search", "reader"}, changed
    assert len([path for path in changed if "stories" in path.parts]) == 1

    archive = built / "authors" / "河田" / "1.html"
    before = archive.stat().st_mtime_ns
    invented.write(tmp_path / "news.jsonl", [invented.story(131)])
    assert run("import", "jsonl", str(tmp_path / "news.jsonl")).returncode == 0
    build()
    assert "第131号" in (built / "index.html").read_text()
    assert archive.stat().st_mtime_ns == before, "older pages of a list stay as they are"

    (built / "style.css").write_text("")
    assert build().written == 1, "what somebody changed is put right"
    database.articles.delete_one({"_id": invented.story(60).id})
    build()
    assert not target.exists()


def test_the_index_is_a_third_of_the_text_at_most():
    """Of stories as long and as varied as news are; `make bench` tells of real ones."""
    index, size = Index(), 0
    words = [chr(0x4E00 + (i * i * 7919) % 3000) + chr(0x4E00 + (i * 104729) % 3000) for i in range(4000)]
    for number in range(300):
        text = "，".join(
            words[int((number * 31 + i * (i + number)) ** 1.3) % 4000] + "的" + words[(i * i + number) % 700]
            for i in range(150)
        )
        size += len(text.encode())
        index.add("2024-03-01-0000000000", text)
    files = dict(index.files())
    assert sum(len(text.encode()) for text in files.values()) < size * 0.35
    assert max(len(text.encode()) for text in files.values()) < 30_000


def test_pairs_are_those_of_words():
    assert pairs("臺灣，ＡＢ c 一") == {"台湾", "ab"}


def test_pictures_are_brought(run, database, tmp_path):
    """Those of the domains that are allowed; what is no picture is told of."""
    site = Site(with_recordings=False)
    png = b"\x89PNG\r\n\x1a\n" + bytes(50)
    kind = {"Content-Type": "image/png"}
    site.add("/a.png", png, headers=kind)
    site.add("/b.png", b"<html>", headers=kind)
    made = invented.story(1)
    urls = [f"{site.origin}/{name}" for name in ("a.png", "b.png", "none.png")] + ["http://10.0.0.1/x.png"]
    made.article.images = [Image(url=url, is_lead=number == 0) for number, url in enumerate(urls)]
    run("import", "jsonl", str(invented.write(tmp_path / "s.jsonl", [made])))
    allowed = ("-s", "PICTURE_DOMAINS=127.0.0.1", "-s", "DOWNLOAD_DELAY=0", "-s", "RETRY_ENABLED=0")
    done = run("reader", "-o", str(tmp_path / "reader"), "--images", *allowed)
    site.close()
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for said in ("b.png: not_a_picture", "none.png: http_404", "x.png: not in PICTURE_DOMAINS"):
        assert said in done.stderr, done.stderr
    (page,) = (tmp_path / "reader" / "stories").rglob("*.html")
    assert 'src="../../pictures/' in page.read_text()
    (picture,) = (tmp_path / "reader" / "pictures").iterdir()
    assert picture.read_bytes() == png
    book = run("export", "-o", str(tmp_path / "a.epub"), "--images", *allowed)
    assert book.returncode == 0, book.stderr


def test_what_cannot_be(run, tmp_path):
    empty = run("reader", "-o", str(tmp_path / "reader"))
    assert empty.returncode == 1
    assert "no article yet" in empty.stderr
    assert run("reader", "x").returncode == 2
