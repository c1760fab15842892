"""`scrapy runs`: the accounts of earlier runs."""

import argparse
import asyncio
import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings

from rfi_news.commands.crawl import ENDS
from rfi_news.commands.stored import opened
from rfi_news.commands.terminal import Encoder, Quiet, duration, plain, rows_of
from rfi_news.exceptions import RfiNewsError
from rfi_news.site.dates import PARIS


class Command(Quiet, ScrapyCommand):
    """List the last runs, or print the account of one."""

    requires_project = True

    def syntax(self) -> str:
        """Arguments."""
        return "[options] [ID]"

    def short_desc(self) -> str:
        """One line for the list of commands."""
        return "List the last runs, or print the account of one"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options of this command."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="as JSON")
        parser.add_argument("-n", "--number", type=int, default=20, help="how many to list (default: 20)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Print them, or say in a line why not (exit status 1)."""
        if len(args) > 1 or opts.number < 1:
            raise UsageError("name one run, or none, and a number above 0", print_help=False)
        assert self.settings is not None
        try:
            found = asyncio.run(_read(self.settings, args[0] if args else None, opts.number))
        except RfiNewsError as error:
            print(f"scrapy runs: {plain(str(error))}", file=sys.stderr)
            self.exitcode = 1
            return
        console = Console(soft_wrap=True, highlight=False)
        if opts.json:
            print(json.dumps(found[0] if args else found, ensure_ascii=False, indent=2, cls=Encoder))
        elif args:
            console.print(account_of(found[0]))
        elif found:
            console.print(table_of(found))
        else:
            print("No run yet.")


async def _read(settings: BaseSettings, run_id: str | None, number: int) -> list[dict[str, Any]]:
    async with opened(settings) as store:
        await store.bury_runs()  # those that were killed are told as such
        if run_id is None:
            return await store.last_runs(most=number)
        found = await store.run(run_id)
        if found is None:
            raise RfiNewsError(f"{run_id}: no such run, or more than one, in {store.place}")
        return [found]


def seconds_of(run: dict[str, Any]) -> float | None:
    """How long a run took; None while it goes on, and where it was killed."""
    return (run["finished_at"] - run["started_at"]).total_seconds() if run.get("finished_at") else None


def table_of(runs: list[dict[str, Any]]) -> Table:
    """Runs as a table, the latest first."""
    table = Table(box=None, pad_edge=False)
    table.add_column("run (UTC)", no_wrap=True)
    for name in ("took", "end"):
        table.add_column(name)
    figures = ("new", "revised", "gone", "refused", "failed", "pending")
    for name in figures:
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for run in runs:
        counts = dict(run["figures"]) | {"failed": sum(run["failed"].values())}
        took = seconds_of(run)
        table.add_row(
            run["_id"],
            duration(took) if took is not None else "",
            _end(run),
            *(str(counts.get(name, "")) for name in figures),
            Text(run["verdict"], style="red" if run["verdict"] == "bad" else ""),
        )
    return table


def _end(run: dict[str, Any]) -> str:
    """Why a run ended, in a word or two."""
    reason = str(run.get("reason") or "")
    end = {"shutdown": "interrupted"}.get(reason, plain(reason))
    return f"{end} (audit)" if run["arguments"].get("audit") else end


def account_of(run: dict[str, Any]) -> Text:
    """One run in full."""
    reason = run.get("reason")
    out = Text(f"{run['spider']}: {ENDS.get(reason or '', reason) or 'running'}, {run['verdict']}", style="bold")
    arguments = " ".join(f"{name}={_value(value)}" for name, value in run["arguments"].items())
    rows = {
        "run": run["_id"],
        "started": f"{run['started_at'].astimezone(PARIS):%Y-%m-%d %H:%M:%S} Paris time",
        "asked": f"{arguments or 'by default'}, at {run['origin']}",
    } | (rows_of(run, seconds_of(run)) if run["figures"] else {})
    for name, value in rows.items():
        out.append(f"\n  {name:<9}", style="bold").append(plain(value), style="not bold")
    for problem in run["problems"]:
        out.append(f"\n  {plain(problem)}", style="not bold red")
    return out


def _value(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
