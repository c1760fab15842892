"""Deduplicate."""

from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from rfi_news.exceptions import StoreUnavailableError
from rfi_news.items import Article
from rfi_news.pipelines.store import unsaved
from rfi_news.store.store import Store


class DeduplicatePipeline:
    """Drops an article whose canonical address came before, in this run or in the store.

    Requests for known addresses are never sent; what comes here twice was fetched under two addresses of one story.
    With `-a refresh=1` only doubles of the run itself are dropped.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.stats = crawler.stats
        self.store = Store.of(crawler)
        self.refresh: bool = getattr(getattr(crawler.spider, "args", None), "refresh", False)
        self.seen: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        return cls(crawler)

    async def process_item(self, item: Any) -> Any:
        """Pass a new article on. Raises DropItem for a known one."""
        if not isinstance(item, Article):
            return item
        try:
            is_known = item.url in self.seen or (not self.refresh and await self.store.known([item.url]))
        except StoreUnavailableError as error:
            raise unsaved(self.crawler, item, error) from None
        if is_known:
            self.stats.inc_value("articles/double")
            raise DropItem(f"Known: {item.url}")
        self.seen.add(item.url)
        return item
