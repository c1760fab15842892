"""Store."""

import logging
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider

from rfi_news.exceptions import KeptOutError, StoreError, StoreRejectedError
from rfi_news.items import Article
from rfi_news.store.store import Store, close_run

logger = logging.getLogger(__name__)


def unsaved(crawler: Crawler, article: Article, error: StoreError) -> KeptOutError:
    """Count an article for which the store was away, close the run, and return what its pipeline is to raise."""
    crawler.stats.inc_value("store/unsaved")
    close_run(crawler, error)
    return KeptOutError("unsaved", f"Not stored, to be fetched again: {article.url}: {error}", log_level="ERROR")


class StorePipeline:
    """Stores an article and its related links; the article goes on to the feeds once the server has acknowledged it.

    When the store stays silent for longer than STORE_PATIENCE the run closes as `store_unavailable`, and every article
    in hand is named in the log: none of them counts as known, so the next run fetches it.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.store = Store.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl; with nothing left to fetch there is nothing to gather bulks for."""
        pipeline = cls(crawler)
        crawler.signals.connect(pipeline.store.flush, signals.scheduler_empty)
        return pipeline

    async def open_spider(self) -> None:
        """Connect. Raises CloseSpider when the store cannot be used."""
        try:
            await self.store.open()
        except StoreError as error:
            logger.info("Store: %s", error)  # the run's account says it aloud
            self.crawler.stats.set_value("store/error", str(error))
            raise CloseSpider("store_unavailable") from None

    async def process_item(self, item: Any) -> Any:
        """Store an article, count it as new or revised. Raises KeptOutError when it is unchanged, or was not stored."""
        if not isinstance(item, Article):
            return item
        stats = self.crawler.stats
        try:
            saved = await self.store.save(item)
        except StoreRejectedError as error:
            stats.inc_value("failed/article/store_rejected")
            raise KeptOutError("store_rejected", f"Not stored: {item.url}: {error}", log_level="ERROR") from None
        except StoreError as error:
            raise unsaved(self.crawler, item, error) from None
        if saved.is_new:
            stats.inc_value("articles/new")
        elif saved.revision:
            stats.inc_value("articles/revised")
            stats.inc_value(f"revisions/{saved.revision.size}")
            logger.info("Revised (%s): %s", saved.revision.size, item.url)
        else:
            stats.inc_value("articles/unchanged")
            raise KeptOutError("unchanged", f"Unchanged: {item.url}", log_level="DEBUG")
        return item

    async def close_spider(self) -> None:
        """Write what is left to write."""
        if self.store.is_open:
            await self.store.settled()
