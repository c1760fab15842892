"""What went over the line: requests by kind, answers that said “unchanged”, how long they took."""

from typing import Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response


class Traffic:
    """Counts every request that reaches the network by the kind of its page, components' and retries included."""

    def __init__(self, crawler: Crawler) -> None:
        self.stats = crawler.stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        extension = cls(crawler)
        crawler.signals.connect(extension.sent, signals.request_reached_downloader)
        crawler.signals.connect(extension.answered, signals.response_downloaded)
        return extension

    def sent(self, request: Request) -> None:
        """Count a request."""
        address = request.cb_kwargs.get("address")
        kind = address.kind.value if address is not None else "other"
        self.stats.inc_value(f"requests/{kind}")

    def answered(self, request: Request, response: Response) -> None:
        """Count an answer."""
        self.stats.inc_value("answers/all")
        if response.status == 304:  # noqa: PLR2004
            self.stats.inc_value("answers/unchanged")
        latency = request.meta.get("download_latency")
        if latency is not None:
            self.stats.inc_value("latency/milliseconds", round(latency * 1000))
            self.stats.max_value("latency/slowest", round(latency * 1000))
