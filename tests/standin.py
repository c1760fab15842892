"""A stand-in for www.rfi.fr/cn on loopback: a month of invented news that comes out by a clock of its own.

    python -m tests.standin --port 8901

While it runs, `GET /_ctl/…` moves it: `now?t=` (what exists), `edit?path=&title=&add=&byline=`, `gone?path=`, `back?path=`,
`move?path=&to=`, `fail?n=&status=&after=&path=`, `ban?rate=&seconds=`, `permanent`, `interstitial?n=`, `stats`, `reset`,
`truth` (the addresses a perfect crawl stores).
"""

import argparse
import hashlib
import json
import re
import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from rfi_news.site.addresses import HOST
from rfi_news.site.dates import PARIS

FIRST = datetime(2024, 3, 1, tzinfo=UTC)
SECTIONS = ("中国", "国际", "法国", "欧洲", "亚洲")
COLUMNS = ("要闻解说", "法国美食")
PAGE, FEED = 20, 30
INCAPSULA = b"<html><body><iframe src='/_Incapsula_Resource?x'>Request unsuccessful. Incapsula incident ID: 7-3</iframe></body></html>"


@dataclass
class Story:
    path: str
    title: str
    published: datetime
    paragraphs: list[str]
    related: list[str] = field(default_factory=list)
    byline: str | None = None
    modified: datetime | None = None
    is_listed: bool = True

    @property
    def listing(self) -> str:
        return self.path.rsplit("/", 1)[0] + "/"

    def page(self) -> bytes:
        iso, shown = self.published.isoformat(), self.published.astimezone(PARIS)
        modified = (
            f'<meta property="article:modified_time" content="{self.modified.isoformat()}">' if self.modified else ""
        )
        byline = (
            f'<div class="m-from-author"><span class="m-from-author__by-label">作者：</span><a class="m-from-author__name" title="{self.byline}" href="/cn/作者/x/">{self.byline}</a></div>'
            if self.byline
            else ""
        )
        cards = "".join(
            f'<a href="{quote(path)}" data-article-item-link><h2>同题 {path[-3:]}</h2></a>' for path in self.related
        )
        aside = f'<aside><div role="heading">同一主题</div>{cards}</aside>' if cards else ""
        body = "".join(f"<p>{escape(text)}</p>" for text in self.paragraphs)
        return (
            f'<!DOCTYPE html><html lang="zh-Hans"><head><meta charset="UTF-8"><link rel="canonical" href="{HOST}{quote(self.path)}">{modified}</head>'
            f'<body><main><article data-article-content><h1 class="t-content__title">{escape(self.title)}</h1>'
            f'<p class="m-pub-dates"><time datetime="{iso}" pubdate="pubdate">{shown:%d/%m/%Y - %H:%M}</time></p>{byline}'
            f'<div class="t-content__body u-clearfix">{body}</div></article>{aside}</main></body></html>'
        ).encode()


def stories(days: int, a_day: int) -> list[Story]:
    """`a_day` stories a day, two in five of them linked to earlier ones, and for each tenth an old one that no page lists."""
    found: list[Story] = []
    for number in range(days * a_day):
        published = FIRST + timedelta(days=number // a_day, minutes=(number % a_day) * (24 * 60 // a_day) + number % 7)
        digest = int(hashlib.sha1(str(number).encode()).hexdigest(), 16)  # noqa: S324 — dice
        day = f"{published.astimezone(PARIS):%Y%m%d}"
        place = f"专栏检索/{COLUMNS[digest % 2]}" if number % 6 == 5 else SECTIONS[digest % len(SECTIONS)]
        slug = f"{day}-云岭第{number}号新闻" if number % 40 else f"云岭第{number}号快讯"
        path = f"/cn/{slug}" if number % 40 == 0 else f"/cn/{place}/{slug}"
        story = Story(
            path,
            f"云岭第{number}号新闻：渡轮改在清晨{number % 12 + 1}点",
            published,
            [f"云岭市第{number}天的消息，港口一切如常。", f"市长林溪说，今年有{number + 100}人乘坐渡轮。", "完。"],
            byline="林溪" if number % 5 == 0 else None,
        )
        if number > 10 and digest % 5 < 2:
            story.related = [found[-1 - digest % 9].path, found[-2 - digest % 7].path]
        if number % 10 == 3:
            old = f"/cn/国际/2023{number % 12 + 1:02d}15-旧闻第{number}号"
            found.append(
                Story(
                    old,
                    f"旧闻第{number}号",
                    datetime(2023, number % 12 + 1, 15, 9, tzinfo=UTC),
                    ["旧闻一则。"],
                    is_listed=False,
                )
            )
            story.related = [*story.related, old]
        found.append(story)
    return found


class StandIn:
    """The site; `origin` tells where it listens."""

    def __init__(self, days: int = 10, a_day: int = 34, port: int = 0, *, validators: bool = True) -> None:
        self.stories = {story.path: story for story in stories(days, a_day)}
        self.validators = validators
        self.gone: set[str] = set()
        self.moves: dict[str, str] = {}
        self.now: datetime | None = None
        self.reset()
        self._sort()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                status, headers, body = site.answer(self.path, self.headers)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if status != 304:
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reset(self) -> None:
        self.asked: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.times: list[tuple[float, int]] = []
        self.fail: list[Any] = [0, 503, None, ""]
        self.interstitials = 0
        self.rate, self.ban_seconds, self.banned_until, self.is_permanent = 0.0, 0.0, 0.0, False
        self.recent: deque[float] = deque()

    def _sort(self) -> None:
        live = [story for story in self.stories.values() if self.now is None or story.published <= self.now]
        self.live = {story.path: story for story in live}
        self.listed = sorted((s for s in live if s.is_listed), key=lambda s: (s.published, s.path), reverse=True)
        self.listings: dict[str, list[Story]] = defaultdict(list, {"/cn/": self.listed})
        self.days: dict[str, list[Story]] = defaultdict(list)
        for story in self.listed:
            if story.listing != "/cn/":
                self.listings[story.listing].append(story)
        for story in live:
            self.days[f"{story.published.astimezone(PARIS):%Y/%m/%d}"].append(story)
        self.clock = self.now or self.listed[0].published

    def truth(self) -> list[str]:
        """The canonical address of every story that exists and can be found."""
        reached = {path for story in self.live.values() for path in story.related if path in self.live}
        return sorted(
            HOST + quote(s.path)
            for s in self.live.values()
            if (s.is_listed or s.path in reached) and s.path not in self.gone
        )

    def control(self, verb: str, query: dict[str, list[str]]) -> Any:  # noqa: C901 — a verb after the other
        given = {name: values[0] for name, values in query.items()}
        path = unquote(given.get("path", ""))
        if verb == "reset":
            self.reset()
        elif verb == "now":
            self.now = datetime.fromisoformat(given["t"])
            self._sort()
        elif verb == "edit":
            story = self.stories[path]
            story.title = given.get("title", story.title)
            story.byline = given.get("byline", story.byline)
            story.paragraphs += query.get("add", [])
            if "replace" in given:
                story.paragraphs = [text.replace(given["replace"], given["by"]) for text in story.paragraphs]
            story.modified = self.clock
        elif verb == "gone":
            self.gone.add(path)
        elif verb == "back":
            self.gone.discard(path)
        elif verb == "move":
            story = self.stories.pop(path)
            story.path = unquote(given["to"])
            self.stories[story.path] = story
            self.moves[path] = story.path
            self._sort()
        elif verb == "fail":
            self.fail = [int(given["n"]), int(given["status"]), given.get("after"), path]
        elif verb == "ban":
            self.rate, self.ban_seconds = float(given["rate"]), float(given["seconds"])
        elif verb == "permanent":
            self.is_permanent = True
        elif verb == "interstitial":
            self.interstitials = int(given["n"])
        elif verb == "truth":
            return self.truth()
        return {
            "kinds": self.kinds,
            "statuses": self.statuses,
            "asked": self.asked,
            "requests": sum(self.kinds.values()),
        }

    def answer(self, target: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(target)
        path = unquote(parts.path)
        if path.startswith("/_ctl/"):
            return (
                200,
                {"Content-Type": "application/json"},
                json.dumps(self.control(path[6:], parse_qs(parts.query))).encode(),
            )
        self.asked[path] += 1
        status, more, body, kind = self._refusal(path) or self._page(path)
        if status == 200 and self.validators and not path.endswith("robots.txt"):
            etag = more.setdefault("ETag", f'"{hashlib.md5(body).hexdigest()}"')  # noqa: S324 — a validator
            if headers.get("If-None-Match") == etag:
                status, body, kind = 304, b"", f"{kind}_not_modified"
        self.kinds[kind] += 1
        self.statuses[status] += 1
        self.times.append((time.monotonic(), status))
        return status, {"Content-Type": "text/html; charset=UTF-8", **more}, body

    def _refusal(self, path: str) -> tuple[int, dict[str, str], bytes, str] | None:
        now = time.monotonic()
        if self.is_permanent:
            return 403, {}, INCAPSULA, "banned"
        if self.rate:
            self.recent.append(now)
            while self.recent and self.recent[0] < now - 1:
                self.recent.popleft()
            if now < self.banned_until or len(self.recent) > self.rate:
                self.banned_until = self.banned_until if now < self.banned_until else now + self.ban_seconds
                return 403, {}, INCAPSULA, "banned"
        if self.fail[0] > 0 and path.startswith(self.fail[3]):
            self.fail[0] -= 1
            return self.fail[1], {"Retry-After": self.fail[2]} if self.fail[2] else {}, b"busy", "failed"
        if self.interstitials > 0:
            self.interstitials -= 1
            return 200, {}, INCAPSULA, "failed"
        return None

    def _page(self, path: str) -> tuple[int, dict[str, str], bytes, str]:  # noqa: PLR0911 — a page after the other
        path = re.sub("/{2,}", "/", path)
        if path == "/robots.txt":
            return 200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow:\n", "robots"
        if path in self.moves:
            return 301, {"Location": quote(self.moves[path])}, b"", "moved"
        if path in self.gone:
            return 410, {}, b"gone", "gone"
        if path in self.live:
            return 200, {}, self.live[path].page(), "article"
        feed = re.fullmatch(r"(/cn/(?:.+/)?)rss", path)
        if feed and (feed[1] == "/cn/" or self.listings.get(feed[1])):
            return 200, {"Content-Type": "application/rss+xml"}, self._rss(self.listings[feed[1]]), "rss"
        if path.startswith("/sitemaps/cn/"):
            body = self._sitemap(path.rsplit("/", 1)[1])
            return (200, {"Content-Type": "text/xml"}, body, "sitemap") if body else (404, {}, b"", "404")
        day = re.fullmatch(r"/cn/档案资料库/(\d{4}/\d\d/\d\d)--", path)
        if day:
            entries = "".join(
                f'<li><a href="{quote(s.path)}"><h2>{escape(s.title)}</h2></a></li>' for s in self.days.get(day[1], [])
            )
            return (
                200,
                {},
                f'<html><body><div class="o-archive-day"><ul>{entries}</ul></div></body></html>'.encode(),
                "archive",
            )
        if path == "/cn/专栏检索/":
            links = "".join(f'<a href="{quote(name)}"><h2>x</h2></a>' for name in self.listings if "专栏检索/" in name)
            return 200, {}, f"<html><body><main>{links}</main></body></html>".encode(), "listing"
        listing = re.fullmatch(r"(/cn/(?:.*?/)?)(?:(\d{1,3})/)?", path)
        if listing and self.listings.get(listing[1]):
            return 200, {}, self._listing(listing[1], int(listing[2] or 1)), "listing"
        return 404, {}, b"not found", "404"

    def _listing(self, name: str, number: int) -> bytes:
        listed = self.listings[name]
        cards = "".join(
            f'<div class="m-item-list-article" data-article-list><a href="{quote(s.path)}" data-article-item-link><h2>{escape(s.title)}</h2></a></div>'
            for s in listed[(number - 1) * PAGE : number * PAGE]
        )
        has_next = number * PAGE < len(listed) and name != "/cn/"
        pager = (
            f'<a class="m-pagination__item__link--next" href="{quote(name)}{number + 1}/#pager">›</a>'
            if has_next
            else ""
        )
        return f"<html><body><main>{cards}{pager}</main></body></html>".encode()

    def _rss(self, listed: list[Story]) -> bytes:
        items = "".join(
            f"<item><title>{escape(s.title)}</title><link>{HOST}{quote(s.path)}</link><pubDate>{format_datetime(s.published, usegmt=True)}</pubDate></item>"
            for s in listed[:FEED]
        )
        return f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>云岭</title>{items}</channel></rss>'.encode()

    def _sitemap(self, name: str) -> bytes | None:
        space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        if name == "index.xml":
            months = sorted({f"{s.published:%Y%m}" for s in self.live.values()})
            inside = "".join(
                f"<sitemap><loc>{HOST}/sitemaps/cn/contents_{month}.xml</loc></sitemap>" for month in months
            )
            return f"<sitemapindex {space}>{inside}</sitemapindex>".encode()
        month = re.fullmatch(r"contents_(\d{6})\.xml", name)
        if name != "news.xml" and not month:
            return None
        part = [s for s in self.live.values() if not month or f"{s.published:%Y%m}" == month[1]]
        inside = "".join(
            f"<url><loc>{HOST}{quote(s.path)}</loc><lastmod>{(s.modified or s.published).isoformat()}</lastmod></url>"
            for s in part
        )
        return f"<urlset {space}>{inside}</urlset>".encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8901)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--a-day", type=int, default=34)
    options = parser.parse_args()
    site = StandIn(options.days, options.a_day, options.port)
    print(f"{len(site.truth())} stories on {site.origin}/cn/ from {FIRST:%Y-%m-%d}; Ctrl-C ends", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
