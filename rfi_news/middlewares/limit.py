"""`-a limit=n`: at most n new articles."""

import asyncio
from typing import Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured

from rfi_news.site.addresses import Kind


class LimitMiddleware:
    """Lets through as many stories as are still allowed, and closes the run as `limit` when all are stored.

    It stands behind the scheduler, so that the freshest stories known are the ones let through. One that is not had
    (not answered, not read, known under another address, not stored) gives its place to those still waiting.
    """

    def __init__(self, crawler: Crawler, limit: int) -> None:
        self.crawler = crawler
        self.limit = limit
        self.let_through = 0
        self.stored = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the spider's limit; without one this middleware stays out."""
        limit = getattr(getattr(crawler.spider, "args", None), "limit", None)
        if not limit:
            raise NotConfigured
        middleware = cls(crawler, limit)
        crawler.signals.connect(middleware.item_scraped, signals.item_scraped)
        return middleware

    def process_request(self, request: Request) -> None:
        """Turn a story away when every place is taken. Raises IgnoreRequest."""
        if _is_story(request) and not request.meta.get("let_through"):
            if self.let_through - self._lost() >= self.limit:
                raise IgnoreRequest("limit reached")
            self.let_through += 1
            request.meta["let_through"] = True  # a retry or a redirect of it is the same story

    def _lost(self) -> int:
        stats = self.crawler.stats.get_stats()
        failed = sum(count for name, count in stats.items() if name.startswith("failed/article/"))
        return int(failed) + int(stats.get("articles/double", 0)) + int(stats.get("store/unsaved", 0))

    def item_scraped(self, item: Any) -> None:
        """Close the run when the last allowed story is stored."""
        self.stored += 1
        if self.stored == self.limit:
            self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="limit"))


def _is_story(request: Request) -> bool:
    address = request.cb_kwargs.get("address")
    return address is not None and address.kind is Kind.ARTICLE
