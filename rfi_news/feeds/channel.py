"""A channel: stories under one heading, and how they are cut into feed documents.

The newest are in the document one subscribes to. All of them, counted from the oldest, are in archive documents of the
same size, which stay as they are when news come in (RFC 5005, section 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

WHOLE = frozenset({"rss", "atom", "jsonfeed"})
"""Formats of one document: nothing can be appended to it."""

NEWEST = 50
"""Stories in a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a feed is about."""

    title: str
    description: str
    link: str
    """The page of the site it corresponds to; with `#full-text` its id."""
    path: str = ""
    """Where its documents are, without their suffix, below the feeds' address: `sections/中国`."""
    language: str = "zh-Hans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where one document stands among those of its channel; each address whole, or relative to the document."""

    own: str | None = None
    """None where the public address is not known."""
    current: str | None = None
    """Of an archive document: the one to subscribe to."""
    earlier: str | None = None
    later: str | None = None
    """The archive documents before and after."""
    hub: str | None = None
    """A WebSub hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One document: its number among the archive documents from 1, None for the one to subscribe to."""

    number: int | None
    last: int
    """How many archive documents there are."""

    @property
    def earlier(self) -> int | None:
        """Number of the archive document with older stories."""
        return (self.number - 1 if self.number else self.last) or None

    @property
    def later(self) -> int | None:
        """Number of the archive document with newer stories."""
        return self.number + 1 if self.number and self.number < self.last else None


def pages(stories: Sequence[T], size: int = NEWEST) -> list[tuple[Page, Sequence[T]]]:
    """Stories, the newest first, cut into the document to subscribe to and archive documents, oldest first."""
    last = len(stories) // size
    out = [(Page(number=None, last=last), stories[:size])]
    for number in range(1, last + 1):
        end = len(stories) - (number - 1) * size
        out.append((Page(number=number, last=last), stories[end - size : end]))
    return out
