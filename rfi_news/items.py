"""`Article` and its parts: the contract of feeds, store and readers.

The only place a field is defined. The JSON schema that validates an item, the `$jsonSchema` of the database and
`docs/fields.md` are derived from here. Every field has a default because the item loader starts from an empty item;
what must not stay empty says so in its type.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from annotated_types import Ge, MinLen
from pydantic import AfterValidator, AwareDatetime, TypeAdapter, ValidationError


def given(value: datetime | None) -> datetime:
    """A value that the loader starts without and that must have arrived. Raises ValueError when it has not."""
    if value is None:
        raise ValueError("missing")
    return value


Text = Annotated[str, MinLen(1)]
Count = Annotated[int, Ge(0)]
Moment = Annotated[AwareDatetime | None, AfterValidator(given)]


def _utc_text(moment: datetime | None) -> str | None:
    """ISO 8601 with its offset, which Scrapy's JSON encoder would leave out."""
    return moment.isoformat() if moment is not None else None


def _time() -> dict[str, Any]:
    return {"serializer": _utc_text}


@dataclass(slots=True, kw_only=True)
class Author:
    """One name of the byline."""

    name: Text = ""
    """As printed, place and role included (“东京特约记者 楚良一”)."""
    url: str | None = None
    """The author's page, absolute."""
    role: str | None = None
    """The label before the name, without its colon (“作者”, “视频”)."""


@dataclass(slots=True, kw_only=True)
class Image:
    """One picture, by its original address."""

    url: Text = ""
    """The largest candidate the page offers, as printed there."""
    caption: str | None = None
    """What the legend says of the picture."""
    credit: str | None = None
    """Who owns it, as printed (“© 法新社图片”)."""
    is_lead: bool = False
    """True for the picture above the text."""


@dataclass(slots=True, kw_only=True)
class Video:
    """One video player."""

    provider: Text = ""
    """YouTube, Dailymotion, Vimeo, Facebook or RFI."""
    url: Text = ""
    """Where a person can watch it."""
    title: str | None = None
    """As the player names it."""


@dataclass(slots=True, kw_only=True)
class Audio:
    """One sound recording."""

    url: Text = ""
    """The file itself, mostly MP3."""
    title: str | None = None
    """As the player names it."""
    duration: Count | None = None
    """Seconds."""


@dataclass(slots=True, kw_only=True)
class Related:
    """One link of the 同一主题 (same topic) block."""

    url: Text = ""
    """Canonical address of the other story."""
    title: Text = ""
    """Its headline as this page prints it."""
    kicker: str | None = None
    """Its kicker as this page prints it."""


@dataclass(slots=True, kw_only=True)
class Article:
    """One story of www.rfi.fr."""

    url: Text = ""
    """Canonical address, percent-encoded: https, www.rfi.fr, no query, no trailing slash. Never the mirror's."""
    edition: Text = ""
    """First part of the path: `cn`, `tw`."""
    language: Text = ""
    """BCP 47 tag of the edition: `zh-Hans`, `zh-Hant`."""
    title: Text = ""
    """The headline."""
    kicker: str | None = None
    """The words above the headline (“中美关系/气候”); free text, not the section."""
    section: str | None = None
    """The section in the address (中国, 专栏检索); None where the address has none."""
    column: str | None = None
    """The column in the address (要闻解说); None outside columns."""
    lead: str | None = None
    """The paragraph between headline and body (chapô); None in about one story in ten."""
    body_html: str = ""
    """The cleaned body, one block a line, safe to show: docs/fields.md lists the tags it may hold, at its end."""
    text: str = ""
    """The body's paragraphs, one a line, subheads included, captions and players not; empty for a video alone."""
    char_count: Count = 0
    """字数 of `text`: Han characters plus words and numbers in other scripts."""
    authors: list[Author] = field(default_factory=list)
    """The byline, in order."""
    published_at: Moment = field(default=None, metadata=_time())
    """First publication, UTC."""
    modified_at: AwareDatetime | None = field(default=None, metadata=_time())
    """Last change the page admits to, UTC; may lie before `published_at`, as printed."""
    fetched_at: Moment = field(default=None, metadata=_time())
    """When this project received the page, UTC; None straight from the parser, which reads no clock."""
    images: list[Image] = field(default_factory=list)
    """The lead picture, then those of the body. The site's default picture is none."""
    videos: list[Video] = field(default_factory=list)
    """Video players, in order."""
    audio: list[Audio] = field(default_factory=list)
    """Sound recordings, in order."""
    tags: list[str] = field(default_factory=list)
    """The page's tag links, in order."""
    related: list[Related] = field(default_factory=list)
    """The 同一主题 block, in order: none to three."""
    translations: dict[str, str] = field(default_factory=dict)
    """Language tag to address of the same story in other editions."""
    content_hash: Text = ""
    """SHA-256 over title, kicker, lead and text: changes when a reader would read something else."""


@dataclass(slots=True, kw_only=True)
class Change:
    """One paragraph that reads differently."""

    name: Text = ""
    """`title`, `kicker`, `lead`, `text`, `authors` or `images` (captions and credits)."""
    paragraph: Count | None = None
    """Its number in the text, from 1, as it was before; where it was put in, of the paragraph before it (0 at the top).
    None for fields of one line."""
    parts: list[list[str]] = field(default_factory=list)
    """The paragraph in pieces: `["=", kept]`, `["-", earlier]`, `["+", later]`."""


@dataclass(slots=True, kw_only=True)
class Revision:
    """One change of a story, as seen between two visits."""

    number: Count = 0
    """From 1, in the order seen."""
    seen_at: Moment = field(default=None, metadata=_time())
    """When this project saw the later form, UTC."""
    modified_at: AwareDatetime | None = field(default=None, metadata=_time())
    """When the page says it was changed, UTC."""
    size: Text = ""
    """`punctuation`, `wording`, `figures_or_names` or `paragraphs`: the largest thing that changed."""
    earlier: dict[str, Any] = field(default_factory=dict)
    """What the fields that changed held before, body_html included; with it the earlier form is whole."""
    changes: list[Change] = field(default_factory=list)
    """What changed, paragraph by paragraph."""


@dataclass(slots=True, kw_only=True)
class Record:
    """What the store keeps of a story beside the `Article`."""

    first_seen_at: Moment = field(default=None, metadata=_time())
    """When it was first stored, UTC; never changes."""
    last_seen_at: Moment = field(default=None, metadata=_time())
    """When its page last came whole, UTC. A 304 does not change it."""
    aliases: list[Text] = field(default_factory=list)
    """Other addresses that lead, or led, to it, canonical. `_id` is among them once the story has moved."""
    gone_at: AwareDatetime | None = field(default=None, metadata=_time())
    """When the site was first found to have it no longer (404, 410), UTC; None while it is there."""
    revisions: list[Revision] = field(default_factory=list)
    """Its changes, the first first."""
    source: Text = "site"
    """Where its present form was read: `site`, or `feedx` for a story imported and not yet read from its page."""


_SCHEMA = TypeAdapter(Article)
_RECORD = TypeAdapter(Record)


def as_document(article: Article) -> dict[str, Any]:
    """The article as plain dictionaries and lists, times as aware datetimes."""
    document: dict[str, Any] = _SCHEMA.dump_python(article, warnings=False)
    return document


def problems_of(article: Article) -> dict[str, str]:
    """Where an article breaks the types above: field to reason; empty for a valid one."""
    try:
        _SCHEMA.validate_python(as_document(article))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return {str(problem["loc"][0]): str(problem["msg"]) for problem in reversed(found)}
    return {}


def addresses_in(article: Article) -> list[str]:
    """Every address an article names: its own, its authors', pictures', players', recordings', related stories'."""
    parts = (article.images, article.videos, article.audio, article.related)
    named = [part.url for group in parts for part in group]
    return [
        article.url,
        *named,
        *(author.url for author in article.authors if author.url),
        *article.translations.values(),
    ]


def from_document(document: dict[str, Any]) -> tuple[Article, Record]:
    """A stored document, or one read back from JSON, as what it was made of.

    Raises ValueError, which names the field at fault.
    """
    try:
        article, record = _SCHEMA.validate_python(document), _RECORD.validate_python(document)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise ValueError(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None
    for revision in record.revisions:  # typed as Any, and JSON has no times
        for name, value in revision.earlier.items():
            if name.endswith("_at") and isinstance(value, str):
                revision.earlier[name] = datetime.fromisoformat(value)
    return article, record
