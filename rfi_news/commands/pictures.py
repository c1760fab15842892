"""Pictures brought home, as politely as pages: one file each under DATA_DIR/pictures, shared by whoever shows them."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.settings import BaseSettings

from rfi_news.commands.terminal import working
from rfi_news.exceptions import RfiNewsError
from rfi_news.markup import is_web
from rfi_news.spiders.failures import reason_of

UrlsOf = Callable[[], Awaitable[list[str]]]
"""Asks for the addresses of pictures, on the crawl's event loop."""

_MAGIC = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png", b"GIF8": ".gif", b"RIFF": ".webp"}


@dataclass(slots=True)
class Fetched:
    """What came of fetching pictures."""

    new: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Address to reason."""
    urls: list[str] = field(default_factory=list)
    """All that were wanted."""
    error: RfiNewsError | None = None
    """Why it came to nothing."""
    end: str = ""
    """Why the crawl ended: `finished`, unless it was cut off."""


class Pictures:
    """The pictures at hand, by the address they came from."""

    def __init__(self, settings: BaseSettings) -> None:
        self.folder = Path(settings["DATA_DIR"]) / "pictures"
        self.domains: list[str] = settings.getlist("PICTURE_DOMAINS")

    def path(self, url: str) -> Path | None:
        """The file of a picture; None where it is not at hand."""
        stem = self._stem(url)
        return next((file for suffix in _MAGIC.values() if (file := stem.with_suffix(suffix)).is_file()), None)

    def at_hand(self, urls: Iterable[str]) -> dict[str, Path]:
        """Those of these pictures that are at hand."""
        return {url: file for url in urls if (file := self.path(url)) is not None}

    def may_fetch(self, url: str) -> bool:
        """Whether a picture may be asked for: an address in a page can name any host, and leads to few."""
        host = urlsplit(url).hostname or "" if is_web(url) else ""
        return any(host == domain or host.endswith(f".{domain}") for domain in self.domains)

    def keep(self, url: str, body: bytes) -> bool:
        """Keep a picture; False for bytes that are none a browser and a book can show."""
        suffix = next((suffix for magic, suffix in _MAGIC.items() if body.startswith(magic)), None)
        if suffix is None or (suffix == ".webp" and body[8:12] != b"WEBP"):
            return False
        file = self._stem(url).with_suffix(suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_bytes(body)
        part.replace(file)
        return True

    def _stem(self, url: str) -> Path:
        name = blake2b(url.encode("utf-8", "replace"), digest_size=12).hexdigest()
        return self.folder / name[:2] / name


class PictureSpider(Spider):
    """Fetches pictures that are not at hand."""

    name = "pictures"
    custom_settings = {  # noqa: RUF012 — files, not stories: nothing to store or account for
        "ITEM_PIPELINES": {},
        "SPIDER_MIDDLEWARES": {},
        "EXTENSIONS": {},
        "ADDONS": {},
    }

    def __init__(self, urls_of: UrlsOf, pictures: Pictures, outcome: Fetched, step: Callable[[int], None]) -> None:
        super().__init__()
        self.step = step
        self.urls_of = urls_of
        self.pictures = pictures
        self.outcome = outcome

    async def start(self) -> Any:
        """A request for each that is not at hand and may be asked for."""
        try:
            urls = await self.urls_of()
        except RfiNewsError as error:
            self.outcome.error = error
            return
        self.outcome.urls = list(dict.fromkeys(urls))
        for url in self.outcome.urls:
            if self.pictures.path(url) is not None:
                continue
            if not self.pictures.may_fetch(url):
                self.outcome.failed[url] = "not in PICTURE_DOMAINS"
                continue
            yield Request(url, self.read, errback=self.failed, cb_kwargs={"url": url}, headers={"Accept": "image/*"})

    def read(self, response: Response, url: str) -> None:
        """Keep it."""
        self.step(1)
        if self.outcome.error is not None:
            return
        try:
            is_kept = self.pictures.keep(url, response.body)
        except OSError as error:
            reason = error.strerror or error
            self.outcome.error = RfiNewsError(f"{self.pictures.folder}: pictures cannot be kept: {reason}")
            return
        if is_kept:
            self.outcome.new += 1
        else:
            self.outcome.failed[url] = "not_a_picture"

    def closed(self, reason: str) -> None:
        """Note why it ended."""
        self.outcome.end = reason

    def failed(self, failure: Any) -> None:
        """Say so."""
        self.step(1)
        self.outcome.failed[failure.request.cb_kwargs["url"]] = reason_of(failure)


def fetch(process: Any, pictures: Pictures, urls_of: UrlsOf) -> Fetched:
    """Fetch those that are not at hand; blocks until all are here or have failed. Raises what `urls_of` raises."""
    outcome = Fetched()
    with working("fetching", unit="pictures") as step:
        process.crawl(PictureSpider, urls_of=urls_of, pictures=pictures, outcome=outcome, step=step)
        process.start()
    if outcome.error is not None:
        raise outcome.error
    if outcome.end != "finished":  # Scrapy has taken the Ctrl-C for itself
        raise KeyboardInterrupt
    return outcome
