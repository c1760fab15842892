"""Network errors in one line each."""

import logging
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler


class PlainErrors:
    """Takes the traceback off what Scrapy logs when robots.txt cannot be fetched; the line already says what failed."""

    LOGGERS = ("scrapy.downloadermiddlewares.robotstxt",)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Filter for as long as the crawl runs."""
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self) -> None:
        """Begin."""
        for name in self.LOGGERS:
            logging.getLogger(name).addFilter(_one_line)

    def spider_closed(self) -> None:
        """End."""
        for name in self.LOGGERS:
            logging.getLogger(name).removeFilter(_one_line)


def _one_line(record: logging.LogRecord) -> bool:
    record.exc_info = None
    record.levelno, record.levelname = (
        logging.INFO,
        "INFO",
    )  # the listing pages that fail for the same reason say it louder
    return logging.getLogger().isEnabledFor(logging.INFO)
