"""A story as it goes out: its article, its stable id, when it last changed; and its markup, safe to show."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from typing import Any, Self

from rfi_news.items import Article, Image, Related, Revision, addresses_in, from_document
from rfi_news.markup import is_web, sanitize
from rfi_news.words import printable

PUBLISHER = "RFI - 法国国际广播电台"
RELATED = "同一主题"
SIZES = {"punctuation": "标点", "wording": "措辞", "figures_or_names": "数字或人名地名", "paragraphs": "段落增删"}
FIELDS = {"title": "标题", "kicker": "眉题", "lead": "导语", "text": "正文", "authors": "署名", "images": "图片说明"}
"""How readers are told how much a revision changes, and where."""

_SOUND_TYPES = {".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".wav": "audio/wav"}


@dataclass(slots=True, kw_only=True)
class Story:
    """One story that goes out."""

    id: str
    """`_id` of its document: never changes, whatever becomes of its headline or address."""
    article: Article
    aliases: list[str] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    gone_at: datetime | None = None

    def __post_init__(self) -> None:
        """Leave out addresses that are none of the web. Raises ValueError when its own is none."""
        article = self.article
        if not is_web(article.url):
            raise ValueError(f"url: {article.url!r} is no web address")
        if not all(map(is_web, addresses_in(article))):
            self.article = replace(
                article,
                authors=[a if a.url and is_web(a.url) else replace(a, url=None) for a in article.authors],
                images=[image for image in article.images if is_web(image.url)],
                videos=[video for video in article.videos if is_web(video.url)],
                audio=[sound for sound in article.audio if is_web(sound.url)],
                related=[link for link in article.related if is_web(link.url)],
            )

    @property
    def title(self) -> str:
        """The headline as it can be shown; its address where nothing of it can."""
        return headline(self.article.title, self.article.url)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """A stored story. Raises ValueError for a document that is none."""
        article, record = from_document(document)
        id_ = document.get("_id") or article.url
        return cls(id=id_, article=article, aliases=record.aliases, revisions=record.revisions, gone_at=record.gone_at)

    @property
    def published_at(self) -> datetime:
        """First publication, UTC."""
        assert self.article.published_at is not None
        return self.article.published_at

    @property
    def updated_at(self) -> datetime:
        """The last time a reader was given something else to read, UTC."""
        times = (self.published_at, self.article.modified_at, *(revision.seen_at for revision in self.revisions[-1:]))
        return max(time for time in times if time is not None)

    @property
    def lead_picture(self) -> Image | None:
        """The picture above the text."""
        return next((image for image in self.article.images if image.is_lead), None)

    @property
    def body(self) -> str:
        """The cleaned body, sanitized once more: a store can be written to by others."""
        return _safe(self.article.body_html, self.article.url)

    @property
    def content(self) -> str:
        """All there is to read: lead picture, lead, body, same-topic links; sanitized, addresses absolute."""
        return self._content(with_related=True)

    @property
    def content_without_related(self) -> str:
        """The same, without the same-topic links."""
        return self._content(with_related=False)

    def _content(self, *, with_related: bool) -> str:
        article, parts = self.article, []
        picture = self.lead_picture
        if picture is not None:
            legend = " ".join(filter(None, (picture.caption, picture.credit)))
            caption = f"<figcaption>{escape(legend)}</figcaption>" if legend else ""
            parts.append(f'<figure><img src="{escape(picture.url)}" alt="">{caption}</figure>')
        if article.lead:
            parts.append(f"<p><strong>{escape(article.lead)}</strong></p>")
        parts.append(article.body_html)
        if article.related and with_related:
            items = "".join(f"<li>{_linked(link)}</li>" for link in article.related)
            parts.append(f"<h2>{RELATED}</h2><ul>{items}</ul>")
        return _safe("\n".join(parts), article.url)

    @property
    def categories(self) -> list[str]:
        """Kicker and tags, each once."""
        return list(dict.fromkeys(filter(None, map(printable, [self.article.kicker or "", *self.article.tags]))))


def headline(title: str, url: str) -> str:
    """A headline as it can be shown; the address where nothing of it can."""
    return printable(title).strip() or url


def _safe(html: str, base: str) -> str:
    """Sanitized and printable, what was written as an entity too."""
    return printable(sanitize(printable(html), base=base))


def _linked(link: Related) -> str:
    kicker = escape(f"（{link.kicker}）") if link.kicker else ""
    return f'<a href="{escape(link.url)}">{escape(link.title)}</a>{kicker}'


def sound_type(url: str) -> str:
    """The media type of a recording, by the end of its address."""
    path = url.split("?", 1)[0].lower()
    return next((kind for suffix, kind in _SOUND_TYPES.items() if path.endswith(suffix)), "audio/mpeg")
