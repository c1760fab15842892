"""A story's page, read into an `Article`.

Markup of 2019-11 to 2026; see docs/site-history.md for where each form was seen.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from lxml.html import HtmlElement
from parsel import Selector
from scrapy.http import Response, TextResponse

from rfi_news import words
from rfi_news.exceptions import IncompletePageError, NotHtmlError
from rfi_news.items import Article, Audio, Author, Image, Related, Video
from rfi_news.site import media, metadata
from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.body import read_body
from rfi_news.site.dates import displayed_time, machine_time, seconds
from rfi_news.site.editions import EDITIONS, RELATED_HEADINGS
from rfi_news.site.loader import ArticleLoader, Counter, Rule, has_class, inner_text

# Rules, in order of preference. Those without a leading // look inside the story's own element.
STORY = (
    Rule("data-article-content", "//article[@data-article-content]"),
    Rule("t-content__article-wrapper", f"//article[{has_class('t-content__article-wrapper')}]"),
    Rule("t-content--article", f"//div[{has_class('t-content--article')}]"),
    Rule("main", "//main"),
)
CANONICAL = (
    Rule("link", "/html/head/link[@rel='canonical']/@href"),
    Rule("og:url", "//meta[@property='og:url']/@content"),
)
TITLE = (
    Rule("h1.t-content__title", f".//h1[{has_class('t-content__title')}]"),
    Rule("h1", ".//h1[normalize-space()]"),
    Rule("json-ld", key="headline"),
    Rule("og:title", "//meta[@property='og:title']/@content"),
)
KICKER = (
    Rule("t-content__section", f".//div[{has_class('t-content__section')}]"),
    Rule("json-ld", key="articleSection"),
    Rule("article:section", "//meta[@property='article:section']/@content"),
)
LEAD = (Rule("t-content__chapo", f".//*[self::p or self::div][{has_class('t-content__chapo')}]"),)
BODY = (
    Rule("t-content__body", f".//div[{has_class('t-content__body')}]"),
    Rule("itemprop", ".//*[@itemprop='articleBody']"),
)
PUBLISHED = (
    Rule("time[pubdate]", ".//time[@pubdate][@datetime]/@datetime"),
    Rule("m-pub-dates", f".//*[{has_class('m-pub-dates')}]//time/@datetime"),
    Rule("json-ld", key="datePublished"),
    Rule("article:published_time", "//meta[@property='article:published_time']/@content"),
)
DISPLAYED = (
    Rule("m-pub-dates", f".//*[{has_class('m-pub-dates')}]"),
    Rule("t-content__dates", f".//*[{has_class('t-content__dates')}]"),
)
MODIFIED = (
    Rule("m-pub-dates", f"(.//time[@datetime][ancestor::*[{has_class('m-pub-dates')}]])[position()>1]/@datetime"),
    Rule("json-ld", key="dateModified"),
    Rule("article:modified_time", "//meta[@property='article:modified_time']/@content"),
)
LEAD_MEDIA = (Rule("t-content__main-media", f".//div[{has_class('t-content__main-media')}]"),)
ANY_BYLINE = Rule("author", ".//*[contains(@class,'author')]")  # four stories in five have none: one look tells
BYLINE = (
    Rule("m-from-author", f".//*[{has_class('m-from-author')}]"),
    Rule("t-content__authors-tts", f".//div[{has_class('t-content__authors-tts')}]"),
    Rule("t-content__authors", f".//*[{has_class('t-content__authors')}]"),
    Rule("m-author", f".//*[{has_class('m-author')}]"),
    Rule("m-author__name__title", f".//*[{has_class('m-author__name__title')}]"),
)
TAGS = (
    Rule("m-tags-list", f".//*[{has_class('m-tags-list')}]//a"),
    Rule("article:tag", "//meta[@property='article:tag']/@content"),
    Rule("json-ld", key="keywords"),
)
RELATED = (
    Rule("heading", ".//aside[.//*[@role='heading' or self::h2 or self::h3]]"),
    Rule("t-content__related", f".//div[{has_class('t-content__related')}]"),
)
RELATED_LINK = Rule("data-article-item-link", ".//a[@data-article-item-link]")
KICKER_OF_LINK = Rule(
    "a-tag__wrapper",
    f"ancestor::*[@data-article-list or {has_class('m-item-list-article')}][1]//*[{has_class('a-tag__wrapper')}]",
)
HEADING = Rule("heading", ".//*[@role='heading' or self::h2 or self::h3]")
TRANSLATIONS = Rule("hreflang", "/html/head/link[@rel='alternate'][@hreflang]")


MAX_UNDECODED = 0.005
"""Share of characters that may be undecodable: one bad byte in a caption is no reason to lose a story."""


def parse_article(response: Response, *, stats: Counter | None = None) -> Article:
    """Read the story on a page.

    Takes nothing but the response; `stats`, when given, counts which selectors matched (`selector/<field>/<rule>`).
    Times come back in UTC; `fetched_at` stays None, as no clock is read. Addresses are canonical whatever host the
    response came from.

    Raises NotHtmlError when the response holds no HTML, IncompletePageError (reasons `no_story_address`, `no_title`,
    `no_time`, `no_body`) when it lacks what every story has.
    """
    selector = html_of(response)
    loader = ArticleLoader(selector=selector, json_ld=metadata.story(selector), stats=stats)
    address = _address(response, loader)
    scope = next(iter(loader.find("story", STORY)), loader.root)
    base, origin = address.url, response.url

    loader.add_value("url", address.url)
    loader.add_value("edition", address.edition)
    loader.add_value("language", EDITIONS[address.edition or ""].language)
    loader.add_value("section", address.section)
    loader.add_value("column", address.column)
    loader.add_first("title", TITLE, scope=scope)
    if not loader.get_output_value("title"):
        raise IncompletePageError(response.url, "no_title", "no headline (h1, JSON-LD, og:title)")
    loader.add_first("kicker", KICKER, scope=scope)
    loader.add_first("lead", LEAD, scope=scope)
    _add_times(loader, scope, response.url)
    _add_body(loader, scope, base, origin)
    loader.add_value("authors", list(_authors(loader, scope, base, origin)))
    loader.add_value("tags", _split(loader.find("tags", TAGS, scope)))
    loader.add_value("related", list(_related(loader, base, origin)))
    loader.add_value("translations", [_translations(loader, base, address)])

    article: Article = loader.load_item()
    article.content_hash = content_hash(article)
    return article


def html_of(response: Response) -> Selector:
    """The page's selector.

    Raises NotHtmlError for a binary (`not_html`), an empty response (`empty`), a page in another charset than it says
    (`charset`), and a page whose end is missing (`truncated`): half a story must not pass for one.
    """
    if not isinstance(response, TextResponse):
        kind = (response.headers.get("Content-Type") or b"bytes").decode("latin-1")
        raise NotHtmlError(response.url, "not_html", f"no HTML but {kind}")
    body = response.body
    if not body.strip():
        raise NotHtmlError(response.url, "empty", "an empty page")
    if b"\0" in body[:1024] or b"<" not in body:
        raise NotHtmlError(response.url, "not_html", "no HTML")
    if b"<html" in body[:2048].lower() and b"</html" not in body and b"</HTML" not in body:
        raise NotHtmlError(response.url, "truncated", "the end of the page is missing")
    if response.encoding != "utf-8":  # the site sends UTF-8; what decodes as UTF-8 is, whatever a header says
        try:
            body.decode()
            response = response.replace(encoding="utf-8")
        except UnicodeDecodeError:
            pass
    if response.text.count("\ufffd") > len(response.text) * MAX_UNDECODED:
        raise NotHtmlError(response.url, "charset", f"its bytes are not {response.encoding}, as it says")
    return response.selector


def has_story(response: Response) -> bool:
    """Whether a story can be read from this page as it is, without a browser running its scripts."""
    try:
        root = html_of(response).root
    except NotHtmlError:
        return False
    return bool(TITLE[0].select(root)) and bool(BODY[0].select(root))


def content_hash(article: Article) -> str:
    """SHA-256 over what a reader reads: title, kicker, lead, text."""
    read = [article.title, article.kicker, article.lead, article.text]
    return hashlib.sha256(json.dumps(read, ensure_ascii=False).encode()).hexdigest()


def _address(response: Response, loader: ArticleLoader) -> Address:
    """The story's address: the page's canonical link, unless it leads to no story; else where the page was fetched."""
    fetched = parse(response.url, origin=response.url)
    for link in loader.find("canonical", CANONICAL):
        named = parse(link, base=fetched.url if fetched else response.url, origin=response.url)
        if named and named.kind is Kind.ARTICLE:
            return named
    if fetched is None or fetched.kind is not Kind.ARTICLE:
        raise IncompletePageError(
            response.url,
            "no_story_address",
            "not a story: neither the page's address nor its canonical link has the form of one",
        )
    return fetched


def _add_times(loader: ArticleLoader, scope: HtmlElement, url: str) -> None:
    published = _first_time(loader, "published_at", PUBLISHED, scope)
    if published is None:
        shown = loader.find("displayed_at", DISPLAYED, scope)
        published = displayed_time(" ".join(inner_text(node) for node in shown))
    if published is None:
        raise IncompletePageError(url, "no_time", "no time of publication (time[datetime], JSON-LD, meta, displayed)")
    loader.add_value("published_at", [published])
    loader.add_value("modified_at", [_first_time(loader, "modified_at", MODIFIED, scope)])


def _first_time(loader: ArticleLoader, field: str, rules: Iterable[Rule], scope: HtmlElement) -> Any:
    """The first rule whose value is a time; a rule that finds something else does not hide the next."""
    for rule in rules:
        for node in loader.find(field, [rule], scope)[:1]:
            moment = machine_time(inner_text(node))
            if moment:
                return moment
    return None


def _add_body(loader: ArticleLoader, scope: HtmlElement, base: str, origin: str) -> None:
    images: list[Image] = []
    videos: list[Video] = []
    for box in loader.find("lead_media", LEAD_MEDIA, scope):
        players = [
            found
            for player in box.iter("video-player", "youtube-player", "iframe")
            if (found := media.video(player, base))
        ]
        videos += players[:1]
        shown = None if players else media.picture(box, base, is_lead=True)
        images += [shown[0]] if shown else []

    nodes = loader.find("body", BODY, scope)
    if not nodes:
        raise IncompletePageError(origin, "no_body", "no element holds the body (div.t-content__body)")
    body = read_body(nodes[0], base, origin)
    sounds = [*_json_ld_audio(loader.json_ld.get("audio"), base), *body.audio]
    loader.add_value("body_html", body.html)
    loader.add_value("text", body.text)
    loader.add_value("char_count", [words.count(body.text)])
    loader.add_value("images", images + body.images)
    loader.add_value(
        "videos", videos + [video for video in body.videos if video.url not in {seen.url for seen in videos}]
    )
    known: dict[str, Audio] = {}
    for sound in sounds:
        known.setdefault(sound.url, sound)
    loader.add_value("audio", list(known.values()))


def _json_ld_audio(found: Any, base: str) -> Iterator[Audio]:
    for node in found if isinstance(found, list) else [found]:
        url = media.web_url(str(node.get("contentUrl") or ""), base) if isinstance(node, dict) else None
        if url:
            name = words.clean(str(node.get("name") or ""))
            yield Audio(url=url, title=name or None, duration=seconds(str(node.get("duration") or "")))


def _authors(loader: ArticleLoader, scope: HtmlElement, base: str, origin: str) -> Iterator[Author]:
    """The byline: each group's label, then its names; two names stand apart by “|”."""
    groups = loader.find("authors", BYLINE, scope) if ANY_BYLINE.select(scope) else []
    seen: set[tuple[str, str | None]] = set()
    for group in groups:
        role = None
        for node in group.iter("a", "span", "div", "p"):
            name_of_class = node.get("class") or ""
            text = inner_text(node)
            if "by-label" in name_of_class or (not len(node) and text.endswith(("：", ":"))):
                role = text.rstrip("：: ") or None
                continue
            is_name = "author__name" in name_of_class or (node.tag == "a" and "/" in (node.get("href") or ""))
            if not is_name or (node.tag != "a" and next(node.iter("a"), None) is not None):
                continue
            name = words.clean(node.get("title") or "") or text
            found = parse(node.get("href") or "", base=base, origin=origin)
            if name and (name, role) not in seen:
                seen.add((name, role))
                yield Author(name=name, url=found.url if found else None, role=role)
    if not groups:
        people = loader.json_ld.get("author")
        for person in people if isinstance(people, list) else [people]:
            if (
                isinstance(person, dict)
                and person.get("@type") == "Person"
                and words.clean(str(person.get("name") or ""))
            ):
                loader.count("authors", "json-ld")
                yield Author(name=words.clean(str(person["name"])))


def _split(found: list[Any]) -> list[Any]:
    """Keywords that one meta tag or JSON-LD string joins by commas, apart; other tags as they are."""
    return found[0].split(",") if len(found) == 1 and isinstance(found[0], str) else found


def _related(loader: ArticleLoader, base: str, origin: str) -> Iterator[Related]:
    """The same-topic block: found by what stands over it, so that a renamed wrapper does not hide it.

    A card may hold two links to one story, picture and headline; the headline's `h2` gives the title.
    """
    by_heading, by_class = RELATED
    box = next((aside for aside in by_heading.select(loader.root) if _is_headed(aside)), None)
    if box is not None:
        loader.count("related", by_heading.name)
    else:
        box = next(iter(loader.find("related", [by_class])), None)
    if box is None:
        return
    found: dict[str, Related] = {}
    for link in RELATED_LINK.select(box):
        address = parse(link.get("href") or "", base=base, origin=origin)
        if address is None or address.kind is not Kind.ARTICLE or address.url == base:
            continue
        entry = found.setdefault(address.url, Related(url=address.url))
        entry.title = entry.title or inner_text(link)
        kickers = KICKER_OF_LINK.select(link) if entry.kicker is None else []
        if kickers:
            entry.kicker = inner_text(kickers[0]) or None
    yield from (entry for entry in found.values() if entry.title)


def _is_headed(aside: HtmlElement) -> bool:
    return any(inner_text(heading) in RELATED_HEADINGS for heading in HEADING.select(aside)[:1])


def _translations(loader: ArticleLoader, base: str, own: Address) -> dict[str, str]:
    found = {}
    for link in TRANSLATIONS.select(loader.root):
        language = (link.get("hreflang") or "").strip()
        address = parse(link.get("href") or "", base=base)
        if language and language != "x-default" and address and address.edition not in (None, own.edition):
            found[language] = address.url
    return found
