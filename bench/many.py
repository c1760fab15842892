"""The fixtures' stories, multiplied into a site of any size on loopback."""

import gzip
import re
import threading
import urllib.request
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin

from rfi_news.recordings import read_folder, response_of
from rfi_news.site.addresses import Kind, parse

FIXTURES = Path(__file__).parent.parent / "fixtures" / "site"
PAGE = 20
SECTIONS = ("中国", "国际", "法国", "欧洲", "经贸")
_FILLER = (
    "<style>" + "".join(f".u-x{n}{{flex:0 0 {n % 100}%;display:-webkit-box}}" for n in range(700)) + "</style></head>"
)


class Many:
    """A site of `count` stories; a context manager that gives its origin."""

    def __init__(self, count: int) -> None:
        bodies = [response_of(path).text for url, path in read_folder(FIXTURES).items() if _is_story(url)]
        bodies = [body for body in bodies if "t-content__title" in body]
        self.pages: dict[str, bytes] = {"/robots.txt": b"User-agent: *\nDisallow:\n"}
        listed: dict[str, list[str]] = {}
        for number in range(count):
            section = SECTIONS[number % len(SECTIONS)]
            day = date(2026, 1, 31) - timedelta(days=number // 30)
            path = quote(f"/cn/{section}/{day:%Y%m%d}-story-{number}")
            listed.setdefault(f"/cn/{section}/", []).append(path)
            body = bodies[number % len(bodies)].replace("</head>", _FILLER)
            # It must be its own: canonical link and og:url would make it the fixture it was made from.
            body = re.sub(
                r"(rel=[\"']canonical[\"'] href=|property=[\"']og:url[\"'] content=)[\"'][^\"']*[\"']",
                rf'\1"https://www.rfi.fr{path}"',
                body,
            )
            self.pages[path] = body.encode()
        for name, paths in listed.items():
            for first in range(0, len(paths), PAGE):
                number = first // PAGE + 1
                cards = "".join(
                    f'<div class="m-item-list-article" data-article-list><a href="{path}" data-article-item-link></a>'
                    f'<div class="article__title"><a href="{path}" data-article-item-link><h2>{path[-8:]}</h2></a></div></div>'
                    for path in paths[first : first + PAGE]
                )
                following = f'<a class="m-pagination__item__link--next" href="{quote(name)}{number + 1}/#pager">›</a>'
                pager = following if first + PAGE < len(paths) else ""
                body = f"<html><head>{_FILLER}<body><main>{cards}<ol class='m-pagination'>{pager}</ol></main></body></html>"
                self.pages[quote(name) + (f"{number}/" if number > 1 else "")] = body.encode()

    def __enter__(self) -> str:
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or each answer waits 40 ms for the one before to be acknowledged
            wbufsize = -1

            def do_GET(self) -> None:
                body = pages.get(quote(unquote(self.path)))
                packed = "gzip" in self.headers.get("Accept-Encoding", "") and body is not None
                if packed:  # as the site does, each time anew
                    body = gzip.compress(body, 1)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "text/html; charset=UTF-8")
                self.send_header("Content-Length", str(len(body or b"")))
                if packed:
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()


def fetch_stories(origin: str, count: int = 300) -> list[tuple[str, bytes]]:
    """Stories that the first topic pages of a site list, with their addresses."""
    found: list[tuple[str, bytes]] = []
    for section in SECTIONS:
        for page in ("", "2/", "3/"):
            listing = f"{origin}/cn/{quote(section)}/{page}"
            try:
                text = urllib.request.urlopen(listing).read().decode()  # noqa: S310 — loopback
            except OSError:
                continue
            for href in dict.fromkeys(re.findall(r'href="([^"]*)" (?:[^>]* )?data-article-item-link', text)):
                url = urljoin(listing, href)
                found.append((url, urllib.request.urlopen(url).read()))  # noqa: S310 — loopback
                if len(found) == count:
                    return found
    return found


def _is_story(url: str) -> bool:
    address = parse(url)
    return address is not None and address.kind is Kind.ARTICLE
