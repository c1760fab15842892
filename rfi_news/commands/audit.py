"""`scrapy audit`: what the site's archive lists against what is stored, a day a line."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import unquote

from rich.console import Console
from rich.table import Table
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader

from rfi_news import clock
from rfi_news.commands.crawl import wrong
from rfi_news.commands.stored import opened
from rfi_news.commands.terminal import Quiet, plain
from rfi_news.exceptions import RfiNewsError
from rfi_news.extensions.account import Account
from rfi_news.site.addresses import archive_of
from rfi_news.site.dates import PARIS
from rfi_news.site.editions import Edition


@dataclass(slots=True, kw_only=True)
class Day:
    """One Paris day."""

    day: str
    is_read: bool = False
    """Whether the archive's page came; where it did not, nothing is proved."""
    listed: int = 0
    stored: int = 0
    missing: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Command(Quiet, ScrapyCommand):
    """Compare days of the site's archive with the store."""

    requires_project = True

    def syntax(self) -> str:
        """Arguments."""
        return "[options] [SPIDER] --since DAY [--until DAY]"

    def short_desc(self) -> str:
        """One line for the list of commands."""
        return "Compare what the site's archive lists with what is stored"

    def long_desc(self) -> str:
        """Say what the exit status means."""
        return (
            "Compare what the site's archive lists, day by day, with what is stored. Exit status: 1 while something is "
            "missing, or a day's page could not be read."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options of this command."""
        super().add_options(parser)
        parser.add_argument("--since", metavar="DAY", help="first Paris day, YYYY-MM-DD")
        parser.add_argument("--until", metavar="DAY", help="last Paris day; default: today")
        parser.add_argument("--fill", action="store_true", help="fetch what is missing")
        parser.add_argument("--json", action="store_true", help="as JSON, with every address")
        parser.add_argument("--origin", metavar="URL", help="where to fetch the archive, and what is missing")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Read the archive, fetch what is missing if asked to, and print the table."""
        assert self.settings is not None
        assert self.crawler_process is not None
        if not opts.since:
            raise UsageError("say from which day: --since YYYY-MM-DD", print_help=False)
        loader = get_spider_loader(self.settings)
        names = args or [name for name in loader.list() if name.startswith("rfi_")][:1]
        given = {"sources": "archive", "since": opts.since, "until": opts.until, "origin": opts.origin}
        arguments = {name: value for name, value in given.items() if value}
        problem = wrong(names, arguments, self.settings, command="audit")
        if problem:
            print(problem, file=sys.stderr)
            self.exitcode = 2
            return
        spider: Any = loader.load(names[0])
        crawler = self.crawler_process.create_crawler(spider)
        self.crawler_process.crawl(crawler, **arguments, **({} if opts.fill else {"_list_only": "1"}))
        self.crawler_process.start()
        account = crawler.get_extension(Account) if crawler.settings.frozen else None
        if account is None or account.run is None:
            self.exitcode = 1
            return
        try:
            until = opts.until or f"{clock.now(self.settings).astimezone(PARIS):%Y-%m-%d}"
            days = asyncio.run(compare(self.settings, spider.edition, (opts.since, until), run=account.run.id))
        except RfiNewsError as error:
            print(f"scrapy audit: {error}", file=sys.stderr)
            self.exitcode = 1
            return
        if opts.json:
            print(
                json.dumps(
                    {"place": account.run.place, "days": [asdict(day) for day in days]}, ensure_ascii=False, indent=2
                )
            )
        else:
            Console(highlight=False).print(table_of(days))
            for url in (url for day in days for url in day.missing):
                print(plain(unquote(url)))
        for sentence in account.run.problems:
            print(f"scrapy audit: {sentence}", file=sys.stderr)
        self.exitcode = int(any(day.missing or not day.is_read for day in days))


async def compare(settings: BaseSettings, edition: Edition, span: tuple[str, str], *, run: str) -> list[Day]:
    """What is stored of the days from first to last of `span`, against the archive as `run` read it."""
    async with opened(settings) as store:
        first, last = map(date.fromisoformat, span)
        days = []
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            page = archive_of(edition, day).url
            entry = (await store.frontier.entries([page])).get(page, {})
            found = Day(day=f"{day}")
            days.append(found)
            if entry.get("read_by") != run:  # what an earlier run read proves nothing now
                continue
            listed = entry.get("listed") or [] if entry["state"] == "read" else []
            states = await store.states(listed)
            found.is_read = True
            found.listed = len(listed)
            found.stored = sum(state == "stored" for state in states.values())
            found.missing = [url for url in listed if states[url] == "missing"]
            found.gone = [url for url in listed if states[url] == "gone"]
        return days


def table_of(days: list[Day]) -> Table:
    """The days, and their sum."""
    table = Table(box=None, pad_edge=False, show_footer=len(days) > 1)
    rows = [(day.listed, day.stored, len(day.missing), len(day.gone)) for day in days]
    table.add_column("day", footer=f"{len(days)} days")
    for name, counts in zip(("listed", "stored", "missing", "gone"), zip(*rows, strict=True), strict=True):
        table.add_column(name, footer=str(sum(counts)), justify="right")
    for day, row in zip(days, rows, strict=True):
        if day.is_read:
            table.add_row(day.day, *map(str, row), style="red" if day.missing else "")
        else:
            table.add_row(day.day, "not read", style="red")
    return table
