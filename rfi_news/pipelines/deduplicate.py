"""Deduplicate."""

from typing import Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from rfi_news.exceptions import KeptOutError, MovedError, StoreError
from rfi_news.items import Article
from rfi_news.pipelines.store import unsaved
from rfi_news.site.addresses import parse
from rfi_news.spiders.edition import EditionSpider
from rfi_news.store.store import Store


class DeduplicatePipeline:
    """Drops an article that is on its way twice, and recognizes one that came out under another address.

    What is stored is not asked for again; what comes here twice was fetched under two addresses of one story. A new
    story with the time and the headline, or the text, of a stored one may have moved here: the stored address is asked,
    and if it redirects here, both are one story, which keeps its `_id`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.stats = crawler.stats
        self.store = Store.of(crawler)
        self.under_way: set[str] = set()
        """Articles on their way to the store; one that comes later in a long run is another visit."""
        self.answered: set[str] = set()
        """Addresses that answered in this run, and so have not moved."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        pipeline = cls(crawler)
        crawler.signals.connect(pipeline.done, signals.item_scraped)
        crawler.signals.connect(pipeline.done, signals.item_dropped)
        return pipeline

    def done(self, item: Any) -> None:
        """Let an article come again."""
        if isinstance(item, Article):
            self.under_way.discard(item.url)

    async def process_item(self, item: Any) -> Any:
        """Pass an article on. Raises KeptOutError (`known`) for one that came before."""
        if not isinstance(item, Article):
            return item
        if item.url in self.under_way:
            self.stats.inc_value("articles/double")
            raise KeptOutError("known", f"Known: {item.url}")
        self.under_way.add(item.url)
        self.answered.add(item.url)
        try:
            twin = await self.store.twin(item)
            if twin is not None and twin not in self.answered:
                self.answered.add(twin)
                await self._join(twin, item)
        except StoreError as error:
            raise unsaved(self.crawler, item, error) from None
        return item

    async def _join(self, twin: str, item: Article) -> None:
        old, new, spider = parse(twin), parse(item.url), self.crawler.spider
        if old is None or new is None or not isinstance(spider, EditionSpider):
            return
        request = Request(old.at(spider.args.origin), cb_kwargs={"address": old})
        try:
            await self.crawler.engine.download_async(request)
        except MovedError as moved:
            if moved.target == new.url:
                self.stats.inc_value("articles/moved")
                await self.store.join(old, new, spider.now())
        except IgnoreRequest:
            pass  # refused, or forbidden: nothing is known of it, and they stay two
        except Exception:  # noqa: BLE001 — no answer; the visit it is due for will tell
            self.stats.inc_value("articles/twin_unanswered")
