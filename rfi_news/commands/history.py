"""`scrapy history`: what was changed in a story, and when."""

import argparse
import asyncio
import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from rfi_news.commands.stored import story_at
from rfi_news.commands.terminal import Encoder, Quiet, plain
from rfi_news.exceptions import RfiNewsError
from rfi_news.feeds.story import FIELDS, SIZES
from rfi_news.site.dates import PARIS

AROUND = 24  # characters of unchanged text shown on either side of a change


class Command(Quiet, ScrapyCommand):
    """Print the revisions of a stored story."""

    requires_project = True

    def syntax(self) -> str:
        """Arguments."""
        return "[options] <URL>"

    def short_desc(self) -> str:
        """One line for the list of commands."""
        return "Print what was changed in a stored story, and when"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options of this command."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="every revision, as JSON")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Print it, or say in a line why not (exit status 1)."""
        if len(args) != 1:
            raise UsageError(f"name one URL, not {' '.join(args) or 'none'}", print_help=False)
        assert self.settings is not None
        try:
            story = asyncio.run(story_at(self.settings, args[0]))
        except RfiNewsError as error:
            print(f"scrapy history: {plain(str(error))}", file=sys.stderr)
            self.exitcode = 1
            return
        if opts.json:
            names = ("_id", "url", "title", "aliases", "first_seen_at", "last_seen_at", "gone_at", "revisions")
            print(json.dumps({name: story.get(name) for name in names}, ensure_ascii=False, indent=2, cls=Encoder))
            return
        console = Console(soft_wrap=True, highlight=False)
        console.print(readable(story, marks=not console.is_terminal or console.no_color))


def readable(story: dict[str, Any], *, marks: bool) -> Text:
    """A story's history for a terminal; with `marks` what was taken out and put in is marked where colour cannot."""
    out = Text()

    def add(text: str, style: str = "") -> None:
        out.append(plain(text), style)

    add(story["title"] + "\n", "bold")
    add(story["url"] + "\n", "dim")
    for alias in story.get("aliases") or []:
        add(f"曾用地址 {alias}\n", "dim")
    add(f"首次存入 {_shown(story['first_seen_at'])}，最近见到 {_shown(story['last_seen_at'])}（巴黎时间）\n", "dim")
    if story.get("gone_at"):
        add(f"{_shown(story['gone_at'])} 起网站上已没有这一篇\n", "red")
    revisions = story.get("revisions") or []
    if not revisions:
        add("\n没有修改。\n")
    for revision in revisions:
        size = revision["size"]
        add(f"\n第 {revision['number']} 次修改", "bold cyan")
        add(f"  {_shown(revision['seen_at'])}  {SIZES.get(size, size)} ({size})\n", "cyan")
        for change in revision["changes"]:
            number = f" 第 {change['paragraph']} 段" if change["paragraph"] else ""
            add(f"  {FIELDS.get(change['name'], change['name'])}{number}：", "dim")
            for position, (sign, text) in enumerate(change["parts"]):
                if sign == "=":
                    add(_shortened(text, is_first=position == 0, is_last=position == len(change["parts"]) - 1))
                elif marks:
                    add(f"[-{text}-]" if sign == "-" else f"{{+{text}+}}")
                else:
                    add(text, "red strike" if sign == "-" else "green")
            add("\n")
    out.rstrip()
    return out


def _shown(moment: Any) -> str:
    return f"{moment.astimezone(PARIS):%Y-%m-%d %H:%M}" if moment else "?"


def _shortened(text: str, *, is_first: bool, is_last: bool) -> str:
    if is_first and len(text) > AROUND:
        return "…" + text[-AROUND:]
    if is_last and len(text) > AROUND:
        return text[:AROUND] + "…"
    return f"{text[:AROUND]}…{text[-AROUND:]}" if len(text) > AROUND * 2 else text
