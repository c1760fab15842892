"""`scrapy import`: stories from files into the store."""

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings

from rfi_news import clock
from rfi_news.commands.files import expand, kind_of, lines_of, written
from rfi_news.commands.stored import opened
from rfi_news.commands.terminal import Quiet, plain, working
from rfi_news.exceptions import PageError, RfiNewsError, StoreRejectedError
from rfi_news.items import Article, Record, addresses_in, from_document, problems_of
from rfi_news.markup import is_web
from rfi_news.site import feedx
from rfi_news.site.addresses import Kind, parse
from rfi_news.store.store import Store

AT_ONCE = 200  # stories in memory; four bulks
SHOWN = 20  # unreadable records named on the terminal; --failed names all

_JSON = (".jsonl", ".jl", ".ndjson", ".json")


@dataclass(slots=True)
class Story:
    """One story out of a file."""

    article: Article
    record: Record | None = None
    """What the store had of it, for an exported one."""
    id: str = ""

    @property
    def addresses(self) -> set[str]:
        """Every address that leads to it."""
        return {self.id, self.article.url, *(self.record.aliases if self.record else ())}


@dataclass(slots=True)
class Outcome:
    """What became of the records read."""

    new: int = 0
    known: int = 0
    unread: list[tuple[str, str, str]] = field(default_factory=list)
    """Place (file and line), short name of the reason, and the reason."""
    place: str = ""

    @property
    def read(self) -> int:
        """How many records were met."""
        return self.new + self.known + len(self.unread)


class Command(Quiet, ScrapyCommand):
    """Read stories from files, check them as a crawl does, and store those that are not stored."""

    requires_project = True

    def syntax(self) -> str:
        """Arguments."""
        return "[options] <feedx | jsonl> PATH…"

    def short_desc(self) -> str:
        """One line for the list of commands."""
        return "Store stories from files: feedx records, or exported JSON lines"

    def long_desc(self) -> str:
        """Say what is read, and what the exit status means."""
        return (
            "Store stories from files or folders, plain, .gz or .zst. feedx: records of the full-text feed feedx.net, "
            "as text or as JSON lines (fields feedx, url, title). jsonl: what `scrapy export` wrote, with its history. "
            "A story that is stored is left as it is. Exit status: 1 when nothing could be read, more than 15 % could "
            "not, or a file is torn; 2 for a wrong argument."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options of this command."""
        super().add_options(parser)
        parser.add_argument("--failed", metavar="FILE", help="where to write what could not be read, a line each")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Import, and say what became of it."""
        if len(args) < 2 or args[0] not in ("feedx", "jsonl"):  # noqa: PLR2004
            raise UsageError("say what, feedx or jsonl, and name files or folders", print_help=False)
        missing = next((path for path in args[1:] if not Path(path).exists()), None)
        if missing:
            raise UsageError(f"no such file or folder: {missing}", print_help=False)
        assert self.settings is not None
        failed = Path(opts.failed) if opts.failed else None
        if failed:
            if any(failed.resolve().is_relative_to(Path(path).resolve()) for path in args[1:]):
                raise UsageError(f"--failed {failed}: is among what is read", print_help=False)
            try:
                failed.open("a").close()
            except OSError as error:
                raise UsageError(f"--failed {failed}: {error.strerror}", print_help=False) from None
        outcome = Outcome()
        with self.telling():
            asyncio.run(store_all(self.settings, args[0], args[1:], outcome))
        if failed:
            lines = ["\t".join(map(plain, row)).replace("\n", " ") + "\n" for row in outcome.unread]
            with self.telling(), written(failed) as file:
                file.write("".join(lines).encode("utf-8", "backslashreplace"))
        tell(outcome, names_all=bool(failed))
        most = max(1, outcome.read * self.settings.getfloat("MAX_PARSE_FAILURES"))
        is_torn = any(reason == "unreadable" for _, reason, _ in outcome.unread)  # who knows how many were in there
        if outcome.read == len(outcome.unread) or len(outcome.unread) > most or is_torn:
            self.exitcode = self.exitcode or 1


def tell(outcome: Outcome, *, names_all: bool) -> None:
    """Say what became of the records; `names_all` when what could not be read stands in a file."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)

    def say(text: str) -> None:
        console.print(plain(text), markup=False)

    say(f"{outcome.read} read: {outcome.new} new, {outcome.known} known, {len(outcome.unread)} unreadable")
    if not outcome.read:
        say("there was no record in what was named")
    counts = Counter(reason for _, reason, _ in outcome.unread)
    if counts:
        say("unreadable: " + ", ".join(f"{name} {n}" for name, n in sorted(counts.items())))
    for row in outcome.unread[:SHOWN]:
        say("  " + ": ".join(row))
    if len(outcome.unread) > SHOWN and not names_all:
        say(f"  … and {len(outcome.unread) - SHOWN} more; --failed FILE names all")
    if outcome.place:
        say(f"in {outcome.place}")


async def store_all(settings: BaseSettings, kind: str, paths: list[str], outcome: Outcome) -> None:
    """Store what these files hold, and write into `outcome` what became of it. Raises StoreError."""
    now = clock.now(settings)
    visits = clock.ages(settings["REVISITS"])
    seen: set[str] = set()
    async with opened(settings) as store:
        outcome.place = store.place
        with working("importing", unit="stories") as step:
            batch: list[Story] = []
            for place, read in records_of(kind, paths):
                try:
                    story = _checked(read(), now)
                except RfiNewsError as error:
                    outcome.unread.append(
                        (
                            place,
                            getattr(error, "reason", "unreadable"),
                            str(error).removeprefix(place).removeprefix(": "),
                        )
                    )
                    step(1)
                    continue
                if not seen.isdisjoint(story.addresses):
                    outcome.known += 1
                    step(1)
                    continue
                seen |= story.addresses
                batch.append(story)
                if len(batch) >= AT_ONCE:
                    await _store(store, batch, now, visits, outcome)
                    step(len(batch))
                    batch = []
            await _store(store, batch, now, visits, outcome)
            step(len(batch))


def _checked(story: Story, now: datetime) -> Story:
    """The story, if it is what the store takes; one that does not say when it was fetched was fetched now.

    Raises PageError (`invalid`).
    """
    story.article.fetched_at = story.article.fetched_at or now
    problems = problems_of(story.article)
    if problems:
        said = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
        raise PageError(story.article.url, "invalid", said)
    return story


async def _store(store: Store, batch: list[Story], now: datetime, visits: tuple[Any, ...], outcome: Outcome) -> None:
    held = await store.stored_at({address for story in batch for address in story.addresses})
    wanted = [story for story in batch if held.isdisjoint(story.addresses)]
    outcome.known += len(batch) - len(wanted)
    writes = asyncio.gather(*(_store_one(store, story, now, visits) for story in wanted), return_exceptions=True)
    store.flush()
    for story, made in zip(wanted, await writes, strict=True):
        if isinstance(made, StoreRejectedError):
            outcome.unread.append((story.id, "store_rejected", str(made)))
        elif isinstance(made, BaseException):
            raise made
        elif made:
            outcome.new += 1
        else:
            outcome.known += 1


async def _store_one(store: Store, story: Story, now: datetime, visits: tuple[Any, ...]) -> bool:
    article = story.article
    published = article.published_at
    assert published is not None
    # Young enough to be looked at again: there may be corrections, and its page has more to say than a feed had.
    due_at = now if visits and now - published < visits[-1] else None
    if story.record is not None:
        return await store.restore(article, story.record, story.id, now=now, due_at=due_at)
    store.first_visits.add(article.url)
    saved = await store.save(article, source="feedx", seen=now)
    if not saved.is_new:
        return False
    await store.frontier.settle(
        article.url, now=now, state="stored", article=saved.id, fresh=published, due_at=due_at, source="import"
    )
    return True


def records_of(kind: str, paths: list[str]) -> Iterator[tuple[str, Any]]:
    """Every record of these files: its place, and a function that reads it into a `Story`.

    A file that cannot be read comes as one record that cannot.
    """
    for path in expand(paths):
        if isinstance(path, RfiNewsError):
            yield str(path).partition(": ")[0], partial(_fail, path)
            continue
        try:
            if kind == "jsonl" or kind_of(path) in _JSON:
                read = exported if kind == "jsonl" else from_feedx_row
                for number, line in enumerate(lines_of(path), start=1):
                    if line.strip():
                        yield f"{path}:{number}", lambda line=line, read=read: read(_row(line))
            else:
                for number, text in _texts(path):
                    yield f"{path}:{number}", lambda text=text: from_feedx_text(text)
        except RfiNewsError as error:
            yield str(path), partial(_fail, error)


def _fail(error: RfiNewsError) -> Any:
    raise error


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """The feedx records of a text file, each with the line it begins at."""
    first, lines = 1, list[str]()
    for number, line in enumerate(lines_of(path), start=1):
        if feedx.starts(line) and "".join(lines).strip():
            yield first, "".join(lines)
            first, lines = number, []
        lines.append(line)
    yield first, "".join(lines)


def _row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PageError("", "not_json", f"no JSON: {getattr(error, 'msg', error)}") from None
    if not isinstance(row, dict):
        raise PageError("", "not_json", "no JSON object")
    return row


def from_feedx_text(text: str) -> Story:
    """A story in a feedx record of text."""
    article = feedx.parse_record(feedx.read_record(text))
    return Story(article, id=article.url)


def from_feedx_row(row: dict[str, Any]) -> Story:
    """A story in a row whose `feedx` is a record, with or without its head; `url` and `title` stand beside it."""
    text, url, title = (row.get(name) for name in ("feedx", "url", "title"))
    if not isinstance(text, str):
        hint = "; an export is read by: scrapy import jsonl" if "body_html" in row else ""
        raise PageError(str(url or ""), "not_feedx", f"no field feedx with a record{hint}")
    if isinstance(url, str) and isinstance(title, str):
        article = feedx.parse_record(feedx.Record(url, title, text))
        return Story(article, id=article.url)
    return from_feedx_text(text)


def exported(row: dict[str, Any]) -> Story:
    """A story as `scrapy export` wrote it, or an item of a crawl (`-O out.jsonl`)."""
    url = str(row.get("url") or "")
    if "feedx" in row:
        raise PageError(url, "not_exported", "a feedx record, to be read by: scrapy import feedx")
    fetched = row.get("fetched_at")
    try:
        article, record = from_document({"first_seen_at": fetched, "last_seen_at": fetched} | row)
    except ValueError as error:
        raise PageError(url, "invalid", str(error)) from None
    if not isinstance(row.get("_id", ""), str):
        raise PageError(url, "invalid", "_id: no text")
    story = Story(article, record, row.get("_id") or url)
    for address in story.addresses:
        found = parse(address)
        if found is None or found.kind is not Kind.ARTICLE or found.url != address:
            raise PageError(url, "no_story_address", f"{address!r} is not the canonical address of a story")
        if found.edition != article.edition:
            raise PageError(url, "invalid", f"edition: {article.edition!r}, and its address says {found.edition!r}")
    odd = next((address for address in addresses_in(article) if not is_web(address)), None)
    if odd is not None:
        raise PageError(url, "invalid", f"{odd!r} is no web address")
    return story
