"""`scrapy feeds`: full-text feeds of everything stored, as a tree of files for a web server."""

import argparse
import asyncio
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings

from rfi_news.commands.stored import MARKERS, mark, opened
from rfi_news.commands.terminal import Quiet, plain, working
from rfi_news.commands.tree import Tree, digest, file_name
from rfi_news.exceptions import RfiNewsError
from rfi_news.feeds import directory, json_feed
from rfi_news.feeds.channel import Channel, Links, Page, pages
from rfi_news.feeds.pages import fingerprint
from rfi_news.feeds.story import Story
from rfi_news.site.addresses import HOST
from rfi_news.site.editions import CN, EDITIONS
from rfi_news.store.selection import Selection
from rfi_news.store.store import Store

LEAST = 5  # stories that make a tag's feed
IN_MEMORY = 1000  # stories kept from one channel to the next
TITLE = "法广 RFI 中文"

Light = dict[str, Any]


class Command(Quiet, ScrapyCommand):
    """Write RSS, Atom and JSON Feed of everything, each section, column, author and frequent tag."""

    requires_project = True

    def syntax(self) -> str:
        """Arguments."""
        return "[options]"

    def short_desc(self) -> str:
        """One line for the list of commands."""
        return "Write full-text feeds of what is stored"

    def long_desc(self) -> str:
        """Say where it goes."""
        return (
            "Write RSS 2.0, Atom and JSON Feed 1.1 of everything, each section, column, author, and each tag with "
            "five or more stories, with index.html and index.opml. The newest 50 each, older ones as archive pages. "
            "Only what changed is written. -s FEEDS_BASE_URL=https://… makes the addresses inside absolute."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options of this command."""
        super().add_options(parser)
        parser.add_argument("-o", "--output", metavar="FOLDER", help="where (default: data/feeds)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Write them, or say in a line why not (exit status 1)."""
        if args:
            raise UsageError(f"no such option, and no arguments are taken: {' '.join(args)}", print_help=False)
        assert self.settings is not None
        base, hub = (web_address(self.settings, name) for name in ("FEEDS_BASE_URL", "WEBSUB_HUB"))
        folder = Path(opts.output or Path(self.settings["DATA_DIR"]) / "feeds")
        with self.telling():
            with Tree(folder, "feeds") as tree:
                said = asyncio.run(write_feeds(self.settings, tree, base=base, hub=hub))
            console = Console(stderr=True, soft_wrap=True, highlight=False)
            for line in said:
                console.print(plain(line), markup=False)
            console.print(f"{tree.written} written, {tree.kept} unchanged, {tree.removed} removed", markup=False)
            console.print(f"in {folder}", markup=False)
            if not base:
                console.print(
                    "FEEDS_BASE_URL is not set: addresses from one feed to another are relative", markup=False
                )


def web_address(settings: BaseSettings, name: str) -> str:
    """A setting that holds an address; empty where it is not set. Raises UsageError for anything else."""
    value = str(settings.get(name) or "").strip()
    if value and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", value):
        raise UsageError(f"{name}={value} is not accepted: an address, https://example.org/…", print_help=False)
    return value.rstrip("/") + "/" if value and name == "FEEDS_BASE_URL" else value


async def write_feeds(settings: BaseSettings, tree: Tree, *, base: str, hub: str) -> list[str]:
    """Write the tree; returns what is to be said. Raises RfiNewsError."""
    async with opened(settings) as store:
        found = await store.select(Selection(), "section", "column", "authors", "tags", "edition", "language", *MARKERS)
        if not found:
            raise RfiNewsError(f"no article yet in {store.place}")
        groups = channels_of(found)
        writer = _Writer(store, tree, base=base, hub=hub)
        total = sum(len(rows) for group in groups.values() for _, _, rows in group)
        with working("feeds", unit="stories", total=total) as step:
            for group in groups.values():
                for channel, _, rows in group:
                    await writer.write(channel, rows)
                    step(len(rows))
    listed = {
        group: [directory.Listed(channel=channel, name=name, count=len(rows)) for channel, name, rows in channels]
        for group, channels in groups.items()
        if channels
    }
    tree.write("index.opml", directory.opml(listed, title=TITLE, base=base))
    tree.write("index.html", directory.page(listed, title=TITLE))
    count = sum(len(channels) for channels in groups.values())
    said = [f"{len(found) - len(writer.odd)} stories in {count} channels"]
    return said + [f"left out, as it is no article: {id_}: {reason}" for id_, reason in writer.odd.items()]


def channels_of(found: Sequence[Light]) -> dict[str, list[tuple[Channel, str, list[Light]]]]:
    """Every channel with its name and its stories, the newest first, by group."""
    newest = found[0]
    words = EDITIONS.get(newest["edition"], CN)
    home = f"{HOST}/{words.code}/"
    language = newest["language"]
    whole = Channel(title=TITLE, description="法广中文网全部新闻，全文", link=home, path="all", language=language)
    groups: dict[str, list[tuple[Channel, str, list[Light]]]] = {"全部": [(whole, "全部新闻", list(found))]}
    kinds: dict[str, tuple[str, str, Callable[[Light], list[Any]], int]] = {
        "栏目": ("sections", "{}", lambda row: [row["section"]], 1),
        "专栏": ("columns", f"{words.columns_index}/{{}}", lambda row: [row["column"]], 1),
        "作者": ("authors", f"{words.authors}/{{}}", lambda row: [a["name"] for a in row["authors"]], 1),
        "标签": ("tags", f"{words.tags}/{{}}", lambda row: row["tags"], LEAST),
    }
    for group, (folder, where, names_of, least) in kinds.items():
        by_name: dict[str, list[Light]] = {}
        for row in found:
            for name in dict.fromkeys(filter(None, names_of(row))):
                by_name.setdefault(name, []).append(row)
        counts = Counter({name: len(rows) for name, rows in by_name.items() if len(rows) >= least})
        groups[group] = [
            (
                Channel(
                    title=f"{name} - {TITLE}",
                    description=f"法广中文网“{name}”的新闻，全文",
                    link=home + quote(where.format(name.replace("/", "-"))) + "/",
                    path=f"{folder}/{file_name(name)}",
                    language=language,
                ),
                name,
                by_name[name],
            )
            for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        ]
    return groups


class _Writer:
    """Writes the documents of channels that are not as they should be."""

    def __init__(self, store: Store, tree: Tree, *, base: str, hub: str) -> None:
        from rfi_news.feeds.syndication import Syndication  # noqa: PLC0415 — every command loads every other

        self.store = store
        self.tree = tree
        self.base = base
        self.hub = hub
        self.odd: dict[str, str] = {}
        self._syndication = Syndication()
        self._stories: dict[str, Story] = {}

    async def write(self, channel: Channel, rows: Sequence[Light]) -> None:
        for page, part in pages(rows):
            key = digest(
                fingerprint(),
                channel,
                self.base,
                self.hub,
                [page.number, page.earlier, page.later],
                [mark(row) for row in part],
            )
            paths = {suffix: _path(channel, page.number, suffix) for suffix in directory.FORMATS}
            if sum(self.tree.has(path, key) for path in paths.values()) == len(paths):  # each is asked
                continue
            stories = await self._load([row["_id"] for row in part])
            if len(stories) < len(part):
                key = ""  # what was left out is told of each time
            for suffix, path in paths.items():
                links = self._links(channel, page, suffix)
                if suffix == "json":
                    data = json_feed.write(channel, stories, links)
                else:
                    data = self._syndication.write(channel, stories, links, suffix)
                self.tree.write(path, data, key)

    def _links(self, channel: Channel, page: Page, suffix: str) -> Links:
        own = _path(channel, page.number, suffix)

        def to(number: int | None) -> str:
            target = _path(channel, number, suffix)
            return self.base + quote(target) if self.base else quote(os.path.relpath(target, Path(own).parent))

        return Links(
            own=self.base + quote(own) if self.base else None,
            current=to(None) if page.number else None,
            earlier=to(page.earlier) if page.earlier else None,
            later=to(page.later) if page.later else None,
            hub=self.hub or None,
        )

    async def _load(self, ids: Sequence[str]) -> list[Story]:
        if len(self._stories) > IN_MEMORY:
            kept = set(ids)
            self._stories = {id_: story for id_, story in self._stories.items() if id_ in kept}
            self._syndication.forget(kept)
        async for document in self.store.stream([id_ for id_ in ids if id_ not in self._stories]):
            try:
                self._stories[document["_id"]] = Story.of(document)
            except ValueError as error:
                self.odd[document["_id"]] = str(error)
        return [self._stories[id_] for id_ in ids if id_ in self._stories]


def _path(channel: Channel, number: int | None, suffix: str) -> str:
    return f"{channel.path}/{number}.{suffix}" if number else f"{channel.path}.{suffix}"
