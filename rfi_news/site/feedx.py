"""A story as the full-text feed feedx.net carried it: a record of text, read back into an `Article`.

    <!--1699546503000-->                         when feedx read the page, in milliseconds since 1970
    [headline - column](address)
    ------

    <div>09/11/2023 - 15:43</div><img src="…"><p><strong>lead</strong></p><div>body</div>…   one line, or several

After the body come the byline, a share bar, the 同一主题 block and feedx's own promotion, in wrappers without their
classes and with attributes glued to their tags (`<divdata-article-list>`). The record is put back into a page in the
site's markup, so that the one loader reads both. Seen in records of 2020-09 to 2024-04.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import lxml.html
from lxml.html import HtmlElement
from lxml.html.builder import E
from scrapy.http import HtmlResponse

from rfi_news import words
from rfi_news.exceptions import PageError
from rfi_news.items import Article
from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.article import parse_article
from rfi_news.site.dates import displayed_time
from rfi_news.site.editions import EDITIONS
from rfi_news.site.loader import inner_text

_START = re.compile(r"\ufeff?<!--\d{10,16}-->[ \t]*")
_RULE = re.compile(r"-{3,}\s*")
_GLUED = re.compile(
    r"<(a|article|aside|div|figcaption|figure|h[1-6]|iframe|img|li|p|script|section|span|time|ul|video-player)"
    r"(?=(?:data-[\w-]+|aria-[\w-]+|class|href|id|role|src|style|title)\s*(?:=|>|\s[\w-]+=))"
)
_PROMOTION = "获取更多RSS"


@dataclass(frozen=True, slots=True)
class Record:
    """One story as feedx wrote it."""

    url: str
    title: str
    """The headline, ` - ` and the column after it where there is one."""
    html: str
    read_at: datetime | None = None
    """When feedx read the page, UTC."""


def starts(line: str) -> bool:
    """Whether a line is the first of a record."""
    return _START.fullmatch(line.rstrip("\r\n")) is not None


def read_record(text: str) -> Record:
    """A record of text in its parts. Raises PageError (`not_feedx`) for anything else."""
    if not text.strip("\ufeff \r\n\t"):
        raise PageError("", "empty", "nothing in it")
    lines = iter(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"))
    head = next(filter(str.strip, lines), "").strip()
    read_at = None
    if starts(head):
        try:
            read_at = datetime.fromtimestamp(int(head[4:-3]) / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            raise PageError("", "not_feedx", f"no time in milliseconds: {head}") from None
        head = next(filter(str.strip, lines), "").strip()
    title, _, url = head[1:-1].rpartition("](")
    is_head = head.startswith("[") and head.endswith(")") and url and not re.search(r"\s", url)
    if not is_head or not _RULE.fullmatch(next(filter(str.strip, lines), "")):
        raise PageError("", "not_feedx", "no feedx record: [headline](address), a rule, and a line of HTML")
    return Record(url, title, "\n".join(lines), read_at)


def parse_record(record: Record) -> Article:
    """Read the story in a record, as `parse_article` reads its page; `fetched_at` is when feedx did, or None.

    The displayed time is Paris time, to the minute; it comes back in UTC. Raises PageError (`no_story_address`,
    `no_time`, `no_body`, and what `parse_article` has to say).
    """
    address = parse(record.url)
    if address is None or address.kind is not Kind.ARTICLE:
        raise PageError(record.url, "no_story_address", "not the address of a story of www.rfi.fr")
    if not record.html.strip():
        raise PageError(address.url, "empty", "nothing after its head")
    article = parse_article(HtmlResponse(address.url, body=_page(record, address).encode(), encoding="utf-8"))
    article.fetched_at = record.read_at
    return article


def _page(record: Record, address: Address) -> str:
    """The record as a page of the site."""
    html = _GLUED.sub(r"<\1 ", words.printable(record.html))
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    parts = [node for node in root if isinstance(node.tag, str)]
    when = next((node for node in parts[:1] if displayed_time(inner_text(node))), None)
    if when is None:
        raise PageError(address.url, "no_time", "no displayed time (09/11/2023 - 15:43) before the story")
    story = E.article(E.h1(_headline(record.title, address), {"class": "t-content__title"}))
    story.set("data-article-content", "")
    story.append(E.p(inner_text(when), {"class": "m-pub-dates"}))
    rest = parts[1:]
    if rest and rest[0].tag == "img":
        image = _bare(rest.pop(0))
        story.append(E.div(E.figure(image), {"class": "t-content__main-media"}))
    if rest and rest[0].tag == "p":
        lead = _bare(rest.pop(0))
        lead.set("class", "t-content__chapo")
        story.append(lead)
    if not rest or rest[0].tag != "div" or _PROMOTION in inner_text(rest[0]):
        raise PageError(address.url, "no_body", "no body after the lead")
    body = _bare(rest.pop(0))
    body.set("class", f"t-content__body {body.get('class') or ''}")
    for script in body.iter("script"):
        if "data-media-id" in script.attrib:
            _wrapper(script, body).set("class", "m-em-audio")
    story.append(body)
    for group in _bylines(rest, address):
        group.set("class", "m-from-author")
        story.append(_bare(group))
    asides = [_bare(aside) for part in rest for aside in part.iter("aside")]
    for aside in asides:
        _mark_kickers(aside)
    page = E.html(
        E.head(E.link(rel="canonical", href=address.url)),
        E.body(E.main(story, *asides)),
    )
    written: str = lxml.html.tostring(page, encoding="unicode", doctype="<!DOCTYPE html>")
    return written


def _bare(node: HtmlElement) -> HtmlElement:
    """The node without the text that follows it in the record."""
    node.tail = None
    return node


def _wrapper(node: HtmlElement, body: HtmlElement) -> HtmlElement:
    """The outermost element around a player, its title and its buttons: no paragraph stands beside it."""
    while (parent := node.getparent()) is not None and parent is not body:
        if any(child.tag not in ("div", "script") for child in parent):
            break
        node = parent
    return node


def _mark_kickers(aside: HtmlElement) -> None:
    """A card's words outside its links are its kicker; the class that said so is gone."""
    for card in aside.xpath(".//*[@data-article-list]"):
        for span in card.xpath(".//span[normalize-space() and not(ancestor::a)]")[:1]:
            span.set("class", "a-tag__wrapper")


def _headline(title: str, address: Address) -> str:
    """Without the column that feedx's titles end in."""
    headline, dash, column = title.rpartition(" - ")
    is_column = bool(dash and address.column) and _letters(column) == _letters(address.column or "")
    return headline if is_column else title


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def _bylines(parts: list[HtmlElement], address: Address) -> list[HtmlElement]:
    """The elements that hold names of the byline: those around links to authors' pages, or those that say so."""
    authors = EDITIONS[address.edition or ""].authors
    groups = []
    for part in parts:
        groups += [node for node in part.iter("div") if node.get("class") == "m-from-author"]
        for link in part.iter("a"):
            found = parse(link.get("href") or "", base=address.url)
            group = link.getparent()
            if found and found.section == authors and group is not None and group not in groups:
                groups.append(group)
    return [group for group in groups if not any(other in groups for other in group.iterancestors())]
