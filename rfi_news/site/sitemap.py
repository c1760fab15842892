"""Sitemaps: `/sitemaps/cn/index.xml`, its monthly files, and `news.xml` for Google News (docs/site-history.md)."""

import gzip
import io
import re
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime

from lxml import etree
from scrapy.http import Response
from scrapy.utils.sitemap import Sitemap as SitemapXml

from rfi_news.exceptions import IncompletePageError
from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.dates import machine_time

_MONTH = re.compile(r"contents_(\d{4})(\d\d)\.xml")
_MAX_BYTES = 100_000_000  # the protocol allows 50 MB


@dataclass(frozen=True, slots=True)
class SitemapEntry:
    """One story a sitemap tells of."""

    address: Address
    modified_at: datetime | None
    """Its `lastmod`, UTC; never before its publication."""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """One sitemap: an index with `children`, or a list of stories."""

    entries: list[SitemapEntry] = field(default_factory=list)
    children: list[Address] = field(default_factory=list)


def parse_sitemap(response: Response) -> Sitemap:
    """Read a sitemap or an index of sitemaps, plain or gzipped.

    Raises IncompletePageError (`no_sitemap`) for anything else.
    """
    body = response.body
    if body[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(body)) as file:
                body = file.read(_MAX_BYTES)
        except (OSError, EOFError, zlib.error):
            body = b""
    try:
        found = SitemapXml(body)
        if found.type not in ("urlset", "sitemapindex"):
            raise IncompletePageError(response.url, "no_sitemap", f"no sitemap but <{found.type}>")
        listed = list(found)
    except (etree.XMLSyntaxError, StopIteration):
        raise IncompletePageError(response.url, "no_sitemap", "no sitemap") from None
    entries, children = [], []
    for node in listed:
        address = parse(node["loc"], origin=response.url)
        if address is None:
            continue
        if found.type == "sitemapindex" and address.kind is Kind.SITEMAP:
            children.append(address)
        elif found.type == "urlset" and address.kind is Kind.ARTICLE:
            entries.append(SitemapEntry(address, machine_time(node.get("lastmod", ""))))
    return Sitemap(entries, children)


def month_of(address: Address) -> date | None:
    """The first day of the month a monthly file is of; None for any other file."""
    found = _MONTH.search(address.url)
    try:
        return date(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:
        return None
