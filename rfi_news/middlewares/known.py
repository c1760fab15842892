"""What is known is not asked for again."""

import logging
from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, timedelta
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from rfi_news.exceptions import StoreError
from rfi_news.items import Article
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
        self.hops: dict[str, int] = {}
        """Stories met in this run, and the most hops that were left at one."""
        self.links: dict[str, list[str]] = {}
        """The same-topic links of those read in this run."""
        self.absent: set[str] = set()
        """Those that were not in the store: a page that lists one brings something new."""
        self.refresh: bool = getattr(getattr(crawler.spider, "args", None), "refresh", False)
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
                run_id = self.crawler.stats.get_value("run/id")
                if run_id:  # a run that is killed leaves behind how far it was to look
                    await self.store.note(run_id, since=spider.since.isoformat())
            except StoreError as error:
                close_run(self.crawler, error)
                return
            logger.info("Looking back to %s", spider.since)
        async for request in start:
            yield request

    async def _floor(self, spider: EditionSpider) -> date:
        """The first day to look for, and whether pages of known stories may hide unknown ones behind them."""
        now = datetime.now(PARIS)
        newest = await self.store.newest_day(spider.edition.code, until=now)
        floor = min(newest or now.date(), spider.args.until or now.date()) - FIRST_DAYS
        topics = spider.args.given().get("topics")
        # With `until`, the first pages hold nothing that is wanted, and say nothing of those behind.
        self.pages_past_known = newest is None or spider.args.until is not None
        for run in await self.store.last_runs(spider.name, but=self.crawler.stats.get_value("run/id")):
            if _is_complete(run):
                if "topics" not in run["arguments"] or run["arguments"].get("topics") == topics:
                    return floor
                continue
            self.pages_past_known = True
            unreached = run["since"] or run["arguments"].get("since")
            if unreached and "limit" not in run["arguments"] and run["arguments"].get("topics") == topics:
                floor = min(floor, date.fromisoformat(unreached))
        self.pages_past_known = True
        return floor

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass on items, and requests for what is new."""
        stories: list[Request] = []
        pages: list[Request] = []
        async for output in result:
            address = output.cb_kwargs.get("address") if isinstance(output, Request) else None
            if isinstance(output, Article):
                stories += self._take_links(output, response)
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

    def _take_links(self, article: Article, response: Response) -> list[Request]:
        """Remember a story's links; follow them further than asked when it was since met nearer to a topic page."""
        request = response.request
        address = request.cb_kwargs.get("address") if request else None
        if request is None or address is None:
            return []
        self.links[address.url] = [related.url for related in article.related]
        hops = self.hops.get(address.url, 0)
        return self._requests(self.links[address.url], hops - 1) if hops > request.cb_kwargs["hops"] else []

    async def _wanted(self, stories: list[Request], pages: list[Request]) -> AsyncIterator[Request]:
        new, had = await self._sift(stories)
        for request in new:
            yield request
        has_new = any(request.cb_kwargs["address"].url in self.absent for request in stories)
        for request in pages:
            if has_new or self.pages_past_known or request.cb_kwargs["address"].page == 1:
                yield request
        while had:  # not fetched (again), but what they are linked to may be missing: an earlier run was cut off
            new, had = await self._sift(await self._linked(had))
            for request in new:
                yield request

    async def _sift(self, requests: Iterable[Request]) -> tuple[list[Request], list[Request]]:
        """Requests for stories that are new, and those for stories that are had, whose links are still to be followed.

        A story met again with more hops left is followed once more, that far.
        """
        fresh: dict[str, Request] = {}
        deeper: dict[str, Request] = {}
        for request in requests:
            url, hops = request.cb_kwargs["address"].url, request.cb_kwargs["hops"]
            if url not in self.hops:
                fresh[url] = request
            elif hops > self.hops[url]:
                (fresh if url in fresh else deeper)[url] = request
            self.hops[url] = max(hops, self.hops.get(url, 0))
        known = set() if self.refresh else await self.store.known(fresh)
        self.absent.update(url for url in fresh if url not in known)
        self.crawler.stats.inc_value("articles/known", len(known))
        had = {url: request for url, request in (fresh | deeper).items() if url in known or url in deeper}
        return [fresh[url] for url in fresh if url not in known], [r for r in had.values() if r.cb_kwargs["hops"]]

    async def _linked(self, had: list[Request]) -> list[Request]:
        """Requests for the same-topic links of stories in this run's memory or in the store."""
        hops = {request.cb_kwargs["address"].url: request.cb_kwargs["hops"] for request in had}
        found = [request for url in hops for request in self._requests(self.links.get(url, []), hops[url] - 1)]
        for source, target in await self.store.linked([url for url in hops if url not in self.links]):
            found += self._requests([target], hops[source] - 1)
        return found

    def _requests(self, urls: list[str], hops: int) -> list[Request]:
        spider = self.crawler.spider
        if not isinstance(spider, EditionSpider):
            return []
        addresses = (parse(url) for url in urls)
        return [spider.article_request(a, hops) for a in addresses if a and a.edition == spider.edition.code]


def _is_complete(run: dict[str, Any]) -> bool:
    """Whether a run came to its end and read every topic page it asked for."""
    failed = any(name.startswith("listing/") for name in run["failed"])
    return run["reason"] == "finished" and not failed and "limit" not in run["arguments"]
