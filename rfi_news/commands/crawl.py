"""`scrapy crawl`: Scrapy's own, with arguments checked first, a closing table, and an exit status that tells."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text
from scrapy.commands import crawl
from scrapy.exceptions import UsageError
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from scrapy.spiderloader import get_spider_loader

from rfi_news import clock
from rfi_news.commands.terminal import rows_of
from rfi_news.extensions.account import Account, RunAccount
from rfi_news.feeds.channel import WHOLE
from rfi_news.render import RenderError, check
from rfi_news.spiders.arguments import ArgumentError, Arguments
from rfi_news.spiders.edition import EditionSpider


class Command(crawl.Command):
    """Run a spider and judge the run: exit status 0 good, 1 bad, 2 for a wrong argument."""

    def long_desc(self) -> str:
        """Say what the exit status means."""
        return (
            "Run a spider. Ends with a table of what was fetched and where it is. Exit status: 0, or 1 when nothing "
            "was seen, too many articles could not be read, or the store failed; 2 for a wrong argument."
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Refuse a wrong argument in one line; on a terminal show warnings and progress only, unless told otherwise."""
        for outputs in (opts.output, opts.overwrite_output):  # the last suffix alone would mean Scrapy's plain JSON
            for number, to in enumerate(outputs or ()):
                outputs[number] = f"{to}:jsonfeed" if to.endswith(".feed.json") else to
        super().process_options(args, opts)
        assert self.settings is not None
        problem = wrong(args, opts.spargs, self.settings) or _unappendable(opts.output, self.settings)
        if problem:
            print(problem, file=sys.stderr)
            sys.exit(2)
        priority = self.settings.getpriority("LOG_LEVEL") or 0
        if sys.stderr.isatty() and not opts.logfile and priority < SETTINGS_PRIORITIES["cmdline"]:
            self.settings.set("LOG_LEVEL", "WARNING", priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run one spider to its end."""
        assert self.crawler_process is not None
        crawler = self._create_crawler(args[0])
        self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start()
        account = crawler.get_extension(Account) if crawler.settings.frozen else None
        if self.crawler_process.bootstrap_failed or account is None or account.run is None:
            self.exitcode = 1
            return
        if account.run.finished_at is None:  # forced to stop, by a second Ctrl-C
            print(
                f"{account.run.spider}: interrupted; what was stored is stored, the next run goes on", file=sys.stderr
            )
            self.exitcode = 1
            return
        self.exitcode = 0 if account.run.is_good else 1
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        figures = account.run.figures
        if figures["answers"] or figures["entries"] or figures["fetched"]:
            console.print(closing_table(account.run))
        for sentence in account.run.problems:
            console.print(f"{account.run.spider}: {sentence}", markup=False)


def wrong(args: list[str], given: dict[str, str], settings: BaseSettings, *, command: str = "crawl") -> str | None:
    """What is wrong with a command line, as one line; None when nothing is."""
    loader = get_spider_loader(settings)
    known = ", ".join(sorted(loader.list()))
    odd = next((arg for arg in args if arg.startswith("-")), None)
    if odd:
        return f"scrapy {command}: no such option: {odd}"
    if len(args) != 1:
        return f"scrapy {command}: name one spider, not {' '.join(args) or 'none'}. Known: {known}"
    try:
        spider = loader.load(args[0])
    except KeyError:
        return f"scrapy {command}: no spider {args[0]!r}. Known: {known}"
    try:
        if issubclass(spider, EditionSpider):
            Arguments.read(given, spider.edition)
        check(settings)
        clock.now(settings)
        clock.ages(settings["REVISITS"])
    except (ArgumentError, RenderError, UsageError) as error:
        return f"{spider.name}: {error}"
    return None


def _unappendable(outputs: list[str] | None, settings: BaseSettings) -> str | None:
    """What is wrong with files that `-o` is to append to, as one line; None when nothing is."""
    feeds = settings.getdict("FEEDS")
    for output in outputs or ():
        name = output.rsplit(":", 1)[0] if output not in feeds else output
        if feeds.get(name, {}).get("format") in WHOLE and Path(name).exists():
            return f"scrapy crawl: -o appends, and nothing can be appended to {name}; -O writes it anew"
    return None


ENDS = {
    "finished": "finished",
    "limit": "stopped at its limit",
    "shutdown": "interrupted",
    "store_unavailable": "stopped, the store is gone",
    "site_unreachable": "stopped, the site is out of reach",
    "blocked": "stopped, the site refuses",
    "killed": "killed",
    "bug": "stopped by a bug of this program",
}


def closing_table(run: RunAccount) -> Text:
    """What a run fetched, and where it is, for the terminal."""
    table = Text(f"{run.spider}: {ENDS.get(run.reason or '', run.reason)}", style="bold")
    rows = rows_of(run.document(), run.seconds) | {"where": run.place, "run": run.id}
    for name, value in rows.items():
        table.append(f"\n  {name:<9}", style="bold").append(value, style="not bold")
    return table
