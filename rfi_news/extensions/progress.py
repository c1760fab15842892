"""One line of progress on a terminal."""

import sys
from logging import StreamHandler
from typing import Self

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.log import get_scrapy_root_handler


class Progress:
    """Shows what the run has done so far; stays out where nobody watches: a log, a pipe, Scrapyd."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """On a terminal only, and not where the log goes to it in full."""
        if not sys.stderr.isatty() or not crawler.settings.getbool("LOG_ENABLED"):
            raise NotConfigured
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.moved, signals.response_received)
        crawler.signals.connect(extension.moved, signals.item_scraped)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self) -> None:
        """Begin, with the log's own lines above the progress."""
        self.task = self.bar.add_task(f"{self.crawler.settings['BOT_NAME']}: asking for the topic pages …")
        self.bar.start()
        _log_to_stderr()  # by now the one that draws around the progress line

    def moved(self) -> None:
        """Say where the run stands."""
        value = self.crawler.stats.get_value
        scheduler = self.crawler.engine.scheduler
        waiting = len(scheduler) if scheduler is not None and hasattr(scheduler, "__len__") else 0
        failed = sum(count for name, count in self.crawler.stats.get_stats().items() if name.startswith("failed/"))
        parts = [
            f"{value('listings/fetched', 0)} topic pages",
            f"{value('articles/fetched', 0)} articles",
            f"{value('articles/new', 0)} new",
            f"{value('articles/known', 0)} known",
            f"{failed} failed",
            f"{waiting} waiting",
        ]
        self.bar.update(self.task, description=" · ".join(parts))

    def spider_closed(self) -> None:
        """End; the line goes, the account that follows stays."""
        self.bar.stop()
        _log_to_stderr()


def _log_to_stderr() -> None:
    handler = get_scrapy_root_handler()
    if isinstance(handler, StreamHandler):
        handler.setStream(sys.stderr)
