"""`scrapy export`: stored stories into a file, as far as memory goes one after the other."""

import argparse
import asyncio
import io
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rich.console import Console
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings

from rfi_news.commands.files import kind_of, written
from rfi_news.commands.pictures import Pictures, fetch
from rfi_news.commands.stored import opened
from rfi_news.commands.terminal import Encoder, Quiet, plain, working
from rfi_news.commands.tree import digest, file_name
from rfi_news.exceptions import RfiNewsError
from rfi_news.feeds.story import Story
from rfi_news.feeds.table import CsvFile
from rfi_news.items import Article, Record
from rfi_news.site.dates import PARIS
from rfi_news.store.selection import Selection
from rfi_news.store.store import Store
from rfi_news.words import fold

Document = dict[str, Any]

SUFFIXES = {
    ".jsonl": "jsonl", ".jl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".md": "md",
    ".epub": "epub", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".db": "sqlite",
}  # fmt: skip
YEARS = range(1990, 2100)  # as for times: the site's first pages are of the nineties
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))


@dataclass(slots=True)
class Export:
    """One export: the stories in their order, and what is done with each."""

    store: Store
    rows: list[Document]
    wanted: Selection
    target: Path
    is_folder: bool
    pictures: dict[str, Path]
    step: Callable[[int], None]
    count: int = 0
    odd: dict[str, str] = field(default_factory=dict)
    """Documents that are no articles: `_id` to reason."""

    async def documents(self) -> AsyncIterator[Document]:
        """The stories as stored."""
        async for document in self.store.stream([row["_id"] for row in self.rows]):
            self.step(1)
            if self.wanted.has(document):
                self.count += 1
                yield document

    async def stories(self) -> AsyncIterator[Story]:
        """The stories; a document that is none is named and left out."""
        async for document in self.documents():
            try:
                yield Story.of(document)
            except ValueError as error:
                self.count -= 1
                self.odd[document["_id"]] = str(error)


class Command(Quiet, ScrapyCommand):
    """Write stored stories into a file."""

    requires_project = True

    def syntax(self) -> str:
        """Arguments."""
        return "[options] -o FILE"

    def short_desc(self) -> str:
        """One line for the list of commands."""
        return "Write stored stories into a file: JSON lines, CSV, Parquet, Markdown, EPUB or SQLite"

    def long_desc(self) -> str:
        """Say how the form is chosen."""
        return (
            "Write stored stories into a file, the newest first. Its name tells the form: .jsonl, .csv, .parquet, .md, "
            ".epub, .sqlite (.db); with .gz or .zst after it, it is compressed; a folder (a name that ends in /) gets "
            "a Markdown file for each story. `scrapy import jsonl` reads JSON lines back."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options of this command."""
        super().add_options(parser)
        parser.add_argument("-o", "--output", metavar="FILE", help="where; - for standard output")
        parser.add_argument("--format", choices=FORMATS, help="the form, where the name does not tell")
        parser.add_argument("--since", metavar="DAY", help="first Paris day of publication, YYYY-MM-DD")
        parser.add_argument("--until", metavar="DAY", help="last Paris day of publication")
        parser.add_argument("--section", metavar="NAME", help="中国")
        parser.add_argument("--column", metavar="NAME", help="要闻解说")
        parser.add_argument("--author", metavar="NAME", help="a name of the byline, as printed")
        parser.add_argument("--tag", metavar="NAME", help="a tag")
        parser.add_argument("--text", metavar="WORDS", help="stories that hold each of these words, in either script")
        parser.add_argument("--images", action="store_true", help="fetch the pictures and put them into an EPUB")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Write them, and say how many; exit status 1 when that failed, 2 for a wrong argument."""
        if args or not opts.output:
            raise UsageError(
                "say where to: -o FILE" + f"; no such option: {' '.join(args)}" * bool(args), print_help=False
            )
        assert self.settings is not None
        form = form_of(opts.output, opts.format)
        if opts.images and form != "epub":
            raise UsageError("--images is for EPUB", print_help=False)
        wanted = selection_of(opts)
        say = Console(stderr=True, soft_wrap=True, highlight=False).print
        with self.telling():
            pictures = self._pictures(wanted, say) if opts.images else {}
            done = asyncio.run(export(self.settings, form, opts.output, wanted, pictures))
            for id_, reason in done.odd.items():
                say(plain(f"left out, as it is no article: {id_}: {reason}"), markup=False)
            where = "" if opts.output == "-" else f" in {opts.output}"
            say(f"{done.count} {'story' if done.count == 1 else 'stories'}{where}", markup=False)

    def _pictures(self, wanted: Selection, say: Callable[..., None]) -> dict[str, Path]:
        """Fetch the pictures of these stories that are not at hand; say which did not come."""
        assert self.settings is not None
        assert self.crawler_process is not None
        pictures = Pictures(self.settings)
        fetched = fetch(self.crawler_process, pictures, partial(picture_urls, self.settings, wanted))
        for url, reason in fetched.failed.items():
            say(plain(f"picture not had: {url}: {reason}"), markup=False)
        return pictures.at_hand(fetched.urls)


def form_of(output: str, given: str | None) -> str:
    """The form of a file, by its name or as given. Raises UsageError where neither tells."""
    form = given or SUFFIXES.get(kind_of(Path(output)))
    if is_folder(output):
        if form not in (None, "md"):
            raise UsageError(f"{output}: is a folder, and only Markdown goes into one", print_help=False)
        return "md"
    if form is None:
        known = " ".join(SUFFIXES)
        raise UsageError(f"{output}: the name does not tell the form; one of {known}, or --format", print_help=False)
    return form


def is_folder(output: str) -> bool:
    """Whether a folder is meant: a name that ends in /, or one that is there."""
    return output != "-" and (output.endswith("/") or Path(output).is_dir())


def selection_of(opts: argparse.Namespace) -> Selection:
    """What the options select. Raises UsageError for a day that is none."""
    days = {}
    for name in ("since", "until"):
        value = getattr(opts, name)
        try:
            day = date.fromisoformat(value) if value else None
        except ValueError:
            day = date.min
        if day and day.year not in YEARS:
            raise UsageError(f"--{name} {value} is not accepted: a day, 2026-01-31", print_help=False)
        days[name] = day
    if days["since"] and days["until"] and days["since"] > days["until"]:
        raise UsageError(f"--since {opts.since} is after --until {opts.until}", print_help=False)
    return Selection(**days, section=opts.section, column=opts.column, author=opts.author, tag=opts.tag, text=opts.text)


async def picture_urls(settings: BaseSettings, wanted: Selection) -> list[str]:
    """The addresses of all pictures of these stories."""
    async with opened(settings) as store:
        wanted = await named(store, wanted)
        rows = await store.select(wanted, "images")
        if wanted.text is not None:
            ids = [row["_id"] for row in rows]
            rows = [document async for document in store.stream(ids) if wanted.has(document)]
        return [image["url"] for row in rows for image in row["images"]]


async def export(
    settings: BaseSettings, form: str, output: str, wanted: Selection, pictures: dict[str, Path]
) -> Export:
    """Write these stories. Raises RfiNewsError."""
    async with opened(settings) as store:
        wanted = await named(store, wanted)
        rows = await store.select(wanted, "section", "language")
        with working("exporting", unit="stories", total=len(rows)) as step:
            job = Export(store, rows, wanted, Path(output), is_folder(output), pictures, step)
            await WRITERS[form](job)
    return job


async def named(store: Store, wanted: Selection) -> Selection:
    """The selection with its names as they are stored: 中國 is 中国. Raises RfiNewsError for a name nobody has."""
    fields = {"section": "section", "column": "column", "author": "authors", "tag": "tags"}
    given = {part: name for part in fields if (name := getattr(wanted, part)) is not None}
    if not given:
        return wanted
    rows = await store.select(Selection(), *(fields[part] for part in given))
    for part, name in given.items():
        held: Counter[str] = Counter()
        for row in rows:
            value = row[fields[part]]
            names = [one["name"] if part == "author" else one for one in value] if isinstance(value, list) else [value]
            held.update(filter(None, names))
        if name not in held:
            alike = [known for known in held if fold(known) == fold(name)]
            if not alike:
                most = "、".join(known for known, _ in held.most_common(12))
                raise RfiNewsError(f"no story has --{part} {name}; there are {most or 'none'}{' …' * (len(held) > 12)}")  # noqa: PLR2004
            wanted = replace(wanted, **{part: alike[0]})  # type: ignore[arg-type]
    return wanted


async def write_jsonl(job: Export) -> None:
    """Documents as stored, `_id` and history included."""
    names = ["_id", *(field.name for part in (Article, Record) for field in fields(part))]
    encode = Encoder(ensure_ascii=False).encode
    with written(job.target) as file:
        async for document in job.documents():
            kept = {name: document[name] for name in names if name in document}
            file.write((encode(kept) + "\n").encode("utf-8", "surrogatepass"))


async def write_csv(job: Export) -> None:
    """A row for each story."""
    with written(job.target) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="", write_through=True)
        rows = CsvFile(text)
        async for story in job.stories():
            rows.add(story)
        text.detach()


async def write_parquet(job: Export) -> None:
    """A row for each story, with all its parts."""
    try:
        from rfi_news.feeds.parquet import ParquetFile  # noqa: PLC0415 — an extra
    except ImportError:
        raise RfiNewsError("Parquet needs pyarrow: pip install 'rfi-news[parquet]'") from None
    with whole(job.target) as path, path.open("wb") as file:
        table = ParquetFile(file)
        async for story in job.stories():
            table.add(story)
        table.close()


async def write_markdown(job: Export) -> None:
    """One text of all stories, or a folder with a file for each."""
    from rfi_news.feeds import markdown  # noqa: PLC0415 — every command loads every other

    if not job.is_folder:
        with written(job.target) as file:
            async for story in job.stories():
                file.write((markdown.write(story) + "\n").encode())
        return
    async for story in job.stories():
        slug = unquote(story.id).rpartition("/")[2].partition("-")
        name = slug[2] if slug[0].isdigit() else unquote(story.id).rpartition("/")[2]
        day = story.published_at.astimezone(PARIS).date()
        path = job.target / f"{day}-{file_name(name)[:40]}-{digest(story.id)[:6]}.md"
        text = markdown.write(story).encode()
        if not _holds(path, text):
            with written(path) as file:
                file.write(text)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.is_file() and path.read_bytes() == data
    except OSError:
        return False


async def write_epub(job: Export) -> None:
    """A book, in order of time; a part for each day, or, of one day, for each section."""
    from rfi_news.feeds.epub import EpubFile  # noqa: PLC0415 — only here

    def day_of(row: Document) -> str:
        return f"{row['published_at'].astimezone(PARIS):%Y-%m-%d}"

    days = sorted({day_of(row) for row in job.rows})
    if job.wanted.text is not None:
        ids = [document["_id"] async for document in job.documents()]
        job.rows = [row for row in job.rows if row["_id"] in set(ids)]
        job.count = 0
    if not job.rows:
        raise RfiNewsError("no story is meant by these options, and a book needs one")
    parts = {row["_id"]: day_of(row) if len(days) > 1 else row["section"] or "其他" for row in job.rows}
    order: Sequence[Document] = job.rows[::-1]
    if len(days) == 1:
        sections = list(dict.fromkeys(parts[row["_id"]] for row in job.rows))
        order = sorted(order, key=lambda row: sections.index(parts[row["_id"]]))
    job.rows = list(order)
    span = days[0] if len(days) == 1 else f"{days[0]} 至 {days[-1]}"
    with (
        whole(job.target) as path,
        path.open("wb") as file,
        EpubFile(
            file,
            title=f"法广新闻 {span}",
            language=job.rows[0]["language"],
            ids=[row["_id"] for row in job.rows],
            pictures=job.pictures,
        ) as book,
    ):
        async for story in job.stories():
            book.add(story, parts[story.id])
        if not job.count:
            raise RfiNewsError("no document that is meant is an article, and a book needs one")


async def write_sqlite(job: Export) -> None:
    """A database."""
    from rfi_news.feeds.sqlite import SqliteFile  # noqa: PLC0415 — only here

    with whole(job.target) as path, SqliteFile(path) as database:
        async for story in job.stories():
            database.add(story)
        database.close()


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path for a file that is written here and there; once whole it is put in its place, compressed or printed."""
    try:
        with tempfile.TemporaryDirectory(prefix="rfi-news-") as folder:
            part = Path(folder) / "part"
            yield part
            with part.open("rb") as source, written(target) as file:
                shutil.copyfileobj(source, file)
    except BrokenPipeError:
        raise
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RfiNewsError(f"{target}: cannot be written, by way of {tempfile.gettempdir()}: {reason}") from None


WRITERS: dict[str, Callable[[Export], Any]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "parquet": write_parquet,
    "md": write_markdown,
    "epub": write_epub,
    "sqlite": write_sqlite,
}
