"""`ArticleLoader`: named rules in, a clean `Article` out.

A field's rules stand in order of preference. The first that finds something fills the field, and its use is counted
as `selector/<field>/<rule>`: when a fallback begins to be used, the site has changed.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from itemloaders import ItemLoader
from itemloaders.processors import Compose, Identity, MapCompose, TakeFirst
from lxml.etree import XPath
from lxml.html import HtmlElement
from parsel import Selector

from rfi_news import words
from rfi_news.items import Article


class Counter(Protocol):
    """What takes the counts: a crawl's stats collector, or anything alike."""

    def inc_value(self, key: str, count: int = 1) -> None:
        """Add `count` to the figure `key`."""


class Rule:
    """One way to find a value, with the name under which its use is counted."""

    __slots__ = ("key", "name", "select")

    def __init__(self, name: str, xpath: str = ".", *, key: str = "") -> None:
        """Look in the page at `xpath`, or in its JSON-LD under `key`."""
        self.name = name
        self.key = key
        self.select: Callable[[HtmlElement], list[Any]] = XPath(xpath, smart_strings=False)


def has_class(name: str) -> str:
    """The XPath test for one of an element's classes; most elements fail its first, cheap half."""
    return f"contains(@class,'{name}') and contains(concat(' ',normalize-space(@class),' '),' {name} ')"


def inner_text(node: Any) -> str:
    """An element's visible text on one line; a string, number or flag as text; nothing for anything else."""
    if not isinstance(node, HtmlElement):
        return words.clean(str(node)) if isinstance(node, str | int | float) else ""
    if next(node.iter("script", "style"), None) is None:
        return words.clean(node.xpath("string()", smart_strings=False))
    return words.clean("".join(node.xpath(".//text()[not(ancestor::script or ancestor::style)]")))


def _filled(found: Iterable[Any]) -> list[Any]:
    return [value for value in found if value]


class ArticleLoader(ItemLoader):
    """Fills an `Article` from a page's selector and its JSON-LD, cleaning each value on its way."""

    default_item_class = Article
    default_input_processor = Identity()
    default_output_processor = Identity()

    title_in = kicker_in = lead_in = tags_in = MapCompose(inner_text)
    title_out = kicker_out = lead_out = Compose(_filled, TakeFirst())
    tags_out = Compose(_filled, dict.fromkeys, list)

    # Spelled out, since itemloaders reads an item's field list anew for each field it has no processor for.
    url_in = edition_in = language_in = section_in = column_in = default_input_processor
    url_out = edition_out = language_out = section_out = column_out = TakeFirst()
    body_html_in = text_in = char_count_in = default_input_processor
    body_html_out = text_out = char_count_out = TakeFirst()
    published_at_in = modified_at_in = translations_in = default_input_processor
    published_at_out = modified_at_out = translations_out = TakeFirst()
    authors_in = images_in = videos_in = audio_in = related_in = default_input_processor
    authors_out = images_out = videos_out = audio_out = related_out = default_output_processor

    def __init__(self, *, selector: Selector, json_ld: dict[str, Any], stats: Counter | None = None) -> None:
        """Load from `selector`, or from `json_ld` where a rule names a key; count into `stats`."""
        super().__init__(selector=selector, stats=stats)
        self.root: HtmlElement = selector.root
        self.json_ld = json_ld

    def find(self, field: str, rules: Iterable[Rule], scope: HtmlElement | None = None) -> list[Any]:
        """What the first rule that finds anything finds: elements, strings or JSON-LD values; counted."""
        for rule in rules:
            if rule.key:
                value = self.json_ld.get(rule.key)
                found = value if isinstance(value, list) else [value] if value else []
            else:
                found = rule.select(self.root if scope is None else scope)
            if found:
                self.count(field, rule.name)
                return found
        return []

    def add_first(self, field: str, rules: Iterable[Rule], scope: HtmlElement | None = None) -> None:
        """Fill `field` by the first of its rules that finds anything."""
        self.add_value(field, self.find(field, rules, scope))

    def count(self, field: str, rule: str) -> None:
        """Count one use of a rule."""
        if self.stats is not None:
            self.stats.inc_value(f"selector/{field}/{rule}")
