"""The record of feedx.net: epoch line, `[headline - column](address)`, rule, and one line of HTML.

What it has no place for stays behind: kicker, tags, the lead picture's legend, seconds. `site.feedx` reads it back.
"""

import json
from datetime import UTC
from zoneinfo import ZoneInfo

import lxml.html
from lxml.html import HtmlElement
from lxml.html.builder import E

from rfi_news.feeds.story import RELATED, Story
from rfi_news.items import Article
from rfi_news.markup import sanitize
from rfi_news.words import printable

_PARIS = ZoneInfo("Europe/Paris")


def write(story: Story, *, promotion: str = "") -> str:
    """One record, with an empty line at its end; `promotion` is markup to close it with, nothing for none."""
    article = story.article
    assert article.fetched_at is not None
    head = f"{_line(article.title)} - {_line(article.column)}" if article.column else _line(article.title)
    picture = story.lead_picture
    parts = [
        E.div(f"{story.published_at.astimezone(_PARIS):%d/%m/%Y - %H:%M}"),
        E.img(src=picture.url if picture else ""),
        E.p(E.strong(printable(article.lead or ""))),
        _body(article, story.body),
    ]
    if article.authors:
        parts.append(_byline(article))
    if article.related:
        parts.append(_related(article))
    html = "".join(lxml.html.tostring(part, encoding="unicode") for part in parts)
    if promotion:
        html += f"<br><hr><div>{sanitize(promotion)}</div>"
    stamp = round(article.fetched_at.astimezone(UTC).timestamp() * 1000)
    return f"<!--{stamp}-->\n[{head}]({article.url})\n------\n\n{_line(html)}\n\n"


def _line(text: str) -> str:
    """On one line: a line break would end the part of the record it stands in."""
    return " ".join(printable(text).splitlines())


def _body(article: Article, html: str) -> HtmlElement:
    body = lxml.html.fragment_fromstring(html.replace("\n", ""), create_parent="div")
    images = {image.url: image for image in article.images}
    for figure in list(body.iter("figure")):
        picture = next(figure.iter("img"), None)
        link = next(figure.iter("a"), None)
        if picture is not None:
            image = images.get(picture.get("src") or "")
            caption = next(figure.iter("figcaption"), None)
            if image and caption is not None:
                for node in list(caption):
                    caption.remove(node)
                caption.text = None
                caption.extend(
                    E.span(printable(part), {"class": name})
                    for part, name in (
                        (image.caption, "m-figure__caption__legend"),
                        (image.credit, "m-figure__caption__credits"),
                    )
                    if part
                )
        elif link is not None:
            _replace(figure, _player(article, figure, link))
    return body


def _player(article: Article, figure: HtmlElement, link: HtmlElement) -> HtmlElement:
    """A player in the site's own form, so that it is one again when it is read back."""
    url = link.get("href") or ""
    sound = next((sound for sound in article.audio if sound.url == url), None)
    if sound is not None:
        data = {"sources": [{"url": url}], "diffusion": {"title": sound.title or ""}}
        script = E.script({"type": "application/json", "data-media-id": ""})
        script.text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
        length = f"{sound.duration // 60:02}:{sound.duration % 60:02}" if sound.duration is not None else ""
        return E.div({"class": "m-em-audio"}, script, E.span(length))
    video = next((video for video in article.videos if video.url == url), None)
    title = {"title": video.title} if video and video.title else {}
    if video and video.provider == "RFI":
        player = lxml.html.Element("video-player", {"video-type": "videojs", "source": url} | title)
    else:
        player = E.iframe({"src": url} | title)
    return E.div({"class": "m-em-flash"}, player, *figure.iter("figcaption"))


def _replace(node: HtmlElement, other: HtmlElement) -> None:
    other.tail = node.tail
    parent = node.getparent()
    assert parent is not None
    parent.replace(node, other)


def _byline(article: Article) -> HtmlElement:
    group = E.div({"class": "m-from-author"})
    role = None
    for number, author in enumerate(article.authors):
        if number:
            group.append(E.span("|"))
        if author.role and author.role != role:
            role = author.role
            group.append(E.span(f"{printable(role)}："))
        name = printable(author.name)
        group.append(
            E.a(name, href=author.url or "", title=name)
            if author.url
            else E.span(name, {"class": "m-from-author__name"})
        )
    return E.div(E.div(E.div(group)))


def _related(article: Article) -> HtmlElement:
    heading = E.div(E.div(E.span(RELATED), {"role": "heading", "aria-level": "2"}))
    cards = []
    for link in article.related:
        anchor = E.a(E.h2(printable(link.title)), {"href": link.url, "data-article-item-link": ""})
        kicker = [E.div(E.span(printable(link.kicker)))] if link.kicker else []
        cards.append(E.div(E.div(E.div(E.div(*kicker, E.div(anchor))), {"data-article-list": ""})))
    return E.div(E.aside(heading, E.div(*cards), {"data-org-name": "", "data-org-type": ""}))
