"""The spider every edition shares: topic pages, then their stories, then the stories on the same topic."""

import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure

from rfi_news import words
from rfi_news.exceptions import PageError
from rfi_news.items import Article
from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.article import parse_article
from rfi_news.site.editions import Edition
from rfi_news.site.listing import Listing, parse_listing
from rfi_news.spiders.arguments import Arguments
from rfi_news.spiders.failures import is_unanswered, reason_of

logger = logging.getLogger(__name__)

LISTINGS_FIRST = 10_000_000  # above any story's priority, which is its day's number
DAY = timedelta(days=1)


class EditionSpider(Spider):
    """Crawls one edition. A subclass names itself and its `edition`; arguments are those of `Arguments`.

    Raises ArgumentError for an argument that cannot be used.
    """

    edition: ClassVar[Edition]

    def __init__(self, name: str | None = None, **given: Any) -> None:
        super().__init__(name)
        self.args = Arguments.read(given, self.edition)
        self.since: date | None = self.args.since
        """First Paris day wanted. Where the argument is silent, KnownMiddleware sets it from what is stored."""
        self.allowed_domains = ["rfi.fr", urlsplit(self.args.origin).hostname or ""]

    async def start(self) -> AsyncIterator[Any]:
        """Ask for the first page of every topic."""
        for address in self.args.topics or self._all_topics():
            yield self.listing_request(address)

    def _all_topics(self) -> Iterator[Address]:
        """Home page, sections, and the index of columns, which leads to the columns."""
        code = self.edition.code
        paths = [f"/{code}/", *(f"/{code}/{name}/" for name in self.edition.sections)]
        if self.edition.columns_index:
            paths.append(f"/{code}/{self.edition.columns_index}/")
        return filter(None, map(parse, paths))

    def listing_request(self, address: Address, previous: frozenset[str] = frozenset()) -> Request:
        """A page of a listing; `previous` are the stories of the page before it."""
        return Request(
            address.at(self.args.origin),
            self.parse_listing,
            errback=self.failed,
            priority=LISTINGS_FIRST - address.page,
            cb_kwargs={"address": address, "previous": previous},
        )

    def article_request(self, address: Address, hops: int) -> Request:
        """A story, fresh before old; `hops` of same-topic links are to be followed from it."""
        return Request(
            address.at(self.args.origin),
            self.parse_article,
            errback=self.failed,
            priority=address.day.toordinal() if address.day else 0,
            cb_kwargs={"address": address, "hops": hops},
        )

    def parse_listing(self, response: Response, address: Address, previous: frozenset[str]) -> Iterator[Request]:
        """Follow a listing's stories, its next page while that may hold wanted ones, and the index's columns."""
        try:
            listing = parse_listing(response, stats=self.crawler.stats)
        except PageError as error:
            self._count_failure(error.reason, address, str(error))
            return
        self.crawler.stats.inc_value("listings/fetched")
        self.crawler.stats.inc_value("listings/entries", len(listing.entries))
        for entry in listing.entries:
            if self._is_wanted(entry.address):
                yield self.article_request(entry.address, self.args.related)
        if address.kind is Kind.COLUMNS and not self.args.topics:
            yield from self._columns(listing.columns)
        elif listing.next and self._goes_on(listing, previous):
            yield self.listing_request(listing.next, frozenset(entry.address.url for entry in listing.entries))

    def parse_article(self, response: Response, address: Address, hops: int) -> Iterator[Article | Request]:
        """Take a story, and follow its same-topic links."""
        self.crawler.stats.inc_value("articles/fetched")
        try:
            article = parse_article(response, stats=self.crawler.stats)
        except PageError as error:
            self.crawler.stats.inc_value("articles/unread")
            self._count_failure(error.reason, address, str(error))
            return
        article.fetched_at = datetime.now(UTC).replace(microsecond=0)
        yield article
        if hops:
            for related in article.related:
                found = parse(related.url)
                if found and found.edition == self.edition.code:
                    yield self.article_request(found, hops - 1)

    def failed(self, failure: Failure) -> Iterator[Request]:
        """Count what was not fetched, by reason; an index of columns that fails is replaced by the columns known."""
        request: Request = failure.request  # type: ignore[attr-defined]
        address: Address = request.cb_kwargs["address"]
        reason = reason_of(failure)
        if is_unanswered(failure) and not self.crawler.stats.get_value("response_received_count"):
            self._count_failure(reason, address, f"{request.url}: {failure.getErrorMessage()}", logging.INFO)
            raise CloseSpider("site_unreachable")
        # A section that the site has given up, or not yet filled, unless it was asked for by name.
        is_section = address.kind is not Kind.ARTICLE and address.page == 1 and not self.args.topics
        if is_section and reason in ("http_404", "http_410"):
            self.crawler.stats.inc_value("listings/absent")
            logger.info("No such topic page: %s", request.url)
        elif reason != "limit":
            self._count_failure(reason, address, f"{request.url}: {failure.getErrorMessage()}")
        if address.kind is Kind.COLUMNS and not self.args.topics:
            yield from self._columns([])

    def _columns(self, found: list[Address]) -> Iterator[Request]:
        """The columns an index led to, and without any the ones known."""
        known = (parse(f"/{self.edition.code}/{self.edition.columns_index}/{name}/") for name in self.edition.columns)
        yield from map(self.listing_request, found or filter(None, known))

    def _is_wanted(self, address: Address) -> bool:
        """Whether a story may have been published on a wanted day.

        A story's day in the address is its displayed day or the day before, so the day before `since` counts too; an
        address without a day may be any.
        """
        day = address.day
        if day is None:
            return True
        return (self.since is None or day >= self.since - DAY) and (self.args.until is None or day <= self.args.until)

    def _goes_on(self, listing: Listing, previous: frozenset[str]) -> bool:
        """Whether the next page may hold wanted stories: this one has some not older than `since`, and new to it."""
        urls = {entry.address.url for entry in listing.entries}
        oldest_wanted = self.since - DAY if self.since else None
        days = [entry.address.day for entry in listing.entries]
        return bool(urls - previous) and any(
            day is None or oldest_wanted is None or day >= oldest_wanted for day in days
        )

    def _count_failure(self, reason: str, address: Address, detail: str, level: int = logging.WARNING) -> None:
        kind = "article" if address.kind is Kind.ARTICLE else "listing"
        self.crawler.stats.inc_value(f"failed/{kind}/{reason}")
        logger.log(level, "Failed (%s): %s", reason, words.clean(detail))  # a server's words must not drive a terminal
