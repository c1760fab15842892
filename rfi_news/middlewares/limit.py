"""`-a limit=n`: at most n new articles."""

import asyncio
from typing import Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http import Response

from rfi_news.site.addresses import Kind


class LimitMiddleware:
    """Lets through as many stories as are still allowed, and closes the run as `limit` when all are stored.

    It stands behind the scheduler, so that the freshest stories known are the ones let through. A story that is not
    answered or not stored gives its place to the next.
    """

    def __init__(self, crawler: Crawler, limit: int) -> None:
        self.crawler = crawler
        self.limit = limit
        self.places = limit
        self.stored = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the spider's limit; without one this middleware stays out."""
        limit = getattr(getattr(crawler.spider, "args", None), "limit", None)
        if not limit:
            raise NotConfigured
        middleware = cls(crawler, limit)
        crawler.signals.connect(middleware.item_scraped, signals.item_scraped)
        crawler.signals.connect(middleware.item_lost, signals.item_dropped)
        crawler.signals.connect(middleware.item_lost, signals.item_error)
        return middleware

    def process_request(self, request: Request) -> None:
        """Turn a story away when every place is taken. Raises IgnoreRequest."""
        if _is_story(request) and not request.meta.get("has_place"):
            if not self.places:
                raise IgnoreRequest("limit reached")
            self.places -= 1
            request.meta["has_place"] = True

    def process_response(self, request: Request, response: Response) -> Response:
        """Take back the place of a story that was answered with an error."""
        if request.meta.get("has_place") and response.status >= 400:  # noqa: PLR2004
            self.places += 1
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Take back the place of a story that was not answered."""
        if request.meta.get("has_place") and str(exception) != "limit reached":
            self.places += 1

    def item_lost(self, item: Any) -> None:
        """Take back the place of a story that was not stored."""
        self.places += 1

    def item_scraped(self, item: Any) -> None:
        """Close the run when the last allowed story is stored."""
        self.stored += 1
        if self.stored == self.limit:
            self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="limit"))


def _is_story(request: Request) -> bool:
    address = request.cb_kwargs.get("address")
    return address is not None and address.kind is Kind.ARTICLE
