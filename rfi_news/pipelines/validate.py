"""Validate."""

import logging
from dataclasses import asdict
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.statscollectors import StatsCollector

from rfi_news.items import Article

logger = logging.getLogger(__name__)


class ValidatePipeline:
    """Keeps out an article that does not meet the schema of `Article`, and counts it by the field at fault."""

    def __init__(self, stats: StatsCollector) -> None:
        self.stats = stats
        self.schema = TypeAdapter(Article)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        return cls(crawler.stats)

    def process_item(self, item: Any) -> Any:
        """Pass a valid article on. Raises DropItem for any other, naming fields and reasons."""
        if not isinstance(item, Article):
            return item
        try:
            self.schema.validate_python(asdict(item), strict=False)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)
            for field in {str(problem["loc"][0]) for problem in problems if problem["loc"]}:
                self.stats.inc_value(f"failed/article/invalid_{field}")
            said = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems[:3])
            raise DropItem(f"Invalid: {item.url}: {said}", log_level="WARNING") from None
        return item
