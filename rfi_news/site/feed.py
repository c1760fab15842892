"""The site's RSS: `/cn/rss` and `/cn/<section>/rss`, its newest stories with their times.

How many entries a feed holds is not known; what matters is how far back it reaches. pubDate is GMT; a link may carry a
random query (docs/site-history.md).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lxml import etree
from scrapy.http import Response

from rfi_news import words
from rfi_news.exceptions import IncompletePageError, NotHtmlError
from rfi_news.site.addresses import Address, Kind, parse


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One story a feed tells of."""

    address: Address
    title: str
    published_at: datetime | None
    """UTC; None where the feed does not say."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What one feed holds."""

    entries: list[FeedEntry] = field(default_factory=list)

    @property
    def times(self) -> list[datetime]:
        """When its stories were published."""
        return [entry.published_at for entry in self.entries if entry.published_at]

    def reaches(self, moment: datetime | None) -> bool:
        """Whether it tells of everything published since `moment`: its oldest story is not younger."""
        return moment is not None and bool(self.times) and min(self.times) <= moment


def parse_feed(response: Response) -> Feed:
    """Read an RSS 2.0 document.

    Raises NotHtmlError (`empty`), IncompletePageError (`no_feed`) when the response holds no RSS. Entries that lead to
    no story of the site are passed over.
    """
    if not response.body.strip():
        raise NotHtmlError(response.url, "empty", "an empty feed")
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(response.body, parser)
    except etree.XMLSyntaxError:
        root = None
    if root is None or etree.QName(root).localname not in ("rss", "RDF"):
        raise IncompletePageError(response.url, "no_feed", "no RSS")
    entries: dict[str, FeedEntry] = {}
    for item in root.iter("{*}item"):
        address = parse(item.findtext("{*}link") or "", origin=response.url)
        if address is None or address.kind is not Kind.ARTICLE:
            continue
        title = words.clean(item.findtext("{*}title") or "")
        entries.setdefault(address.url, FeedEntry(address, title, _moment(item.findtext("{*}pubDate") or "")))
    return Feed(list(entries.values()))


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
