"""What commands say to a person.

A run's account in rows, lengths of time, lines of even width, and nothing that drives the terminal.
"""

import argparse
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from scrapy.utils.serialize import ScrapyJSONEncoder

from rfi_news.exceptions import RfiNewsError
from rfi_news.site.dates import PARIS

WIDTH = 78  # columns; a Chinese character takes two


def rows_of(run: Mapping[str, Any], seconds: float | None) -> dict[str, str]:
    """The rows of a run's document, name to text; `seconds` is how long it took, where it has ended."""
    figures: Mapping[str, Any] = run["figures"]

    def count(name: str) -> int:
        return int(figures.get(name, 0))

    read = [
        _counted(count("fetched"), "article"),
        *(
            _counted(count(name), label, more)
            for name, label, more in (
                ("feeds", "feed", ""), ("listings", "topic page", ""), ("sitemaps", "sitemap", ""),
                ("archives", "archive day", ""), ("absent", "topic", " without a page"),
                ("shared", "source", " in another run's hands"),
            )
            if count(name)
        ),
    ]  # fmt: skip
    seen = [f"{count('new')}"]
    if count("updated"):  # runs of 0.1.0
        seen.append(f"{count('updated')} stored again")
    sizes = _list(run.get("revisions"))
    changed = [
        *([f"{count('revised')} ({sizes})"] if count("revised") else ["0"]),
        *(f"{count(name)} {name}" for name in ("gone", "moved", "unchanged") if count(name)),
    ]
    pending = f"{count('pending')}" + (
        _when(run.get("oldest_pending"), ", the oldest found ") if count("pending") else ""
    )
    rows = {
        "looked": f"back to {run['since']}" if run.get("since") else "at everything",
        "fetched": ", ".join(read),
        "new": ", ".join(seen),
        "revised": ", ".join(changed),
        "known": f"{count('known') + count('double')} met, not fetched again",
        "failed": _list(run.get("failed")) or "0",
        "refused": _list(run.get("refused")) or "0",
        "pending": pending if "pending" in figures else "not counted",
        "requests": _requests(run, figures),
        "latency": f"{figures.get('latency', 0):.2f} s mean, {figures.get('slowest', 0):.2f} s at most",
    }
    if "delay" in figures:
        rows["delay"] = (
            f"{duration(figures['delay'])} from publication to discovery, {duration(figures['longest_delay'])} at most"
        )
    if not count("refused"):
        del rows["refused"]
    if seconds is not None:
        rows["time"] = f"{seconds:.0f} s"
    return rows


def _counted(number: int, name: str, more: str = "") -> str:
    return f"{number} {name}{'' if number == 1 else 's'}{more}"


def _requests(run: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    kinds = _list(run.get("requests"))
    answers = figures.get("answers") or 0
    share = f", {figures.get('not_modified', 0) / answers:.0%} not modified" if answers else ""
    return (
        f"{figures.get('requests', 0)}{f' ({kinds})' if kinds else ''}, {figures.get('bytes', 0) / 1e6:.1f} MB{share}"
    )


def _list(counts: Mapping[str, int] | None) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted((counts or {}).items()))


def _when(moment: Any, before: str = "") -> str:
    return f"{before}{moment.astimezone(PARIS):%Y-%m-%d %H:%M}" if moment else ""


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `3 d 4 h`, `12 min`, `40 s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next((number for number, (value, _) in enumerate(units) if value), len(units) - 1)
    return " ".join(f"{value} {unit}" for value, unit in units[first : first + 2] if value or first == len(units) - 1)


def plain(text: str) -> str:
    """Without control and direction characters: a page must not drive the terminal."""
    return "".join(char for char in text if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf"))


def wrap(text: str) -> list[str]:
    """Lines of at most WIDTH columns, a Chinese character taking two; Latin words stay whole."""
    lines, line, used = [], "", 0
    for piece in textwrap.TextWrapper(break_long_words=False)._split(text):  # noqa: SLF001 — its word splitter, for the Latin
        for part in [piece] if piece.isascii() else piece:
            width = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in part)
            if used + width > WIDTH and part not in "，。、；：？！”』」）》":
                lines.append(line.rstrip())
                line, used = "", 0
            line += part
            used += width
    return [*lines, line.rstrip()]


@contextmanager
def working(label: str, *, unit: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, nothing elsewhere; what it gives is called with how many more are done."""
    columns = (SpinnerColumn(), TextColumn(f"{label} {{task.completed}}"), BarColumn(), TextColumn(unit))
    counted = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
    console = Console(stderr=True)
    with Progress(
        *(counted if total is not None else columns),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.advance(task, done)


class Quiet:
    """A command that prints: its log shows errors only, unless a level was asked for. Stands before ScrapyCommand."""

    settings: Any
    exitcode: int
    log_level = "ERROR"

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tell in a line what goes wrong inside, and leave the exit status of it: 1, or 130 for Ctrl-C."""
        name = type(self).__module__.rpartition(".")[2]
        try:
            yield
        except RfiNewsError as error:
            print(f"scrapy {name}: {plain(str(error))}", file=sys.stderr)
            self.exitcode = 1
        except KeyboardInterrupt:
            print(f"scrapy {name}: interrupted; the next one goes on from what is there", file=sys.stderr)
            self.exitcode = 130
        except BrokenPipeError:  # whoever read standard output has enough
            with suppress(OSError):
                sys.stdout.close()
            self.exitcode = 1

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Quieten the log."""
        super().process_options(args, opts)  # type: ignore[misc]
        if not opts.loglevel:
            self.settings.set("LOG_LEVEL", self.log_level, priority="cmdline")


class Encoder(ScrapyJSONEncoder):
    """Times with their offset."""

    def default(self, o: Any) -> Any:
        """ISO 8601."""
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)
