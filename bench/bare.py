"""The least a spider can do: follow the links rfi_cn follows, in the same order of haste, and keep nothing."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

from scrapy import Request, Spider
from scrapy.http import Response

from rfi_news.site.editions import CN


class BareSpider(Spider):
    name = "bare"
    custom_settings: ClassVar[dict[str, Any]] = {
        "CONCURRENT_REQUESTS": 1,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "EXTENSIONS": {"measure.Measure": 1},
    }

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.origin = origin

    async def start(self) -> AsyncIterator[Any]:
        for path in ["", *(f"{name}/" for name in CN.sections), f"{CN.columns_index}/"]:
            yield Request(f"{self.origin}/cn/{path}", self.read, priority=1)

    def read(self, response: Response) -> Iterator[Request]:
        for href in response.css("a[data-article-item-link]::attr(href)").getall():
            yield response.follow(href, self.read)
        for href in response.css(".m-pagination__item__link--next::attr(href), .m-show a::attr(href)").getall():
            yield response.follow(href, self.read, priority=1)
