"""Writes what a crawl took to the file named by BENCH_STATS: pages, seconds, seconds to the first answer, peak memory."""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler


class Measure:
    def __init__(self) -> None:
        self.pages = 0
        self.first = self.last = self.began = 0.0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.received, signals.response_received)
        crawler.signals.connect(extension.scraped, signals.item_scraped)
        crawler.signals.connect(extension.closed, signals.spider_closed)
        return extension

    def received(self, **_: Any) -> None:
        self.pages += 1
        self.last = time.perf_counter()
        self.first = self.first or self.last
        self.began = self.began or time.time()

    def scraped(self, **_: Any) -> None:
        self.last = time.perf_counter()  # the store's answer counts

    def closed(self, **_: Any) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1_000_000 if sys.platform == "darwin" else 1000)
        figures = {
            "pages": self.pages,
            "seconds": self.last - self.first,
            "start_seconds": self.began - float(os.environ.get("BENCH_BEGAN", "0")),
            "peak_mb": peak,
        }
        Path(os.environ["BENCH_STATS"]).write_text(json.dumps(figures))
