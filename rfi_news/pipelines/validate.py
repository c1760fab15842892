"""Validate."""

from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.statscollectors import StatsCollector

from rfi_news.exceptions import KeptOutError
from rfi_news.items import Article, problems_of


class ValidatePipeline:
    """Keeps out an article that does not meet the schema of `Article`, and counts it by the field at fault."""

    def __init__(self, stats: StatsCollector) -> None:
        self.stats = stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        return cls(crawler.stats)

    def process_item(self, item: Any) -> Any:
        """Pass a valid article on. Raises KeptOutError for any other, naming fields and reasons."""
        if not isinstance(item, Article):
            return item
        problems = problems_of(item)
        if problems:
            self.stats.inc_value("articles/unread")
            for field in problems:
                self.stats.inc_value(f"failed/article/invalid_{field}")
            said = "; ".join(f"{field}: {reason}" for field, reason in problems.items())
            raise KeptOutError("invalid", f"Invalid: {item.url}: {said}", log_level="WARNING")
        return item
