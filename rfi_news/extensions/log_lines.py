"""One line a page in the log."""

from typing import Any

from scrapy.logformatter import LogFormatter, LogFormatterResult

from rfi_news.items import Article


class LogLines(LogFormatter):
    """Names an article by its address, where Scrapy would print the whole of it."""

    def scraped(self, item: Any, *args: Any) -> LogFormatterResult:
        """A stored article."""
        return _named(super().scraped(item, *args), "Stored: %(item)s", item)

    def dropped(self, item: Any, *args: Any) -> LogFormatterResult:
        """An article kept out; the reason names its address."""
        return _named(super().dropped(item, *args), "Dropped: %(exception)s", item)

    def item_error(self, item: Any, *args: Any) -> LogFormatterResult:
        """An article on which a pipeline failed."""
        return _named(super().item_error(item, *args), "Error processing %(item)s", item)


def _named(line: LogFormatterResult, message: str, item: Any) -> LogFormatterResult:
    if isinstance(item, Article) and isinstance(line["args"], dict):
        line["msg"] = message
        line["args"]["item"] = item.url
    return line
