"""What is known is not asked for again."""

import logging
from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, timedelta
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from rfi_news.exceptions import StoreError
from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.dates import PARIS
from rfi_news.spiders.edition import EditionSpider
from rfi_news.store.store import Store, close_run

logger = logging.getLogger(__name__)

FIRST_DAYS = timedelta(days=3)
"""How far back a run without `since` looks: from today on an empty store, from the newest stored story afterwards."""


class KnownMiddleware:
    """Drops requests for stories that are stored or already asked for, and stops the paging that brings only such.

    A listing is paged past known stories where the user gave `since`, or where the last run did not come to its end.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.store = Store.of(crawler)
        self.asked: set[str] = set()
        self.pages_past_known = True

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Settle how far back to look, before the first request."""
        spider = self.crawler.spider
        if isinstance(spider, EditionSpider) and spider.since is None:
            try:
                spider.since = await self._floor(spider)
            except StoreError as error:
                close_run(self.crawler, error)
                return
            logger.info("Looking back to %s", spider.since)
        async for request in start:
            yield request

    async def _floor(self, spider: EditionSpider) -> date:
        today = datetime.now(PARIS).date()
        newest = await self.store.newest_day(spider.edition.code)
        last = await self.store.last_run(spider.name, but=self.crawler.stats.get_value("run/id"))
        floor = min(newest or today, today) - FIRST_DAYS
        self.pages_past_known = newest is None or last is None or last.get("reason") != "finished"
        if last and self.pages_past_known:  # what the last run was to reach, and perhaps did not
            unreached = last["since"] or last["arguments"].get("since")
            floor = min(floor, date.fromisoformat(unreached)) if unreached else floor
        return floor

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass on items, and requests for what is new."""
        stories: list[Request] = []
        pages: list[Request] = []
        async for output in result:
            address = output.cb_kwargs.get("address") if isinstance(output, Request) else None
            if not isinstance(address, Address):
                yield output
            elif address.kind is Kind.ARTICLE:
                stories.append(output)
            else:
                pages.append(output)
        try:
            async for request in self._wanted(stories, pages):
                yield request
        except StoreError as error:
            close_run(self.crawler, error)

    async def _wanted(self, stories: list[Request], pages: list[Request]) -> AsyncIterator[Request]:
        new, known = await self._sift(stories)
        for request in new:
            yield request
        for request in pages:
            if new or self.pages_past_known or request.cb_kwargs["address"].page == 1:
                yield request
        while known:  # not fetched, but what they are linked to may be missing: an earlier run was cut off
            behind, known = await self._sift(await self._linked(known))
            for request in behind:
                yield request

    async def _sift(self, requests: Iterable[Request]) -> tuple[list[Request], list[Request]]:
        """Of the requests not made in this run yet: those for new stories, and those for stored ones."""
        fresh: dict[str, Request] = {}
        for request in requests:
            url = request.cb_kwargs["address"].url
            if url not in self.asked:
                fresh.setdefault(url, request)
        self.asked.update(fresh)
        if getattr(getattr(self.crawler.spider, "args", None), "refresh", False):
            return list(fresh.values()), []
        known = await self.store.known(fresh)
        self.crawler.stats.inc_value("articles/known", len(known))
        return [fresh[url] for url in fresh if url not in known], [fresh[url] for url in fresh if url in known]

    async def _linked(self, known: list[Request]) -> list[Request]:
        """Requests for the same-topic links of stored stories, as following them from their pages would make."""
        spider = self.crawler.spider
        hops = {request.cb_kwargs["address"].url: request.cb_kwargs["hops"] for request in known}
        sources = [url for url, left in hops.items() if left]
        if not isinstance(spider, EditionSpider) or not sources:
            return []
        found = []
        for source, target in await self.store.linked(sources):
            address = parse(target)
            if address and address.edition == spider.edition.code:
                found.append(spider.article_request(address, hops[source] - 1))
        return found
