"""What a page says of itself to machines: JSON-LD in all the forms the site has used."""

from collections.abc import Iterator
from typing import Any

from parsel import Selector

from rfi_news.site.media import load

_STORY_TYPES = frozenset({"NewsArticle", "Article", "ReportageNewsArticle", "AnalysisNewsArticle", "BlogPosting"})
_SCRIPTS = "//script[@type='application/ld+json']/text()"


def nodes(selector: Selector) -> Iterator[dict[str, Any]]:
    """Every JSON-LD object of the page, out of arrays and `@graph`s; a script that does not parse is passed over.

    Forms seen: one script with an array of one object; a `keywords` list in place of a string (2025-05); several
    scripts with one object each (2026-01).
    """
    for script in selector.xpath(_SCRIPTS).getall():
        pending = [load(script)]
        while pending:
            found = pending.pop(0)
            if isinstance(found, list):
                pending[:0] = found
            elif isinstance(found, dict):
                graph = found.get("@graph")
                if isinstance(graph, list):
                    pending[:0] = graph
                else:
                    yield found


def has_type(node: dict[str, Any], names: frozenset[str]) -> bool:
    """Whether the object's `@type`, a string or a list, is one of `names`."""
    kind = node.get("@type")
    return any(name in names for name in (kind if isinstance(kind, list) else [kind]) if isinstance(name, str))


def story(selector: Selector) -> dict[str, Any]:
    """The object that describes the page's story; empty without one."""
    return next((node for node in nodes(selector) if has_type(node, _STORY_TYPES)), {})
