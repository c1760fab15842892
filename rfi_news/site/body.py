"""The body of a story, cleaned: markup for a reader's browser, plain text, and the media it holds.

One walk over the body writes both. Text is gathered as runs, each with the inline tags around it, so that empty and
nested wrappers leave no trace; blocks are written when they are complete. What is written is built from an allow-list
to begin with; the whole is then sanitized, so a mistake here cannot become a script in a reader's browser.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape

from lxml.etree import XPath
from lxml.html import HtmlElement

from rfi_news import words
from rfi_news.items import Audio, Image, Video
from rfi_news.markup import sanitize
from rfi_news.site import media
from rfi_news.site.addresses import parse

SUBHEAD_LENGTH = 60
"""Characters of the longest wholly bold paragraph that is a subhead: of 755 counted in 2021-05 and 2023-11 the 728 up
to here are; the longer ones are an interviewer's questions."""

_INLINE = {"strong": "strong", "b": "strong", "em": "em", "i": "em", "u": "u", "s": "s", "strike": "s", "del": "s"} | {
    "sup": "sup",
    "sub": "sub",
}
_HEADINGS = {"h1": "h2", "h2": "h2", "h3": "h3", "h4": "h4", "h5": "h4", "h6": "h4"}
_CONTAINERS = frozenset(
    "div section article main header footer details summary center dl dt dd address fieldset legend".split()
)
_PLAYERS = frozenset({"video-player", "youtube-player", "iframe"})
_DROPPED = frozenset(
    "script style template noscript button aside svg form input select textarea object embed applet audio video "
    "canvas play-media diaporama-container diaporama-fullscreen share-button head link meta title base frame frameset "
    "math nav dialog option map area xmp plaintext noembed noframes".split()
)
_DROPPED_CLASSES = re.compile(
    r"(?:^|\s)(?:m-interstitial|o-self-promo|t-copyright|m-block-ad|o-ad-container|a-read-more|m-share-bar|t-content__shares)"
)
_DROPPED_ATTRIBUTES = (
    "data-selfpromo-newsletter",
    "data-selfpromo-app",
    "data-readmore-target",
    "data-readmore-unlocker",
    "data-tms-ad-type",
    "data-tms-ad-container",
    "hidden",
)
_AUDIO = re.compile(r"(?:^|\s)m-em-audio(?:\s|--|$)")
_TEXT_BLOCK = re.compile(r"(?:^|\s)m-em-(?:quote|textbox)(?:\s|$)")
_EMBED = re.compile(r"(?:^|\s)(?:m-em-video|m-em-flash|m-em-twitter|twitter-tweet)(?:\s|$)")
_MAX_DEPTH = 60  # of nested blocks; real bodies stay under 12, and each level costs stack

_BREAK = "\0"  # a line break among the runs; no text of a parsed page can hold it

_VISIBLE = XPath(f".//text()[not({' or '.join(f'ancestor::{tag}' for tag in sorted(_DROPPED))})]", smart_strings=False)

Marks = tuple[str, ...]


@dataclass(slots=True)
class Body:
    """What a body comes to."""

    html: str = ""
    text: str = ""
    images: list[Image] = field(default_factory=list)
    videos: list[Video] = field(default_factory=list)
    audio: list[Audio] = field(default_factory=list)


def read_body(root: HtmlElement, base: str, origin: str) -> Body:
    """Clean the body element `root` of the page at `base`, which came from `origin`. Leaves `root` as it is."""
    writer = _Writer(base, origin)
    blocks = writer.blocks(root)
    body = writer.body
    body.html = sanitize("\n".join(blocks))
    body.text = "\n".join(writer.lines)
    return body


class _Writer:
    """Walks a body once; `blocks` are returned, text lines and media are gathered on the way."""

    def __init__(self, base: str, origin: str) -> None:
        self.base = base
        self.origin = origin
        self.body = Body()
        self.lines: list[str] = []
        self._depth = 0
        self._nested_in = 0  # quotations, items and cells around what is written

    def blocks(self, container: HtmlElement, wrap: str = "p", marks: Marks = ()) -> list[str]:
        """The container's content as written blocks; loose text becomes a paragraph, in `wrap`."""
        out: list[str] = []
        runs: list[tuple[str, Marks]] = []
        self._depth += 1

        def flush() -> None:
            written = self._paragraph(runs, wrap)
            if written:
                out.append(written)
            runs.clear()

        self._gather(container, marks, runs, out, flush)
        flush()
        self._depth -= 1
        return out

    def _gather(  # noqa: C901, PLR0912 — what each kind of node comes to, one after the other
        self,
        node: HtmlElement,
        marks: Marks,
        runs: list[tuple[str, Marks]],
        out: list[str],
        flush: Callable[[], None],
    ) -> None:
        if node.text:
            runs.append((node.text, marks))
        for child in node:
            tag = child.tag
            if tag == "noscript":
                flush()
                out += self._twin(child)
            elif not isinstance(tag, str) or tag in _DROPPED or (child.attrib and _is_dropped(child)):
                pass
            elif tag == "br":
                runs.append((_BREAK, marks))
            elif child.attrib and self._is_embed(child):
                flush()
                out += self._embed(child)
            elif tag in ("figure", "picture", "img"):
                flush()
                out += self._figure(child)
            elif tag == "figcaption":
                flush()
                _add_caption(out, " ".join(part for part in media.legend_of(child) if part))
            elif (written := self._structure(tag, child, marks)) is not None:
                flush()
                out += written() if self._depth < _MAX_DEPTH else self._flat(child)
            else:  # an inline element, or a wrapper of no meaning
                inner = marks
                if tag == "a":
                    href = self._href(child)
                    inner = (*marks, f'a href="{escape(href)}"') if href and not _is_link(marks) else marks
                elif (mark := _INLINE.get(tag)) and mark not in marks:
                    inner = (*marks, mark)
                if len(child):
                    self._nested(child, inner, runs, out, flush)
                elif child.text:
                    runs.append((child.text, inner))
            if child.tail:
                runs.append((child.tail, marks))

    def _nested(
        self,
        child: HtmlElement,
        marks: Marks,
        runs: list[tuple[str, Marks]],
        out: list[str],
        flush: Callable[[], None],
    ) -> None:
        if self._depth >= _MAX_DEPTH:
            runs.append((_visible_text(child), marks))
            return
        self._depth += 1
        self._gather(child, marks, runs, out, flush)
        self._depth -= 1

    def _flat(self, child: HtmlElement) -> list[str]:
        written = self._paragraph([(_visible_text(child), ())], "p")
        return [written] if written else []

    def _structure(self, tag: str, child: HtmlElement, marks: Marks) -> Callable[[], list[str]] | None:  # noqa: PLR0911
        """How to write a block element that stands inside `marks`; None for an inline one."""
        if tag == "p":
            return lambda: self.blocks(child, marks=marks)
        if tag in _HEADINGS:
            return lambda: self.blocks(child, _HEADINGS[tag], marks)
        is_quote = "m-em-quote" in (child.get("class") or "").split() and not _holds(child, "blockquote")
        if tag == "blockquote" or is_quote:
            return lambda: self._wrapped("blockquote", child)
        if tag in ("ul", "ol"):
            return lambda: self._list(tag, child)
        if tag == "table":
            return lambda: self._table(child)
        if tag in ("li", "td", "th", "tr", "tbody", "thead", "tfoot", "caption") or tag in _CONTAINERS or tag == "pre":
            return lambda: self.blocks(child, marks=marks)
        if tag == "hr":
            return lambda: ["<hr>"]
        return None

    def _wrapped(self, tag: str, child: HtmlElement) -> list[str]:
        inner = "".join(self._inside(child))
        return [f"<{tag}>{inner}</{tag}>"] if inner else []

    def _inside(self, child: HtmlElement) -> list[str]:
        """The blocks of a quotation, an item or a cell, where a bold paragraph is bold and no subhead."""
        self._nested_in += 1
        try:
            return self.blocks(child)
        finally:
            self._nested_in -= 1

    def _list(self, tag: str, child: HtmlElement) -> list[str]:
        items = self._loose(child.text)
        for item in child:
            if isinstance(item.tag, str) and item.tag not in _DROPPED and not _is_dropped(item):
                items.append("".join(_bare(self._inside(item))))
            items += self._loose(item.tail)
        items = [f"<li>{item}</li>" for item in items if item]
        return [f"<{tag}>{''.join(items)}</{tag}>"] if items else []

    def _loose(self, text: str | None) -> list[str]:
        """Text that stands between a list's items, as an item of its own."""
        written = self._paragraph([(text or "", ())], "p")
        return _bare([written]) if written else []

    def _table(self, child: HtmlElement) -> list[str]:
        parts = []
        for group in [child, *(part for part in child if part.tag in ("thead", "tbody", "tfoot"))]:
            rows = "".join(self._row(row) for row in group if row.tag == "tr")
            if rows:
                tag = "thead" if group.tag == "thead" else "tbody"
                parts.append(f"<{tag}>{rows}</{tag}>")
        captions = [block for part in child if part.tag == "caption" for block in self.blocks(part)]
        # Without rows it is no table, and what it holds is not to be lost.
        return [*captions, f"<table>{''.join(parts)}</table>"] if parts else captions or self.blocks(child)

    def _row(self, row: HtmlElement) -> str:
        cells, filled = [], False
        for cell in row:
            if cell.tag in ("td", "th") and not _is_dropped(cell):
                spans = "".join(
                    f' {name}="{cell.get(name)}"'
                    for name in ("colspan", "rowspan")
                    if re.fullmatch(r"[1-9]\d?", cell.get(name) or "")
                )
                inner = "".join(_bare(self._inside(cell)))
                filled = filled or bool(inner)
                cells.append(f"<{cell.tag}{spans}>{inner}</{cell.tag}>")
        return f"<tr>{''.join(cells)}</tr>" if filled else ""

    # Media ------------------------------------------------------------------------------------

    def _is_embed(self, node: HtmlElement) -> bool:
        name = node.get("class") or ""
        return not _TEXT_BLOCK.search(name) and (
            node.tag in _PLAYERS
            or (node.get("id") or "").startswith("em-")
            or "data-wrapper-video-player" in node.attrib
            or "data-diaporama" in node.attrib
            or bool(name and (_AUDIO.search(name) or _EMBED.search(name)))
        )

    def _embed(self, node: HtmlElement) -> list[str]:  # noqa: PLR0911
        if "data-diaporama" in node.attrib:
            return [self._picture(image, alt) for image, alt in media.slides(node, self.base)]
        sound = media.audio(node, self.base)
        if sound:
            self.body.audio.append(sound)
            return [_link_figure(sound.url, "RFI", sound.title, None)]
        if _AUDIO.search(node.get("class") or ""):
            return []
        caption = " ".join(part for part in media.legend(node) if part) or None
        figures: dict[str, str] = {}
        for player in [node] if node.tag in _PLAYERS else node.iter(*_PLAYERS):
            found = media.video(player, self.base)
            source = found.url if found else media.web_url(player.get("src") or player.get("source"), self.base)
            if found and found.url not in {known.url for known in self.body.videos}:
                found.title = found.title or (None if figures else media.heading(node))
                self.body.videos.append(found)
            if source and source not in figures:
                provider = found.provider if found else media.provider_of(source)
                title = found.title if found else None
                figures[source] = _link_figure(source, provider, title, None if figures else caption)
        if figures:
            return list(figures.values())
        links = [url for link in node.iter("a") if (url := media.web_url(link.get("href"), self.base))]
        if links and _holds(node, "blockquote"):
            return [_link_figure(media.watch_url(links[-1]), media.provider_of(links[-1]), None, caption)]
        if _holds(node, "figure", "img"):
            return self._figure(node)
        return []

    def _figure(self, node: HtmlElement) -> list[str]:
        player = next(node.iter(*_PLAYERS), None)
        if player is not None:
            return self._embed(node)
        found = media.picture(node, self.base)
        if found:
            return [self._picture(*found)]
        # A figure around something else than a picture: a table, a quotation.
        return self.blocks(node) if node.tag == "figure" and not _holds(node, "img") else []

    def _twin(self, node: HtmlElement) -> list[str]:
        """A lazy picture's twin for browsers without scripts: the picture, where no other form of it was found."""
        url = media.picture_url(node, self.base)
        known = {image.url for image in self.body.images}
        return self._figure(node) if url and url not in known else []

    def _picture(self, image: Image, alt: str) -> str:
        self.body.images.append(image)
        legend = " ".join(part for part in (image.caption, image.credit) if part)
        caption = f"<figcaption>{escape(legend, quote=False)}</figcaption>" if legend else ""
        return f'<figure><img src="{escape(image.url)}" alt="{escape(alt)}">{caption}</figure>'

    def _href(self, node: HtmlElement) -> str | None:
        href = (node.get("href") or "").strip()
        if href.startswith("mailto:") and re.fullmatch(r"mailto:[^\s@]+@[^\s@]+", href):
            return href
        if not href.startswith(("/", "http://", "https://", "HTTP://", "HTTPS://")):
            return None
        address = parse(href, base=self.base, origin=self.origin)
        return address.url if address else media.web_url(href, self.base)

    # Text -------------------------------------------------------------------------------------

    def _is_subhead(self, text: str, pieces: list[tuple[str, Marks]]) -> bool:
        return (
            not self._nested_in
            and len(text) <= SUBHEAD_LENGTH
            and all("strong" in marks or piece.isspace() for piece, marks in pieces)
        )

    def _paragraph(self, runs: list[tuple[str, Marks]], tag: str) -> str:
        """Write the runs as one block, and its lines to the text; nothing for white space alone."""
        pieces = list(_tidy(runs))
        if not pieces:
            return ""
        text = "".join(piece for piece, _ in pieces)
        if tag == "p" and self._is_subhead(text, pieces):
            tag = "h2"
        if tag != "p":  # a heading is bold by itself
            pieces = [(piece, tuple(mark for mark in marks if mark != "strong")) for piece, marks in pieces]
        self.lines += [line.strip() for line in text.split("\n") if line.strip()]
        return f"<{tag}>{_inline(pieces)}</{tag}>"


def _tidy(runs: list[tuple[str, Marks]]) -> Iterator[tuple[str, Marks]]:
    """The runs with white space collapsed across them, trimmed at both ends and around line breaks."""
    pieces: list[tuple[str, Marks]] = []
    ended = True  # whether what stands before ends in white space, or nothing does
    for raw, marks in runs:
        if raw == _BREAK:
            if pieces:
                _trim(pieces)
                pieces.append(("\n", ()))
                ended = True
            continue
        text = words.clean(raw)
        if not text:
            if raw and not ended and words.clean(f"a{raw}a") != "aa":
                pieces.append((" ", ()))
                ended = True
            continue
        if not ended and raw[0].isspace():
            text = " " + text
        ended = raw[-1].isspace()
        pieces.append((text + " " if ended else text, marks))
    while pieces and pieces[-1][0].isspace():
        pieces.pop()
    _trim(pieces)
    yield from pieces


def _trim(pieces: list[tuple[str, Marks]]) -> None:
    if pieces and pieces[-1][0] != "\n":
        text, marks = pieces[-1]
        pieces[-1] = (text.rstrip(" "), marks)
        if not pieces[-1][0]:
            pieces.pop()


def _inline(pieces: list[tuple[str, Marks]]) -> str:
    """Pieces as markup: a tag is opened where its mark begins and closed where it ends."""
    out: list[str] = []
    open_marks: Marks = ()
    for index, (text, marks) in enumerate(pieces):
        if text.isspace():  # between two pieces of one mark, white space and line breaks belong to it
            following = pieces[index + 1][1] if index + 1 < len(pieces) else ()
            marks = _common(open_marks, following)  # noqa: PLW2901
        shared = len(_common(open_marks, marks))
        out += [f"</{mark.split(' ', 1)[0]}>" for mark in reversed(open_marks[shared:])]
        out += [f"<{mark}>" for mark in marks[shared:]]
        out.append("<br>" if text == "\n" else escape(text, quote=False))
        open_marks = marks
    out += [f"</{mark.split(' ', 1)[0]}>" for mark in reversed(open_marks)]
    return "".join(out)


def _common(one: Marks, other: Marks) -> Marks:
    shared = 0
    while shared < min(len(one), len(other)) and one[shared] == other[shared]:
        shared += 1
    return one[:shared]


def _holds(node: HtmlElement, *tags: str) -> bool:
    return next(node.iter(*tags), None) is not None


def _is_link(marks: Marks) -> bool:
    return any(mark.startswith("a ") for mark in marks)


def _is_dropped(node: HtmlElement) -> bool:
    attributes = node.attrib
    name = attributes.get("class")
    return bool(name and _DROPPED_CLASSES.search(name)) or any(mark in attributes for mark in _DROPPED_ATTRIBUTES)


def _bare(blocks: list[str]) -> list[str]:
    """A single paragraph without its tags, for a list item or a cell."""
    if len(blocks) == 1 and blocks[0].startswith("<p>"):
        return [blocks[0][3:-4]]
    return blocks


def _visible_text(node: HtmlElement) -> str:
    return "".join(_VISIBLE(node))


def _add_caption(blocks: list[str], caption: str) -> None:
    """A caption that stands beside its player or picture, not in it: joined to it."""
    written = f"<figcaption>{escape(caption, quote=False)}</figcaption></figure>"
    if caption and blocks and blocks[-1].startswith("<figure>") and "<figcaption>" not in blocks[-1]:
        blocks[-1] = blocks[-1].removesuffix("</figure>") + written
    elif caption:
        blocks.append("<figure>" + written)


def _link_figure(url: str, provider: str, title: str | None, caption: str | None) -> str:
    label = escape(f"{provider}：{title}" if title else provider, quote=False)
    legend = f"<figcaption>{escape(caption, quote=False)}</figcaption>" if caption else ""
    return f'<figure><a href="{escape(url)}">{label}</a>{legend}</figure>'
