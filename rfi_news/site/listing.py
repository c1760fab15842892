"""Listing pages: sections, columns, tags, authors, the home page, the archive of a day."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lxml.html import HtmlElement
from parsel import Selector
from scrapy.http import Response

from rfi_news import words
from rfi_news.exceptions import IncompletePageError
from rfi_news.site import metadata
from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.article import html_of
from rfi_news.site.loader import Counter, Rule, has_class, inner_text

# Blocks on a listing page that are not its own list.
_FOREIGN = " or ".join(
    [
        "ancestor::aside[contains(@data-org-type,'highlighted') or contains(@data-org-type,'sponsors')]",
        f"ancestor::*[{has_class('o-aside-content--news-feed')}]",
        f"ancestor::*[{has_class('o-layout-list__item--with-ad')}]",
        "ancestor::nav or ancestor::header or ancestor::footer",
    ]
)
ENTRIES = (
    Rule("archive-day", f"//*[{has_class('o-archive-day')}]//li//a[@href]"),
    Rule(
        "data-article-item-link",
        f"//a[@data-article-item-link or {has_class('m-list-main-related__article')}][@href][not({_FOREIGN})]",
    ),
    Rule("m-item-list-article", f"//*[{has_class('m-item-list-article')}]//a[@href][not({_FOREIGN})]"),
)
NEXT = (
    Rule("m-pagination__item__link--next", f"//a[{has_class('m-pagination__item__link--next')}]/@href"),
    Rule("title", "//ol[contains(@class,'m-pagination')]//a[@title]/@href"),
    Rule("rel-next", "//a[@rel='next']/@href | //link[@rel='next']/@href"),
    Rule("m-pagination", f"//*[{has_class('m-pagination')}]//a/@href"),
)
TITLE_OF_ENTRY = Rule("title", f".//h2 | .//h3 | .//p[{has_class('article__title')}]")
LINKS = Rule("links", "//main//a[@href]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One story a listing leads to."""

    address: Address
    title: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a listing."""

    address: Address
    entries: list[Entry] = field(default_factory=list)
    """Its own stories, in page order, newest first; promoted, sponsored and wire blocks left out."""
    next: Address | None = None
    """The page after this one."""
    columns: list[Address] = field(default_factory=list)
    """On the index of columns: the columns."""


def parse_listing(response: Response, *, stats: Counter | None = None) -> Listing:
    """Read a listing page. `stats`, when given, counts which selectors matched.

    Raises NotHtmlError when the response holds no HTML, IncompletePageError (`no_listing`) when its address is no
    listing's. A page without stories is no error.
    """
    selector = html_of(response)
    root = selector.root
    address = parse(response.url, origin=response.url)
    if address is None or address.kind not in (Kind.LISTING, Kind.COLUMNS, Kind.ARCHIVE):
        raise IncompletePageError(response.url, "no_listing", "its address is no listing's")
    origin = response.url
    return Listing(
        address=address,
        entries=list(_entries(selector, address, origin, stats).values()),
        next=_next(root, address, origin, stats),
        columns=_columns(root, address, origin) if address.kind is Kind.COLUMNS else [],
    )


def _entries(selector: Selector, page: Address, origin: str, stats: Counter | None) -> dict[str, Entry]:
    for rule in ENTRIES:
        found = _stories(rule.select(selector.root), page, origin)
        if found:
            _count(stats, "entries", rule.name)
            return found
    found = {}
    for node in metadata.nodes(selector):
        if metadata.has_type(node, frozenset({"ItemList"})) and isinstance(node.get("itemListElement"), list):
            for element in node["itemListElement"]:
                inner = element.get("item") if isinstance(element, dict) else None
                source = inner if isinstance(inner, dict) else element if isinstance(element, dict) else {}
                address = parse(str(source.get("url") or source.get("@id") or ""), base=page.url, origin=origin)
                if address and address.kind is Kind.ARTICLE:
                    title = words.clean(str(source.get("name") or source.get("headline") or ""))
                    found.setdefault(address.url, Entry(address, title))
    if found:
        _count(stats, "entries", "json-ld")
    return found


def _stories(links: Iterable[HtmlElement], page: Address, origin: str) -> dict[str, Entry]:
    """Stories by address; of a card's two links the one with a headline gives the title."""
    found: dict[str, Entry] = {}
    for link in links:
        address = parse(link.get("href"), base=page.url, origin=origin)
        if address is None or address.kind is not Kind.ARTICLE:
            continue
        known = found.get(address.url)
        if known is None or not known.title:
            headings = TITLE_OF_ENTRY.select(link)
            title = inner_text(headings[0] if headings else link)
            found[address.url] = Entry(address, title)
    return found


def _next(root: HtmlElement, page: Address, origin: str, stats: Counter | None) -> Address | None:
    """The next page of this very listing: one link may lead back, to another listing, or to itself."""
    for rule in NEXT:
        for href in rule.select(root):
            address = parse(href, base=page.url, origin=origin)
            if address and address.page == page.page + 1 and address.url == page.on_page(page.page + 1).url:
                _count(stats, "next", rule.name)
                return address
    return None


def _columns(root: HtmlElement, page: Address, origin: str) -> list[Address]:
    found = (parse(link.get("href"), base=page.url, origin=origin) for link in LINKS.select(root))
    columns = {
        a.url: a
        for a in found
        if a and a.kind is Kind.LISTING and a.column and a.edition == page.edition and a.page == 1
    }
    return list(columns.values())


def _count(stats: Counter | None, name: str, rule: str) -> None:
    if stats is not None:
        stats.inc_value(f"selector/{name}/{rule}")
