"""The reader: pages of a static site that needs no scripts to be read and asks nothing of anybody.

Works from files and from any web server: every address is relative, and a story's page has a name of its own that does
not change with its headline.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from rfi_news.feeds.figures import inner_html, local
from rfi_news.feeds.pages import TEMPLATES
from rfi_news.feeds.story import FIELDS, SIZES, Story, headline
from rfi_news.words import printable

PARIS = ZoneInfo("Europe/Paris")
STATIC = ("style.css", "icon.svg", "text.js", "search.js")
LONGEST_LINE = 24
"""Stories in a story line at most, the nearest first chosen."""
HOPS = 2
"""Same-topic links from a story to the furthest of its line."""

MENU = (("最新", "index.html"), ("日期", "days/index.html"), ("栏目", "sections/index.html"),
        ("专栏", "columns/index.html"), ("作者", "authors/index.html"))  # fmt: skip

# Frames and connections: a search looks at the pages of what it found.
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'"
POLICIES = {
    "": _POLICY,
    "story": f"{_POLICY}; script-src 'self'",
    "search": f"{_POLICY}; script-src 'self'; frame-src 'self'; connect-src 'self'",
}


@dataclass(slots=True, kw_only=True)
class Entry:
    """A story as lists and story lines name it."""

    id: str
    url: str
    title: str
    kicker: str | None
    section: str | None
    column: str | None
    authors: list[str]
    published_at: datetime
    related: list[dict[str, Any]] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """Its headline as it can be shown; its address where nothing of it can."""
        return headline(self.title, self.url)

    @property
    def day(self) -> str:
        """Its Paris day."""
        return f"{self.published_at.astimezone(PARIS):%Y-%m-%d}"

    @property
    def time(self) -> str:
        """Its time of day in Paris."""
        return f"{self.published_at.astimezone(PARIS):%H:%M}"

    @property
    def iso(self) -> str:
        """Its time for machines."""
        return self.published_at.isoformat()

    @property
    def name(self) -> str:
        """The name of its page: month and day in Paris, and a hash of its id."""
        key = blake2b(self.id.encode("utf-8", "replace"), digest_size=5).hexdigest()
        return f"{self.published_at.astimezone(PARIS):%Y-%m-%d}-{key}"

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"stories/{self.name[:7]}/{self.name[8:]}.html"


@dataclass(frozen=True, slots=True)
class Place:
    """A page, and what it is called."""

    name: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One story of a story line."""

    title: str
    day: str
    iso: str | None
    href: str
    kicker: str | None
    here: bool = False
    outside: bool = False
    """Not stored: the link leads to the site."""


class Lines:
    """The same-topic links among stories, in both directions, and the story line around each of them."""

    def __init__(self, entries: Iterable[Entry], aliases: Mapping[str, str]) -> None:
        """`aliases` leads from any address of a story to its id."""
        self._entries = {entry.id: entry for entry in entries}
        self._aliases = aliases
        self._near: dict[str, list[str]] = {}
        for entry in self._entries.values():
            for link in entry.related:
                other = aliases.get(link["url"])
                if other is not None and other != entry.id:
                    self._near.setdefault(entry.id, []).append(other)
                    self._near.setdefault(other, []).append(entry.id)

    def around(self, entry: Entry, day_of: Callable[[str], str]) -> list[Step]:
        """The story line of a story in order of time, itself among it; empty when nothing is linked to it.

        `day_of` tells the day in the address of a story that is not stored.
        """
        chosen: dict[str, None] = {entry.id: None}
        edge = deque([(entry.id, 0)])
        while edge and len(chosen) < LONGEST_LINE:
            here, hops = edge.popleft()
            if hops == HOPS:
                continue
            for other in self._near.get(here, ()):
                if other not in chosen and len(chosen) < LONGEST_LINE:
                    chosen[other] = None
                    edge.append((other, hops + 1))
        steps = []
        for one in map(self._entries.__getitem__, chosen):
            href = "../../" + one.path
            steps.append(
                Step(title=one.shown, day=one.day, iso=one.iso, href=href, kicker=one.kicker, here=one is entry)
            )
        for link in entry.related:
            if link["url"] not in self._aliases:
                day = day_of(link["url"])
                steps.append(
                    Step(
                        title=link["title"],
                        day=day,
                        iso=day or None,
                        href=link["url"],
                        kicker=link["kicker"],
                        outside=True,
                    )
                )
        steps.sort(key=lambda step: (step.day, step.iso or "", step.title))
        return steps if len(steps) > 1 else []


@cache
def static() -> dict[str, bytes]:
    """The files that are the same for every store."""
    folder = files("rfi_news.feeds") / "templates" / "reader"
    return {name: (folder / name).read_bytes() for name in STATIC}


def story_page(
    story: Story,
    line: Sequence[Step],
    *,
    byline: Sequence[tuple[str, str, str | None]],
    places: Sequence[tuple[str, str]],
    pictures: Mapping[str, str],
) -> bytes:
    """A story's page. `byline` and `places` are names with the path of their lists, `pictures` files by address."""
    lead_picture = story.lead_picture
    updated = story.updated_at
    return _page(
        "story",
        path="stories/0/0.html",
        policy="story",
        language=story.article.language,
        story=story,
        line=line,
        byline=byline,
        places=places,
        picture=pictures.get(lead_picture.url) if lead_picture else None,
        published=f"{story.published_at.astimezone(PARIS):%Y-%m-%d %H:%M}",
        updated=f"{updated.astimezone(PARIS):%Y-%m-%d %H:%M}" if updated > story.published_at else None,
        body=Markup(inner_html(local(story.body, pictures))),  # noqa: S704 — sanitized by Story.body
        paris=PARIS,
        whole=lambda parts: [part for part in parts if len(part) == 2],  # noqa: PLR2004 — a sign and a text
        sizes=SIZES,
        fields=FIELDS,
    )


def list_page(  # noqa: PLR0913 — what a page of a list shows
    path: str,
    title: str,
    groups: Sequence[tuple[Place | None, Sequence[Entry]]],
    *,
    note: str = "",
    earlier: Place | None = None,
    later: Place | None = None,
    months: bool = False,
) -> bytes:
    """A page of stories under headings."""
    return _page("list", path=path, title=title, groups=groups, note=note, earlier=earlier, later=later, months=months)


def directory_page(path: str, title: str, groups: Sequence[tuple[str, Sequence[tuple[str, str, str]]]]) -> bytes:
    """A page of names: each with its path and how many stories it has."""
    return _page("directory", path=path, title=title, groups=groups)


def search_page() -> bytes:
    """The page that searches."""
    return _page("search", path="search.html", policy="search")


def _page(template: str, *, path: str, policy: str = "", language: str = "zh-Hans", **values: Any) -> bytes:
    told = Markup(POLICIES[policy])  # noqa: S704 — ours; its quotes are to stay
    text = TEMPLATES.get_template(f"reader/{template}.html").render(
        root="../" * path.count("/"),
        here=path,
        policy=told,
        menu=MENU,
        language=language,
        **values,
    )
    return printable(text).encode("utf-8", "replace")
