"""Recorded pages in place of the site: one form serves unit tests, whole crawls, `scrapy check` and the demo.

A page is `NAME.html` (its bytes), `NAME.meta.json` (address, status, headers) and, for tests, `NAME.expected.json`.
Use: -s HTTPCACHE_ENABLED=1 -s HTTPCACHE_STORAGE=rfi_news.recordings.Recordings -s HTTPCACHE_DIR=fixtures/site
"""

import json
from pathlib import Path

from scrapy import Request, Spider
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.settings import BaseSettings

from rfi_news.site.addresses import parse


class Recordings:
    """A read-only `HTTPCACHE_STORAGE` over a folder of recorded pages."""

    def __init__(self, settings: BaseSettings) -> None:
        self.pages = read_folder(Path(settings["HTTPCACHE_DIR"]))

    def open_spider(self, spider: Spider) -> None:
        """Nothing to open."""

    def close_spider(self, spider: Spider) -> None:
        """Nothing to close."""

    def retrieve_response(self, spider: Spider, request: Request) -> Response:
        """The recorded answer; 404 for a page that was not recorded."""
        address = parse(request.url)
        path = self.pages.get(address.url) if address else None
        return response_of(path, request.url) if path else Response(request.url, status=404)

    def store_response(self, spider: Spider, request: Request, response: Response) -> None:
        """Recordings are made by hand."""


def read_folder(folder: Path) -> dict[str, Path]:
    """Canonical address to meta file, for every page of a folder."""
    found = {}
    for path in sorted(folder.glob("*.meta.json")):
        address = parse(json.loads(path.read_text(encoding="utf-8"))["url"])
        if address:
            found[address.url] = path
    return found


def response_of(meta_path: Path, url: str | None = None) -> Response:
    """A recorded page as the response that it was."""
    meta = json.loads(meta_path.read_text(encoding="utf-8"))
    body = meta_path.with_name(meta.get("file", meta_path.name.replace(".meta.json", ".html"))).read_bytes()
    headers = Headers(meta["headers"])
    kind = responsetypes.from_args(headers=headers, url=meta["url"], body=body)
    return kind(url or meta["url"], status=meta["status"], headers=headers, body=body)
