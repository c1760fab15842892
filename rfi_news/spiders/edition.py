"""The spider every edition shares: what the sources tell of, and the stories on the same topic."""

import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure

from rfi_news import clock, words
from rfi_news.exceptions import MovedError, NotSentError, PageError, RefusedError
from rfi_news.items import Article
from rfi_news.site.addresses import Address, Kind, archive_of, parse, sitemap_of
from rfi_news.site.article import parse_article
from rfi_news.site.dates import PARIS
from rfi_news.site.editions import Edition
from rfi_news.site.feed import Feed, parse_feed
from rfi_news.site.listing import Listing, parse_listing
from rfi_news.site.sitemap import month_of, parse_sitemap
from rfi_news.spiders.arguments import Arguments
from rfi_news.spiders.failures import is_unanswered, reason_of
from rfi_news.spiders.visits import Outcome, visited, wanted

logger = logging.getLogger(__name__)

LISTINGS_FIRST = 10_000_000  # above any story's priority, which is its day's number
DAY = timedelta(days=1)
REFUSALS_OF_A_PAGE = 4
"""How often one listing is asked for again in a run after a refusal; the run itself ends at five in a row."""


class EditionSpider(Spider):
    """Crawls one edition. A subclass names itself and its `edition`; arguments are those of `Arguments`.

    Raises ArgumentError for an argument that cannot be used.
    """

    edition: ClassVar[Edition]

    def __init__(self, name: str | None = None, **given: Any) -> None:
        super().__init__(name)
        self.args = Arguments.read(given, self.edition)
        self.since: date | None = self.args.since
        """First Paris day wanted. Where the argument is silent, FrontierMiddleware sets it from what is stored."""
        self.allowed_domains = ["rfi.fr", urlsplit(self.args.origin).hostname or ""]

    def now(self) -> datetime:
        """The time of this run, UTC."""
        return clock.now(self.crawler.settings)

    # Where to begin ---------------------------------------------------------------------------

    async def start(self) -> AsyncIterator[Any]:
        """Ask the sources: first the cheap ones that tell what is new."""
        sources = self.args.sources
        if "rss" in sources and not self.args.topics:
            main = parse(f"/{self.edition.code}/rss")
            if main:
                yield self.feed_request(main)
        else:
            for request in self._topics(must=True):
                yield request
        if "sitemap" in sources:
            for name in ("news.xml", "index.xml"):
                yield self._request(sitemap_of(self.edition, name), self.parse_sitemap)
        if "archive" in sources:
            for day in self._days():
                yield self._request(archive_of(self.edition, day), self.parse_archive)

    def _days(self) -> Iterator[date]:
        """The wanted Paris days, the latest first."""
        today = self.now().astimezone(PARIS).date()
        day = min(self.args.until or today, today)
        while self.since is not None and day >= self.since:
            yield day
            day -= DAY

    def _topics(self, *, must: bool, feeds: bool = True) -> Iterator[Request]:
        """The topics of this run. `must`: RSS could have missed something in each; else those whose turn it is.

        A section's feed is one request that reaches further back than a page, though not to a `since` of last month.
        """
        with_pages = "topics" in self.args.sources
        with_feeds = "rss" in self.args.sources and must and feeds and not (with_pages and self.args.since)
        for topic in self.args.topics or self._all_topics():
            if with_feeds and topic.feed and topic.section:
                yield self.feed_request(topic.feed, topic=topic)
            elif with_pages:
                yield self.listing_request(topic, must=must)
        if with_pages and not must and not self.args.topics:
            for column in self._known_columns():  # those the index once led to; the others may not exist
                request = self.listing_request(column, must=False)
                yield request.replace(meta=request.meta | {"if_known": True})

    def _all_topics(self) -> Iterator[Address]:
        """Home page, sections, and the index of columns, which leads to the columns."""
        code = self.edition.code
        paths = [f"/{code}/", *(f"/{code}/{name}/" for name in self.edition.sections)]
        if self.edition.columns_index:
            paths.append(f"/{code}/{self.edition.columns_index}/")
        return filter(None, map(parse, paths))

    def _known_columns(self) -> Iterator[Address]:
        code, index = self.edition.code, self.edition.columns_index
        return filter(None, (parse(f"/{code}/{index}/{name}/") for name in self.edition.columns))

    # Requests ---------------------------------------------------------------------------------

    def _request(
        self, address: Address, callback: Any, *, must: bool = True, priority: int = 0, **more: Any
    ) -> Request:
        return Request(
            address.at(self.args.origin),
            callback,
            errback=self.failed,
            priority=LISTINGS_FIRST + priority,
            cb_kwargs={"address": address, **more},
            meta={"must": must, "handle_httpstatus_list": [304]},
            dont_filter=True,  # what was asked for is in the frontier
        )

    def listing_request(
        self,
        address: Address,
        previous: frozenset[str] = frozenset(),
        *,
        must: bool = True,
        floor: date | None = None,
    ) -> Request:
        """A page of a listing.

        `previous` are the stories of the page before it; `floor` the Paris day it is to be paged to, past known stories
        too; without one it is paged while that brings something new.
        """
        return self._request(
            address, self.parse_listing, must=must, priority=-address.page, previous=previous, floor=floor
        )

    def feed_request(self, address: Address, topic: Address | None = None, mark: datetime | None = None) -> Request:
        """A feed: the edition's, or of one `topic`. `mark` is the newest time in it when it was last read."""
        return self._request(address, self.parse_feed, topic=topic, mark=mark)

    def article_request(
        self,
        address: Address,
        depth: int = 0,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        **found: Any,
    ) -> Request:
        """A story, fresh before old, `depth` same-topic links away from what the sources list.

        With validators of an earlier visit the server may answer 304. `found` tells where and when it was found.
        """
        validators = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        return Request(
            address.at(self.args.origin),
            self.parse_article,
            errback=self.failed,
            headers={name: value for name, value in validators.items() if value},
            priority=address.day.toordinal() if address.day else 0,
            cb_kwargs={"address": address, "depth": depth},
            meta={"found": found, "handle_httpstatus_list": [304]},
            dont_filter=True,
        )

    # Reading ----------------------------------------------------------------------------------

    def parse_listing(
        self, response: Response, address: Address, previous: frozenset[str], floor: date | None
    ) -> Iterator[Request]:
        """Follow a listing's stories, its next page while that may hold wanted ones, and the index's columns."""
        if response.status == 304:  # noqa: PLR2004
            self._say(address, Outcome.READ, status=304)
            return
        try:
            listing = parse_listing(response, stats=self.crawler.stats)
        except PageError as error:
            self._fail(error.reason, address, str(error), response.status)
            return
        self.crawler.stats.inc_value("listings/fetched")
        self.crawler.stats.inc_value("listings/entries", len(listing.entries))
        since = min(floor, self.since) if floor and self.since else floor or self.since
        for entry in listing.entries:
            if self._is_wanted(entry.address, since):
                yield self.article_request(entry.address, source="topics", discovered_from=address.url)
        if address.kind is Kind.COLUMNS and not self.args.topics:
            yield from self._columns(listing.columns, must=response.meta["must"])
        elif listing.next and self._goes_on(listing, previous, since):
            seen = frozenset(entry.address.url for entry in listing.entries)
            yield self.listing_request(listing.next, seen, floor=floor)
        self._say(address, Outcome.READ, status=response.status)

    def parse_feed(
        self, response: Response, address: Address, topic: Address | None, mark: datetime | None
    ) -> Iterator[Request]:
        """Follow a feed's stories; ask the topic pages where they may hold what the feed no longer does."""
        if response.status == 304:  # noqa: PLR2004
            feed, reaches = Feed(), mark is not None
        else:
            try:
                feed = parse_feed(response)
            except PageError as error:
                self._fail(error.reason, address, str(error), response.status)
                yield from self._instead_of_feed(topic)
                return
            reaches = self._reaches(feed, mark)
        self.crawler.stats.inc_value("feeds/fetched")
        self.crawler.stats.inc_value("feeds/entries", len(feed.entries))
        for entry in feed.entries:
            day = entry.published_at.astimezone(PARIS).date() if entry.published_at else entry.address.day
            if self._is_within(day, self.since):
                yield self.article_request(
                    entry.address, source="rss", discovered_from=address.url, fresh=entry.published_at
                )
        if not reaches and not topic:
            logger.info("%s does not reach back far enough, asking the topics: %s", address.path, response.url)
        if topic is None:
            yield from self._topics(must=not reaches)
        elif not reaches and "topics" in self.args.sources:
            yield self.listing_request(topic)
        newest = max((moment for moment in feed.times if moment <= self.now()), default=None)
        self._say(address, Outcome.READ, status=response.status, mark=newest or mark, topic=topic if reaches else None)

    def _reaches(self, feed: Feed, mark: datetime | None) -> bool:
        """Whether a feed tells of everything since it was last read, or since the first wanted day."""
        first = datetime.combine(self.since, time(), PARIS).astimezone(UTC) if self.since else None
        if self.args.since or self.args.until:
            return feed.reaches(first)
        return feed.reaches(mark) or feed.reaches(first)

    def _instead_of_feed(self, topic: Address | None) -> Iterator[Request]:
        if topic is None:
            yield from self._topics(must=True, feeds=False)
        elif "topics" in self.args.sources:
            yield self.listing_request(topic)

    def parse_sitemap(self, response: Response, address: Address) -> Iterator[Request]:
        """Follow an index to the months wanted, and a month's file to its stories."""
        try:
            sitemap = parse_sitemap(response)
        except PageError as error:
            self._fail(error.reason, address, str(error), response.status)
            return
        self.crawler.stats.inc_value("sitemaps/fetched")
        self.crawler.stats.inc_value("sitemaps/entries", len(sitemap.entries))
        for child in sitemap.children:
            month = month_of(child)
            # A month is one of UTC or of Paris: the day before and after belong to it as well.
            last = (month + timedelta(days=32)).replace(day=1) if month else None
            early = self.args.until and month and month - DAY > self.args.until
            late = self.since and last and last < self.since
            if month and not early and not late:
                yield self._request(child, self.parse_sitemap)
        for entry in sitemap.entries:
            # Without a day in its address, a story last changed before `since` was published before it.
            old = entry.address.day is None and entry.modified_at and self.since
            if self._is_wanted(entry.address, self.since) and not (
                old and entry.modified_at.astimezone(PARIS).date() < self.since  # type: ignore[union-attr, operator]
            ):
                yield self.article_request(
                    entry.address, source="sitemap", discovered_from=address.url, modified_at=entry.modified_at
                )
        self._say(address, Outcome.READ, status=response.status)

    def parse_archive(self, response: Response, address: Address) -> Iterator[Request]:
        """Follow every story of one day."""
        try:
            listing = parse_listing(response, stats=self.crawler.stats)
        except PageError as error:
            self._fail(error.reason, address, str(error), response.status)
            return
        self.crawler.stats.inc_value("archives/fetched")
        self.crawler.stats.inc_value("archives/entries", len(listing.entries))
        if not self.args.list_only:
            for entry in listing.entries:
                fresh = datetime.combine(address.day, time(12), PARIS) if address.day else None
                yield self.article_request(entry.address, source="archive", discovered_from=address.url, fresh=fresh)
        listed = [entry.address.url for entry in listing.entries]
        self._say(address, Outcome.READ, status=response.status, listed=listed)

    def parse_article(self, response: Response, address: Address, depth: int) -> Iterator[Article | Request]:
        """Take a story, and what it is linked to."""
        self.crawler.stats.inc_value("articles/fetched")
        if response.status == 304:  # noqa: PLR2004
            self.crawler.stats.inc_value("articles/unchanged")
            self._say(address, Outcome.UNCHANGED, status=304)
            return
        try:
            article = parse_article(response, stats=self.crawler.stats)
        except PageError as error:
            self.crawler.stats.inc_value("articles/unread")
            self._fail(error.reason, address, str(error), response.status)
            return
        article.fetched_at = self.now().replace(microsecond=0)
        for related in article.related:
            found = parse(related.url)
            if found and found.edition == self.edition.code:
                yield self.article_request(found, depth + 1, source="related", discovered_from=article.url)
        yield article

    # What was not had -------------------------------------------------------------------------

    def failed(self, failure: Failure) -> Iterator[Request]:
        """Say what was not fetched, by reason; what it would have led to is looked for elsewhere."""
        request: Request = failure.request  # type: ignore[attr-defined]
        address: Address = request.cb_kwargs["address"]
        error = failure.value
        reason = reason_of(failure)
        if isinstance(error, NotSentError):
            self._say(address, Outcome.UNSENT)
        elif isinstance(error, MovedError):
            self.crawler.stats.inc_value("articles/moved")
            self._say(address, Outcome.MOVED, target=parse(error.target))
        elif isinstance(error, RefusedError):
            yield from self._refused(request, address, reason)
        elif is_unanswered(failure) and not self.crawler.stats.get_value("response_received_count"):
            self._fail(reason, address, f"{request.url}: {failure.getErrorMessage()}", level=logging.INFO)
            raise CloseSpider("site_unreachable")
        elif reason in ("http_404", "http_410") and self._may_be_absent(address):
            kind = {Kind.ARTICLE: "articles", Kind.FEED: "feeds"}.get(address.kind, "listings")
            self.crawler.stats.inc_value(f"{kind}/absent")
            logger.info("No such page (%s): %s", reason, request.url)
            self._say(address, Outcome.GONE, status=int(reason[-3:]))
            self._ask_instead(request, address)
        else:
            self._fail(reason, address, f"{request.url}: {failure.getErrorMessage()}")
            self._ask_instead(request, address)

    def _refused(self, request: Request, address: Address, reason: str) -> Iterator[Request]:
        times = request.meta.get("refused", 0) + 1
        self._say(address, Outcome.REFUSED, reason=reason)
        if address.kind is Kind.ARTICLE:
            return  # the frontier brings it again
        own = {Kind.FEED: "rss", Kind.SITEMAP: "sitemap"}.get(address.kind)
        has_others = own is not None and bool(set(self.args.sources) - {own, "related"})
        if has_others or times > REFUSALS_OF_A_PAGE:
            self._fail(reason, address, f"{request.url}: refused")
            self._ask_instead(request, address)
            return
        yield request.replace(meta=request.meta | {"refused": times})

    def _may_be_absent(self, address: Address) -> bool:
        """Whether it is no failure that the site has no such page.

        A story is gone; a section may be given up or not yet filled, unless it was asked for by name; a day may have
        no news; a section may have no feed.
        """
        if address.kind in (Kind.ARTICLE, Kind.FEED):
            return address.kind is Kind.ARTICLE or address.section is not None
        return address.page == 1 and not self.args.topics and address.kind is not Kind.SITEMAP

    def _ask_instead(self, request: Request, address: Address) -> None:
        """Ask what stands in for a page that was not had: topic pages for a feed, the columns known for their index."""
        requests: list[Request] = []
        if address.kind is Kind.FEED:
            requests += self._instead_of_feed(request.cb_kwargs["topic"])
        elif address.kind is Kind.COLUMNS and not self.args.topics:
            requests += self._columns([], must=request.meta["must"])
        if requests:
            self.crawler.signals.send_catch_log(wanted, requests=requests)

    def _columns(self, found: list[Address], *, must: bool) -> Iterator[Request]:
        """The columns an index led to, and without any the ones known."""
        columns: Iterable[Address] = found or self._known_columns()
        yield from (self.listing_request(column, must=must) for column in columns)

    # ------------------------------------------------------------------------------------------

    def _is_wanted(self, address: Address, since: date | None) -> bool:
        """Whether a story may have been published on a wanted day.

        A story's day in the address is its displayed day or the day before, so the day before `since` counts too; an
        address without a day may be any.
        """
        return self._is_within(address.day, since - DAY if since else None)

    def _is_within(self, day: date | None, since: date | None) -> bool:
        if day is None:
            return True
        return (since is None or day >= since) and (self.args.until is None or day <= self.args.until)

    def _goes_on(self, listing: Listing, previous: frozenset[str], since: date | None) -> bool:
        """Whether the next page may hold wanted stories: this one has some not older than `since`, and new to it."""
        urls = {entry.address.url for entry in listing.entries}
        oldest_wanted = since - DAY if since else None
        days = [entry.address.day for entry in listing.entries]
        return bool(urls - previous) and any(
            day is None or oldest_wanted is None or day >= oldest_wanted for day in days
        )

    def _say(self, address: Address, outcome: Outcome, **more: Any) -> None:
        self.crawler.signals.send_catch_log(visited, address=address, outcome=outcome, **more)

    def _fail(
        self, reason: str, address: Address, detail: str, status: int | None = None, level: int = logging.WARNING
    ) -> None:
        kind = "listing" if address.kind is Kind.COLUMNS else address.kind.value
        self.crawler.stats.inc_value(f"failed/{kind}/{reason}")
        logger.log(level, "Failed (%s): %s", reason, words.clean(detail))  # a server's words must not drive a terminal
        self._say(address, Outcome.FAILED, reason=reason, status=status)
