"""`scrapy article`: one article to the terminal."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text
from scrapy import Request, Spider
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.http import HtmlResponse, Response
from scrapy.settings import Settings

from rfi_news.commands.stored import opened, story_at
from rfi_news.commands.terminal import Encoder, Quiet, plain, wrap
from rfi_news.exceptions import PageError, RfiNewsError
from rfi_news.items import Article
from rfi_news.site.addresses import HOST, parse
from rfi_news.site.article import parse_article
from rfi_news.site.dates import PARIS
from rfi_news.site.editions import CN
from rfi_news.spiders.arguments import ArgumentError, Arguments
from rfi_news.spiders.failures import reason_of


class Command(Quiet, ScrapyCommand):
    """Print one article: from the site, from a saved page, or from the store."""

    requires_project = True
    log_level = "CRITICAL"  # what failed is said in a line

    def syntax(self) -> str:
        """Arguments."""
        return "[options] <URL | FILE.html>"

    def short_desc(self) -> str:
        """One line for the list of commands."""
        return "Print one article: from the site, a saved page, or the store"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options of this command."""
        super().add_options(parser)
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="every field, as JSON")
        form.add_argument("--html", action="store_true", help="the cleaned body")
        parser.add_argument(
            "--stored", action="store_true", help="as stored, without asking the site; without URL the newest one"
        )
        parser.add_argument("--origin", default=HOST, metavar="URL", help=f"where to fetch it (default: {HOST})")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Print it, or say in a line why not (exit status 1)."""
        if len(args) > 1 or (not args and not opts.stored):
            raise UsageError(f"name one URL or file, not {' '.join(args) or 'none'}", print_help=False)
        try:
            opts.origin = Arguments.read({"origin": opts.origin}, CN).origin
        except ArgumentError as error:
            raise UsageError(str(error), print_help=False) from None
        assert self.settings is not None
        try:
            if opts.stored:
                values = asyncio.run(stored(self.settings, args[0] if args else None))
            elif Path(args[0]).is_file():
                values = asdict(parse_article(response_of(Path(args[0]))))
            else:
                values = asdict(self._fetch(args[0], opts.origin))
        except RfiNewsError as error:
            print(f"scrapy article: {plain(str(error))}", file=sys.stderr)
            self.exitcode = 1
            return
        if opts.json:
            print(json.dumps(values, ensure_ascii=False, indent=2, cls=Encoder))
        elif opts.html:
            print(values["body_html"])
        else:
            Console(soft_wrap=True, highlight=False).print(readable(values))

    def _fetch(self, url: str, origin: str) -> Article:
        """Fetch a page with the project's manners, robots.txt included, and read it."""
        assert self.crawler_process is not None
        address = parse(url, origin=origin) if url.startswith(("http://", "https://", "/")) else None
        if address is None or address.edition is None:
            raise RfiNewsError(f"{url}: neither a file nor an address of {HOST}")
        outcome: list[Article | RfiNewsError] = []
        self.crawler_process.crawl(_OnePage, url=address.at(origin), outcome=outcome)
        self.crawler_process.start()
        if not outcome or isinstance(outcome[0], RfiNewsError):
            raise outcome[0] if outcome else RfiNewsError(f"{url}: not fetched")  # type: ignore[misc]
        return outcome[0]


class _OnePage(Spider):
    """Fetches one page and leaves what came of it in `outcome`."""

    name = "article"
    custom_settings = {  # noqa: RUF012 — one page, printed: nothing to store, watch or pass over
        "ITEM_PIPELINES": {},
        "SPIDER_MIDDLEWARES": {},
        "EXTENSIONS": {},
        "DOWNLOAD_DELAY": 0,
    }

    def __init__(self, url: str, outcome: list[Any]) -> None:
        super().__init__()
        self.url = url
        self.outcome = outcome

    async def start(self) -> Any:
        yield Request(self.url, self.read, errback=self.failed)

    def read(self, response: Response) -> None:
        try:
            self.outcome.append(parse_article(response))
        except PageError as error:
            self.outcome.append(error)

    def failed(self, failure: Any) -> None:
        self.outcome.append(
            RfiNewsError(f"{self.url}: not fetched ({reason_of(failure)}: {failure.getErrorMessage()})")
        )


async def stored(settings: Settings, url: str | None) -> dict[str, Any]:
    """The stored article at an address, or the newest. Raises RfiNewsError when there is none."""
    if url:
        found = await story_at(settings, url)
    else:
        async with opened(settings) as store:
            newest = await store.newest()
            if newest is None:
                raise RfiNewsError(f"no article yet in {store.place}")
            found = newest
    return {field.name: found.get(field.name) for field in fields(Article)}


def response_of(path: Path) -> HtmlResponse:
    """A saved page as a response. Its address is the one in the `.meta.json` beside it, else its canonical link's."""
    meta = path.with_suffix(".meta.json")
    known = json.loads(meta.read_text(encoding="utf-8")) if meta.is_file() else {}
    return HtmlResponse(known.get("url", path.resolve().as_uri()), body=path.read_bytes(), headers=known.get("headers"))


def readable(values: dict[str, Any]) -> Text:
    """An article for a terminal: title, byline and dates, lead, text in lines of even width, related stories."""
    out = Text()

    def add(text: str, style: str = "") -> None:
        out.append(plain(text), style)

    if values["kicker"]:
        add(values["kicker"] + "\n", "cyan")
    add(values["title"] + "\n", "bold")
    when = f"{values['published_at'].astimezone(PARIS):%Y-%m-%d %H:%M} 巴黎时间" if values["published_at"] else ""
    names = "、".join(part["name"] for part in values["authors"])
    where = "/".join(part for part in (values["section"], values["column"]) if part)
    add(" · ".join(part for part in (when, where, names, f"{values['char_count']} 字") if part) + "\n", "dim")
    add(values["url"] + "\n\n", "dim")
    if values["lead"]:
        add("\n".join(wrap(values["lead"])) + "\n\n", "bold")
    for line in values["text"].split("\n") if values["text"] else []:
        add("\n".join(wrap(line)) + "\n\n")
    for kind, label in (("images", "图"), ("videos", "视频"), ("audio", "音频")):
        for part in values[kind]:
            add(f"[{label}] {part.get('caption') or part.get('title') or ''} {part['url']}\n", "dim")
    if values["related"]:
        add("\n同一主题\n", "cyan")
        for part in values["related"]:
            add(f"  {part['title']}  ", "")
            add((part["kicker"] or "") + "\n", "dim")
    out.rstrip()
    return out
