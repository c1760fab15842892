"""Requests to the site go to the origin that stands in for it."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from rfi_news.site.addresses import HOST, parse


class OriginMiddleware:
    """Turns a request for www.rfi.fr, as a redirect or a component may make it, into one to `-a origin=…`.

    The spider asks the origin by itself; without that argument this middleware stays out.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the spider's origin."""
        args = getattr(crawler.spider, "args", None)
        if args is None or args.origin == HOST:
            raise NotConfigured
        return cls(args.origin)

    def process_request(self, request: Request) -> Request | None:
        """Replace a request to the site itself."""
        address = parse(request.url)
        if address is None or request.url.startswith(self.origin + "/"):
            return None
        return request.replace(url=address.at(self.origin))
