"""`scrapy reader`: everything stored as a static site, to be read offline or from any web server."""

import argparse
import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings

from rfi_news.commands.pictures import Pictures, fetch
from rfi_news.commands.stored import MARKERS, mark, opened
from rfi_news.commands.terminal import Quiet, plain, working
from rfi_news.commands.tree import Tree, digest, file_name
from rfi_news.exceptions import RfiNewsError
from rfi_news.feeds import reader
from rfi_news.feeds.channel import pages
from rfi_news.feeds.pages import fingerprint
from rfi_news.feeds.reader import Entry, Lines, Place
from rfi_news.feeds.search import Index
from rfi_news.feeds.story import Story
from rfi_news.site.addresses import parse
from rfi_news.store.selection import Selection, searched

ON_A_PAGE = 100  # stories of a list
LATEST = 60  # stories of the first page, whole days

BUILD = "index.html"  # the file whose key stands for the whole

Document = dict[str, Any]


class Command(Quiet, ScrapyCommand):
    """Write a static site of what is stored."""

    requires_project = True

    def syntax(self) -> str:
        """Arguments."""
        return "[options]"

    def short_desc(self) -> str:
        """One line for the list of commands."""
        return "Write a static site of what is stored, to be read offline"

    def long_desc(self) -> str:
        """Say what it has."""
        return (
            "Write a static site: days, sections, columns, authors, every story with its revisions and its story line, "
            "and a search in simplified or traditional characters. Open its index.html, or serve the folder. Only what "
            "changed is written."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options of this command."""
        super().add_options(parser)
        parser.add_argument("-o", "--output", metavar="FOLDER", help="where (default: data/reader)")
        parser.add_argument(
            "--images", action="store_true", help="fetch the pictures and show them; else they are links"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Write it, or say in a line why not (exit status 1)."""
        if args:
            raise UsageError(f"no such option, and no arguments are taken: {' '.join(args)}", print_help=False)
        assert self.settings is not None
        assert self.crawler_process is not None
        folder = Path(opts.output or Path(self.settings["DATA_DIR"]) / "reader")
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        with self.telling():
            pictures = Pictures(self.settings) if opts.images else None
            if pictures:
                fetched = fetch(self.crawler_process, pictures, partial(_picture_urls, self.settings))
                for url, reason in fetched.failed.items():
                    console.print(plain(f"picture not had: {url}: {reason}"), markup=False)
            with Tree(folder, "reader") as tree:
                build = Build(tree, pictures)
                asyncio.run(build.write(self.settings))
            for id_, reason in build.odd.items():
                console.print(plain(f"left out, as it is no article: {id_}: {reason}"), markup=False)
            done = f"{tree.written} files written, {tree.kept} unchanged, {tree.removed} removed"
            console.print(f"{build.count - len(build.odd)} stories: {done}", markup=False)
            console.print(f"read {folder / 'index.html'}", markup=False)


async def _picture_urls(settings: BaseSettings) -> list[str]:
    async with opened(settings) as store:
        return [image["url"] for row in await store.select(Selection(), "images") for image in row["images"]]


class Build:
    """One build of the site."""

    def __init__(self, tree: Tree, pictures: Pictures | None) -> None:
        self.tree = tree
        self.pictures = pictures
        self.count = 0
        self.odd: dict[str, str] = {}

    async def write(self, settings: BaseSettings) -> None:
        """Write what is not as it should be. Raises RfiNewsError."""
        async with opened(settings) as store:
            marks = await store.select(Selection(), *MARKERS)
            if not marks:
                raise RfiNewsError(f"no article yet in {store.place}")
            self.count = len(marks)
            made_of = digest(
                fingerprint(),
                self._at_hand(),
                [mark(row) for row in marks],
            )
            if self.tree.is_whole(BUILD, made_of):
                return
            names = ("title", "kicker", "section", "column", "authors", "related")
            rows = await store.select(Selection(), *names, *MARKERS)
            entries = [_entry(row) for row in rows]
            aliases = {
                address: row["_id"] for row in rows for address in (row["_id"], row["url"], *(row.get("aliases") or ()))
            }
            await self._stories(store, entries, Lines(entries, aliases), {row["_id"]: mark(row) for row in rows})
            self._lists(entries, made_of)
            for name, data in reader.static().items():
                self.tree.write(name, data)
            self.tree.write("search.html", reader.search_page())

    def _at_hand(self) -> list[str] | None:
        return sorted(file.name for file in self.pictures.folder.rglob("*.*")) if self.pictures else None

    async def _stories(self, store: Any, entries: Sequence[Entry], lines: Lines, marks: dict[str, list[Any]]) -> None:
        """Every story's page, and the index of what they say."""
        index = Index()
        by_id = {entry.id: entry for entry in entries}
        with working("reader", unit="stories", total=len(entries)) as step:
            async for document in store.stream([entry.id for entry in reversed(entries)]):
                step(1)
                entry = by_id[document["_id"]]
                line = lines.around(entry, _day_of)
                try:
                    story = Story.of(document)
                except ValueError as error:
                    self.odd[entry.id] = str(error)
                    continue
                index.add(entry.name, searched(document))
                files = self.pictures.at_hand(image.url for image in story.article.images) if self.pictures else {}
                shown = {url: f"../../pictures/{file.name}" for url, file in files.items()}
                for file in files.values():
                    if not self.tree.has(f"pictures/{file.name}", file.name):
                        self.tree.write(f"pictures/{file.name}", file.read_bytes(), file.name)
                key = digest(fingerprint(), marks[entry.id], shown, [repr(part) for part in line])
                if not self.tree.has(entry.path, key):
                    self.tree.write(entry.path, _story_page(story, line, shown), key)
        for name, text in index.files():
            self.tree.write(f"search/{name}", text.encode())

    def _lists(self, entries: Sequence[Entry], made_of: str) -> None:
        entries = [entry for entry in entries if entry.id not in self.odd]
        if not entries:
            raise RfiNewsError("no document in the store is an article")
        days = _grouped(entries, lambda entry: [entry.day])
        self._days(days)
        kinds: dict[str, tuple[str, Callable[[Entry], Iterable[str | None]]]] = {
            "sections": ("栏目", lambda entry: [entry.section]),
            "columns": ("专栏", lambda entry: [entry.column]),
            "authors": ("作者", lambda entry: entry.authors),
        }
        for folder, (title, names_of) in kinds.items():
            named = _grouped(entries, names_of)
            for name, rows in named.items():
                self._list(_place(folder, name), name, rows)
            by_count = sorted(named.items(), key=lambda pair: (-len(pair[1]), pair[0]))
            listed = [(name, _place(folder, name) + ".html", f"{len(rows)} 篇") for name, rows in by_count]
            path = f"{folder}/index.html"
            self.tree.write(path, reader.directory_page(path, title, [("", listed)]))
        latest: list[tuple[Place | None, Sequence[Entry]]] = []
        for day, rows in days.items():
            if latest and sum(len(part) for _, part in latest) + len(rows) > LATEST:
                break
            latest.append((Place(day, f"days/{day}.html"), rows))
        note = f"共 {len(entries)} 篇，{min(days)} 至 {max(days)}。时间为巴黎时间。"
        key = "" if self.odd else made_of  # what is left out is told of each time
        self.tree.write(BUILD, reader.list_page(BUILD, "最新", latest, note=note, months=True), key)

    def _days(self, days: dict[str, list[Entry]]) -> None:
        order = sorted(days)
        for number, day in enumerate(order):
            before, after = order[number - 1 : number], order[number + 1 : number + 2]
            path = f"days/{day}.html"
            page = reader.list_page(
                path,
                day,
                [(None, days[day])],
                note=f"{len(days[day])} 篇",
                earlier=Place(before[0], f"days/{before[0]}.html") if before else None,
                later=Place(after[0], f"days/{after[0]}.html") if after else None,
            )
            self.tree.write(path, page)
        months: dict[str, list[tuple[str, str, str]]] = {}
        for day in reversed(order):
            months.setdefault(day[:7], []).append((day[8:], f"days/{day}.html", f"{len(days[day])} 篇"))
        path = "days/index.html"
        self.tree.write(path, reader.directory_page(path, "日期", list(months.items())))

    def _list(self, stem: str, title: str, rows: Sequence[Entry]) -> None:
        for page, part in pages(rows, ON_A_PAGE):
            path = f"{stem}/{page.number}.html" if page.number else f"{stem}.html"
            later = f"{stem}/{page.later}.html" if page.later else f"{stem}.html"
            written = reader.list_page(
                path,
                title,
                [(Place(day), found) for day, found in _grouped(part, lambda entry: [entry.day]).items()],
                note="" if page.number else f"共 {len(rows)} 篇",  # else news would change every page
                earlier=Place("更早", f"{stem}/{page.earlier}.html") if page.earlier else None,
                later=Place("更新", later) if page.number else None,
            )
            self.tree.write(path, written)


def _entry(row: Document) -> Entry:
    return Entry(
        id=row["_id"],
        url=row["url"],
        title=row["title"],
        kicker=row["kicker"],
        section=row["section"],
        column=row["column"],
        authors=[author["name"] for author in row["authors"]],
        published_at=row["published_at"],
        related=row["related"],
    )


def _story_page(story: Story, line: Sequence[reader.Step], pictures: dict[str, str]) -> bytes:
    article = story.article
    places = [
        (name, _place(folder, name) + ".html")
        for folder, name in (("sections", article.section), ("columns", article.column))
        if name
    ]
    byline = [(author.name, _place("authors", author.name) + ".html", author.role) for author in article.authors]
    return reader.story_page(story, line, byline=byline, places=places, pictures=pictures)


def _place(folder: str, name: str) -> str:
    return f"{folder}/{'_' if name == 'index' else ''}{file_name(name)}"


def _day_of(url: str) -> str:
    """The day in a story's address; empty where it has none."""
    address = parse(url)
    return f"{address.day}" if address and address.day else ""


def _grouped(entries: Iterable[Entry], names_of: Callable[[Entry], Iterable[str | None]]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        for name in dict.fromkeys(names_of(entry)):
            if name:
                groups.setdefault(name, []).append(entry)
    return groups
