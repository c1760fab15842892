"""RSS 2.0 and Atom, by feedgen, with what it has no words for: archive links, picture credits, several recordings."""

import copy
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from rfi_news import __version__
from rfi_news.feeds.channel import Channel, Links
from rfi_news.feeds.story import PUBLISHER, Story, sound_type
from rfi_news.words import printable

TTL = 30
"""Minutes a subscriber need not ask again."""

ATOM = "http://www.w3.org/2005/Atom"
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
    "media": "http://search.yahoo.com/mrss/",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
    prefix, _, local = name.rpartition(":")
    node = etree.SubElement(parent, f"{{{NAMESPACES.get(prefix, ATOM)}}}{local}" if prefix else local, attributes)
    node.text = text
    return node


class _ChannelExtension(BaseExtension):  # type: ignore[misc]
    """What RFC 5005 and WebSub add to a feed."""

    links = Links()

    def extend_ns(self) -> dict[str, str]:
        return NAMESPACES

    def extend_rss(self, feed: Any) -> Any:
        channel = feed[0]
        if self.links.current:
            _add(channel, "fh:archive")
        for rel, href in self._relations():
            _add(channel, "atom:link", rel=rel, href=href)
        return feed

    def extend_atom(self, feed: Any) -> Any:
        if self.links.current:
            _add(feed, "fh:archive")
        for rel, href in self._relations():
            _add(feed, "link", rel=rel, href=href)
        return feed

    def _relations(self) -> Iterable[tuple[str, str]]:
        links = self.links
        relations = {
            "current": links.current,
            "prev-archive": links.earlier,
            "next-archive": links.later,
            "hub": links.hub,
        }
        return ((rel, href) for rel, href in relations.items() if href)


class _StoryExtension(BaseEntryExtension):  # type: ignore[misc]
    """Byline, pictures and recordings of one story."""

    story: Story

    def extend_ns(self) -> dict[str, str]:
        return NAMESPACES

    def extend_rss(self, feed: Any) -> Any:
        for sound in self.story.article.audio[:1]:  # the site tells no length; 0 is RSS's “unknown”
            _add(feed, "enclosure", url=sound.url, length="0", type=sound_type(sound.url))
        for author in self.story.article.authors:
            _add(feed, "dc:creator", printable(author.name))
        _add(feed, "atom:updated", self.story.updated_at.isoformat())
        self._add_media(feed, sounds=self.story.article.audio[1:])  # an item has room for one enclosure
        return feed

    def extend_atom(self, feed: Any) -> Any:
        for sound in self.story.article.audio:  # feedgen would leave out the rel, and make them alternates
            title = {"title": printable(sound.title)} if sound.title else {}
            _add(feed, "link", rel="enclosure", type=sound_type(sound.url), href=sound.url, **title)
        self._add_media(feed, sounds=[])
        return feed

    def _add_media(self, entry: Any, sounds: list[Any]) -> None:
        picture = self.story.lead_picture
        if picture is not None:
            node = _add(entry, "media:content", url=picture.url, medium="image")
            if picture.caption:
                _add(node, "media:description", printable(picture.caption), type="plain")
            if picture.credit:
                _add(node, "media:credit", printable(picture.credit))
        for sound in sounds:
            length = {"duration": str(sound.duration)} if sound.duration else {}
            _add(entry, "media:content", url=sound.url, medium="audio", type=sound_type(sound.url), **length)


class Entry(FeedEntry):  # type: ignore[misc]
    """A story as an entry of any number of feeds, made once for each format."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self._made: dict[str, Any] = {}
        article = story.article
        self.id(story.id)
        self.title(story.title)
        self.link(href=article.url)
        self.published(story.published_at)
        self.updated(story.updated_at)
        names = [{"name": printable(author.name), "uri": author.url} for author in article.authors]
        self.author(names or {"name": PUBLISHER})
        self.category([{"term": name} for name in story.categories])
        self.summary(printable(article.lead or article.text.split("\n", 1)[0] or story.title))
        self.content(story.content, type="html")
        self.register_extension("rfi", _StoryExtension)
        self.rfi.story = story

    def rss_entry(self, extensions: bool = True) -> Any:  # noqa: FBT001, FBT002 — feedgen's own
        """A copy of the item."""
        if "rss" not in self._made:
            self._made["rss"] = super().rss_entry(extensions)
        return copy.deepcopy(self._made["rss"])

    def atom_entry(self, extensions: bool = True) -> Any:  # noqa: FBT001, FBT002 — feedgen's own
        """A copy of the entry."""
        if "atom" not in self._made:
            self._made["atom"] = super().atom_entry(extensions)
        return copy.deepcopy(self._made["atom"])


class Syndication:
    """Writes channels as RSS and Atom; a story in many of them is made once."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def forget(self, keep: set[str]) -> None:
        """Let go of entries that are not needed again."""
        self._entries = {id_: entry for id_, entry in self._entries.items() if id_ in keep}

    def write(self, channel: Channel, stories: Iterable[Story], links: Links, suffix: str) -> bytes:
        """One document, as bytes: `rss` or `atom`."""
        feed = FeedGenerator()
        feed.id(f"{channel.link}#full-text")
        feed.title(printable(channel.title))
        feed.description(printable(channel.description))
        feed.language(channel.language)
        feed.author({"name": PUBLISHER})
        feed.ttl(TTL)
        feed.docs("https://www.rssboard.org/rss-specification")
        feed.generator("rfi-news", __version__)
        if links.own:
            kind = "application/rss+xml" if suffix == "rss" else "application/atom+xml"
            feed.link(href=links.own, rel="self", type=kind)
        feed.link(href=channel.link, rel="alternate", type="text/html")  # the last one is RSS's <link>
        feed.register_extension("rfi", _ChannelExtension, _StoryExtension)
        feed.rfi.links = links
        entries = [self._entry(story) for story in stories]
        feed.updated(max((entry.updated() for entry in entries), default=_EPOCH))  # never by the clock
        for entry in entries:
            feed.add_entry(entry, order="append")
        written: bytes = feed.rss_str() if suffix == "rss" else feed.atom_str()
        return written

    def _entry(self, story: Story) -> Entry:
        if story.id not in self._entries:
            self._entries[story.id] = Entry(story)
        return self._entries[story.id]
