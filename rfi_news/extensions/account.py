"""The account of a run: what it asked for, what came of it, whether it was good."""

import logging
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler

from rfi_news.exceptions import StoreError
from rfi_news.spiders.edition import EditionSpider
from rfi_news.store.store import Store

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class RunAccount:
    """Figures of one run, and the verdict drawn from them."""

    id: str
    spider: str
    arguments: dict[str, Any]
    since: str | None
    """First Paris day looked for, ISO."""
    origin: str
    place: str
    """Where the articles are."""
    started_at: datetime
    finished_at: datetime | None = None
    reason: str | None = None
    """Why the spider closed: `finished`, `limit`, `shutdown`, `store_unavailable`, `site_unreachable`, …"""
    figures: dict[str, int | float] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    """Pages not had, by kind and reason: `article/http_404`."""
    problems: list[str] = field(default_factory=list)
    """What makes the run a bad one, each a sentence; none in a good run."""

    @property
    def is_good(self) -> bool:
        """Whether the run ended with nothing to worry about."""
        return not self.problems

    @property
    def seconds(self) -> float:
        """How long it took."""
        return ((self.finished_at or datetime.now(UTC)) - self.started_at).total_seconds()

    def document(self) -> dict[str, Any]:
        """The run as its document in `runs`."""
        names = (
            "spider",
            "arguments",
            "since",
            "origin",
            "started_at",
            "finished_at",
            "reason",
            "figures",
            "failed",
            "problems",
        )
        verdict = ("good" if self.is_good else "bad") if self.finished_at else "running"
        return {"_id": self.id, **{name: getattr(self, name) for name in names}, "verdict": verdict}


class Account:
    """Opens a run's account in the store, closes it with its figures and verdict, and lets go of the store."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.store = Store.of(crawler)
        self.max_parse_failures = crawler.settings.getfloat("MAX_PARSE_FAILURES")
        self.run: RunAccount | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        crawler.signals.connect(extension.item_error, signals.item_error)
        return extension

    def item_error(self) -> None:
        """Count an article on which a pipeline failed."""
        self.crawler.stats.inc_value("articles/bugs")

    async def spider_opened(self, spider: EditionSpider) -> None:
        """Open the account."""
        now = datetime.now(UTC).replace(microsecond=0)
        self.run = RunAccount(
            id=f"{now:%Y%m%dT%H%M%SZ}-{spider.name}-{secrets.token_hex(2)}",
            spider=spider.name,
            arguments=spider.args.given(),
            since=None,
            origin=spider.args.origin,
            place=self.store.place,
            started_at=now,
        )
        self.crawler.stats.set_value("run/id", self.run.id)
        await self._record()

    async def spider_closed(self, spider: EditionSpider, reason: str) -> None:
        """Close the account, write it down, log it in a line."""
        run = self.run
        if run is None:  # the spider never opened
            return
        run.finished_at = datetime.now(UTC).replace(microsecond=0)
        run.since = spider.since.isoformat() if spider.since else None
        run.reason = reason
        stats = self.crawler.stats.get_stats()
        run.figures = {
            "requests": stats.get("downloader/request_count", 0),
            "bytes": stats.get("downloader/response_bytes", 0),
            "listings": stats.get("listings/fetched", 0),
            "entries": stats.get("listings/entries", 0),
            "fetched": stats.get("articles/fetched", 0),
            "new": stats.get("articles/new", 0),
            "updated": stats.get("articles/updated", 0),
            "absent": stats.get("listings/absent", 0),
            "known": stats.get("articles/known", 0) + stats.get("articles/double", 0),
            "unread": stats.get("articles/unread", 0),
            "unsaved": stats.get("store/unsaved", 0),
            "bugs": stats.get("spider_exceptions/count", 0) + stats.get("articles/bugs", 0),
        }
        run.failed = {
            name.removeprefix("failed/"): count for name, count in stats.items() if name.startswith("failed/")
        }
        run.problems = list(self._problems(run))
        await self._record()
        await self.store.close()
        said = ", ".join(f"{name} {value}" for name, value in (run.figures | run.failed).items())
        logger.info("Run %s (%s) %s: %s", run.id, reason, "good" if run.is_good else "bad", said)
        for problem in run.problems:
            logger.info("Run %s: %s", run.id, problem)

    def _problems(self, run: RunAccount) -> list[str]:
        figures = run.figures
        found = []
        error = self.crawler.stats.get_value("store/error")
        if error or run.reason == "store_unavailable":
            found.append(f"The store failed: {error or 'no answer'}")
        if figures["unsaved"]:
            found.append(f"{figures['unsaved']} fetched articles could not be stored; the next run fetches them again.")
        if run.reason == "site_unreachable":
            detail = ", ".join(reason.partition("/")[2] for reason in run.failed)
            found.append(
                f"{run.origin} cannot be reached ({detail}). Check the network, or name a mirror with -a origin=http://…"
            )
        elif not found and not figures["entries"] and not figures["fetched"] and run.reason != "shutdown":
            why = ", ".join(f"{reason}: {count}" for reason, count in run.failed.items()) or "no listing had an entry"
            found.append(f"Nothing was seen at {run.origin} ({why}). Is the site refusing, or has its markup changed?")
        unread = figures["unread"] + figures["bugs"]
        if figures["bugs"]:
            found.append(
                f"{figures['bugs']} pages met a bug of this program; the log has the traceback. Please report it."
            )
        if unread > 1 and unread > figures["fetched"] * self.max_parse_failures:
            found.append(
                f"{unread} of {figures['fetched']} fetched articles could not be read, more than "
                f"{self.max_parse_failures:.0%}: the site's markup may have changed. The log names each."
            )
        return found

    async def _record(self) -> None:
        if self.run is None or not self.store.is_open:
            return
        try:
            await self.store.record_run(self.run.document())
        except StoreError as error:
            logger.error("The run's account could not be written: %s", error)  # noqa: TRY400 — a line, not a traceback
