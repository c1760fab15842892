"""The address grammar of www.rfi.fr: which page an address names, and its one canonical form.

    /cn/<section>/<YYYYMMDD>-<slug>                 story
    /cn/专栏检索/<column>/<YYYYMMDD>-<slug>          story of a column: two parts before the date
    /cn/<YYYYMMDD>-<slug>, /cn/<slug>                story without a section; AFP's of 2021 without a date too
    /cn/, /cn/<section>/, /cn/关键词/<tag>/, …       listing, its further pages under <n>/
    /cn/档案资料库/<YYYY>/<MM>/<DD>--                day archive
    /cn/rss, /cn/<section>/rss, /sitemaps/cn/*.xml   feeds

Grammar of 11,500 dated addresses of 2020-09 to 2024-04; see docs/site-history.md.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_to_bytes, urljoin, urlsplit

from rfi_news.site.editions import CODES, EDITIONS, Edition

HOST = "https://www.rfi.fr"

_ALIASES = frozenset({"www.rfi.fr", "rfi.fr"})
_PORTS = {None, 80, 443}
_DATED = re.compile(r"(\d{4})(\d\d)(\d\d)-.")
_PAGE = re.compile(r"[1-9]\d{0,4}")
_ARCHIVE_PART = re.compile(r"(\d+)-*")


class Kind(StrEnum):
    """What an address leads to."""

    ARTICLE = "article"
    LISTING = "listing"
    COLUMNS = "columns"
    ARCHIVE = "archive"
    FEED = "feed"
    SITEMAP = "sitemap"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Address:
    """One address of the site, in canonical form, and what it says of its page."""

    url: str
    """https://www.rfi.fr and the path, percent-encoded in upper case; no query, no fragment."""
    kind: Kind
    edition: str | None = None
    section: str | None = None
    """First part after the edition, where there are more (中国, 专栏检索)."""
    column: str | None = None
    """The part after 专栏检索."""
    day: date | None = None
    """The day in a story's or an archive page's address. A story's is its first publication day in Paris; the displayed
    day is the same in 95.3 % and the next one in 4.7 % of stories, never an earlier one: no substitute for its time."""
    page: int = 1
    """Number of a listing's page."""

    @property
    def path(self) -> str:
        """The path, decoded, for people."""
        return unquote(urlsplit(self.url).path)

    def at(self, origin: str) -> str:
        """Where to fetch this page when `origin` (scheme and host) stands in for https://www.rfi.fr."""
        return origin.rstrip("/") + self.url[len(HOST) :]

    def on_page(self, number: int) -> "Address":
        """The address of another page of this listing."""
        base = re.sub(r"/[1-9]\d{0,4}/$", "/", self.url) if self.page > 1 else self.url
        found = parse(f"{base}{number}/" if number > 1 else base)
        if found is None:  # pragma: no cover — an address of the site stays one
            raise ValueError(self.url)
        return found

    @property
    def feed(self) -> "Address | None":
        """The RSS of this listing, if it is the home page or a section; columns, tags and authors have none known."""
        is_section = self.section is not None and self.column is None and self.kind is Kind.LISTING
        if self.kind is not Kind.LISTING or self.path.count("/") > (3 if is_section else 2):
            return None
        return parse(self.on_page(1).url + "rss")


def archive_of(edition: Edition, day: date) -> Address:
    """The page that lists everything an edition published on a Paris day."""
    return _known(f"/{edition.code}/{edition.archive}/{day:%Y/%m/%d}--")


def sitemap_of(edition: Edition, name: str) -> Address:
    """A sitemap of an edition: `index.xml`, `news.xml`."""
    return _known(f"/sitemaps/{edition.code}/{name}")


def _known(path: str) -> Address:
    found = parse(path)
    if found is None:  # pragma: no cover — the grammar reads its own addresses
        raise ValueError(path)
    return found


def canonical(url: str) -> str:
    """The one address under which a page is known, whatever form a link to it has.

    Raises ValueError when `url` is no address of www.rfi.fr.
    """
    address = parse(url)
    if address is None:
        raise ValueError(f"{url!r} is no address of {HOST}")
    return address.url


def parse(href: str, *, base: str = HOST + "/", origin: str = HOST) -> Address | None:
    """Read an address of the site; None for anything else.

    `base` resolves a relative address; a link to `origin`'s host counts as one to the site. Takes the aliases in use:
    http, rfi.fr, doubled slashes, raw or percent-encoded Chinese, tracking queries, `#pager`.
    """
    href = href.strip()
    if not href or href.startswith("#") or re.search(r"\s", href):
        return None
    try:
        parts = urlsplit(urljoin(base, href))
        if parts.scheme not in {"http", "https"}:
            return None
        if (parts.hostname not in _ALIASES or parts.port not in _PORTS) and parts.netloc != urlsplit(origin).netloc:
            return None
        return _read(parts.path)
    except ValueError:  # unbalanced brackets, a port that is no number, half a surrogate pair
        return None


@lru_cache(maxsize=8192)  # one address comes back on many pages, and decoding it is most of the work
def _read(raw_path: str) -> Address:  # noqa: C901, PLR0911 — the grammar, one form after the other
    path = quote(re.sub(rb"/{2,}", b"/", unquote_to_bytes(raw_path)), safe="/-_.~") or "/"
    decoded = unquote(path)
    parts = [part for part in decoded.split("/") if part]
    if parts[:1] == ["sitemaps"]:
        return Address(HOST + path, Kind.SITEMAP, parts[1] if len(parts) > 1 and parts[1] in CODES else None)
    if not parts or parts[0] not in CODES:
        return Address(HOST + path, Kind.OTHER)
    code, *rest = parts
    edition = EDITIONS[code]
    slashed = HOST + path.rstrip("/") + "/"
    plain = slashed[:-1]
    if not rest:
        return Address(slashed, Kind.LISTING, code)
    if rest[-1] in {"rss", "podcast"}:
        return Address(plain, Kind.FEED, code, rest[0] if len(rest) > 1 else None)
    if rest[0] == edition.archive:
        return Address(plain if len(rest) > 1 else slashed, Kind.ARCHIVE, code, rest[0], day=_archive_day(rest[1:]))

    in_column = rest[0] == edition.columns_index
    section = rest[0] if len(rest) > 1 else None
    column = rest[1] if in_column and len(rest) > 1 else None
    day = _day_of(rest[-1])
    if day:
        return Address(plain, Kind.ARTICLE, code, section, column if len(rest) > 2 else None, day)  # noqa: PLR2004
    if rest[0] in edition.services:
        return Address(HOST + path, Kind.OTHER, code)

    page = 1
    named_first = rest[0] in {edition.tags, edition.authors}  # the part after it is a name, even if it is a number
    if len(rest) > (2 if named_first else 1) and _PAGE.fullmatch(rest[-1]):
        page = int(rest.pop())
        if page == 1:
            slashed = slashed.rsplit("/", 2)[0] + "/"
    if in_column:
        kind = Kind.COLUMNS if len(rest) == 1 else Kind.LISTING
        if len(rest) <= 2 or decoded.endswith("/"):  # noqa: PLR2004
            return Address(slashed, kind, code, rest[0], rest[1] if len(rest) > 1 else None, page=page)
        return Address(plain, Kind.ARTICLE, code, section, column)
    if decoded.endswith("/") or named_first or page > 1 or (rest[0] in edition.sections and len(rest) == 1):
        return Address(slashed, Kind.LISTING, code, rest[0], page=page)
    return Address(plain, Kind.ARTICLE, code, section)


def _day_of(slug: str) -> date | None:
    found = _DATED.match(slug)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _archive_day(parts: list[str]) -> date | None:
    numbers = [_ARCHIVE_PART.fullmatch(part) for part in parts[:3]]
    try:
        return date(*(int(number[1]) for number in numbers if number))
    except (TypeError, ValueError):  # fewer than three numbers, or no such day
        return None
