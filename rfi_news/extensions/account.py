"""The account of a run: what it asked for, what came of it, whether it was good."""

import asyncio
import fcntl
import logging
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Self

from scrapy import signals
from scrapy.crawler import Crawler

from rfi_news.exceptions import StoreError
from rfi_news.spiders.edition import EditionSpider
from rfi_news.store.store import Store, run_lock

logger = logging.getLogger(__name__)

HEARTBEAT = timedelta(seconds=20)
LIFE = timedelta(seconds=90)
"""How long after its last heartbeat a run on another machine counts as alive."""


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
    """Why the spider closed: `finished`, `limit`, `shutdown`, `store_unavailable`, `site_unreachable`, `blocked`, …"""
    figures: dict[str, int | float] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    """Requests by kind of page, retries included; `other` is robots.txt."""
    failed: dict[str, int] = field(default_factory=dict)
    """Pages not had, by kind and reason: `article/http_500`."""
    refused: dict[str, int] = field(default_factory=dict)
    """Refusals by status, or `interstitial`."""
    revisions: dict[str, int] = field(default_factory=dict)
    """Revised stories by size."""
    oldest_pending: datetime | None = None
    """When the story longest pending was discovered, UTC."""
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
            "requests",
            "failed",
            "refused",
            "revisions",
            "oldest_pending",
            "problems",
        )
        verdict = ("good" if self.is_good else "bad") if self.finished_at else "running"
        alive_until = datetime.now(UTC) + LIFE if verdict == "running" else None
        values = {name: getattr(self, name) for name in names}
        return {"_id": self.id, **values, "verdict": verdict, "alive_until": alive_until}


class Account:
    """Opens a run's account in the store, closes it with its figures and verdict, and lets go of the store."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.store = Store.of(crawler)
        self.max_parse_failures = crawler.settings.getfloat("MAX_PARSE_FAILURES")
        self.run: RunAccount | None = None
        self._lock: IO[bytes] | None = None
        self._heart: asyncio.Task[None] | None = None

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
        now = spider.now().replace(microsecond=0)
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
        if not self.store.is_open:
            return
        self._hold_lock(self.run.id)
        await self._record()
        self._heart = asyncio.create_task(self._beat(self.run.id))

    def _hold_lock(self, run: str) -> None:
        """Show other runs on this machine that this one is alive, for as long as it is."""
        path = run_lock(self.store.data_dir, run)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = path.open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:  # the heartbeat tells as well, only later
            logger.info("No lock at %s: %s", path, error)

    async def _beat(self, run: str) -> None:
        """Tell runs on other machines the same, through the store."""
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            try:
                await self.store.note(run, alive_until=datetime.now(UTC) + LIFE, verdict="running")
            except StoreError:  # whoever needs the store says so; with it back, the next beat tells
                logger.debug("No heartbeat: the store is away")

    async def spider_closed(self, spider: EditionSpider, reason: str) -> None:
        """Close the account, write it down, log it in a line."""
        run = self.run
        if run is None:  # the spider never opened
            return
        if self._heart is not None:
            self._heart.cancel()
        run.finished_at = spider.now().replace(microsecond=0)
        run.since = spider.since.isoformat() if spider.since else None
        run.reason = reason
        stats = self.crawler.stats.get_stats()
        run.figures = _figures(stats)
        run.requests, run.failed, run.refused, run.revisions = (
            {name.removeprefix(prefix): count for name, count in stats.items() if name.startswith(prefix)}
            for prefix in ("requests/", "failed/", "refused/", "revisions/")
        )
        run.refused = {name: count for name, count in run.refused.items() if name not in ("until", "said")}
        run.figures["refused"] = sum(run.refused.values())
        await self._count_pending(run, spider)
        run.problems = list(self._problems(run))
        is_let_go = await self._let_go(run)
        is_recorded = is_let_go and await self._record()
        await self._end_block(run)
        await self.store.close()
        if self._lock is not None:
            if is_recorded:  # else the file stays, with nobody holding it: so others see that this run is over
                run_lock(self.store.data_dir, run.id).unlink(missing_ok=True)
            self._lock.close()
        counts = run.figures | run.failed
        said = ", ".join(f"{name} {value}" for name, value in counts.items() if value is not None)
        logger.info("Run %s (%s) %s: %s", run.id, reason, "good" if run.is_good else "bad", said)
        for problem in run.problems:
            logger.info("Run %s: %s", run.id, problem)

    async def _let_go(self, run: RunAccount) -> bool:
        """Let go of the stories still in hand. Where that fails the account stays open: the next run closes both."""
        try:
            if self.store.is_open:
                await self.store.frontier.release(run.id)
        except StoreError as error:
            logger.error("The run's account could not be closed: %s", error)  # noqa: TRY400 — a line, not a traceback
            return False
        return True

    async def _count_pending(self, run: RunAccount, spider: EditionSpider) -> None:
        if not self.store.is_open:
            return
        try:
            count, run.oldest_pending = await self.store.frontier.pending(spider.edition.code, depth=spider.args.hops)
        except StoreError:
            return
        run.figures["pending"] = count

    async def _end_block(self, run: RunAccount) -> None:
        """After a run that was answered, the next refusal counts as the first again."""
        if run.reason == "blocked" or not run.figures["answers"] or not self.store.is_open:
            return
        try:
            held = await self.store.held(run.origin)
            if held.get("blocked_runs"):
                await self.store.hold(run.origin, held["until"], blocked_runs=0)
        except StoreError as error:
            logger.info("Store: %s", error)

    def _problems(self, run: RunAccount) -> list[str]:
        figures = run.figures
        found = []
        error = self.crawler.stats.get_value("store/error")
        if error or run.reason == "store_unavailable":
            found.append(f"The store failed: {error or 'no answer'}")
        if figures["unsaved"]:
            found.append(f"{figures['unsaved']} fetched articles could not be stored; the next run fetches them again.")
        if run.reason == "blocked":
            found.append(str(self.crawler.stats.get_value("refused/said")))
        if run.reason == "site_unreachable":
            detail = ", ".join(reason.partition("/")[2] for reason in run.failed)
            found.append(
                f"{run.origin} cannot be reached ({detail}). Check the network, or name a mirror as origin: http://…"
            )
        elif not found and not figures["entries"] and not figures["fetched"] and run.reason != "shutdown":
            if figures["shared"] or figures["not_modified"]:  # another run asks, or nothing has changed
                return found
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

    async def _record(self) -> bool:
        """Write the account down; False when the store is away."""
        if self.run is None or not self.store.is_open:
            return False
        try:
            await self.store.record_run(self.run.document())
        except StoreError as error:
            logger.error("The run's account could not be written: %s", error)  # noqa: TRY400 — a line, not a traceback
            return False
        return True


def _figures(stats: dict[str, Any]) -> dict[str, int | float]:
    """The figures of a run, drawn from its stats; times in seconds."""
    names = {
        "requests": "downloader/request_count",
        "answers": "answers/all",
        "not_modified": "answers/unchanged",
        "bytes": "downloader/response_bytes",
        "listings": "listings/fetched",
        "feeds": "feeds/fetched",
        "archives": "archives/fetched",
        "sitemaps": "sitemaps/fetched",
        "absent": "listings/absent",
        "shared": "listings/shared",
        "fetched": "articles/fetched",
        "new": "articles/new",
        "revised": "articles/revised",
        "unchanged": "articles/unchanged",
        "gone": "articles/gone",
        "not_there": "articles/absent",
        "moved": "articles/moved",
        "known": "articles/known",
        "double": "articles/double",
        "unread": "articles/unread",
        "unsaved": "store/unsaved",
    }
    figures: dict[str, int | float] = {name: stats.get(stat, 0) for name, stat in names.items()}
    kinds = ("listings", "feeds", "archives", "sitemaps")
    figures["entries"] = sum(stats.get(f"{kind}/entries", 0) for kind in kinds)
    figures["bugs"] = stats.get("spider_exceptions/count", 0) + stats.get("articles/bugs", 0)
    figures["latency"] = round(stats.get("latency/milliseconds", 0) / max(figures["answers"], 1) / 1000, 3)
    figures["slowest"] = round(stats.get("latency/slowest", 0) / 1000, 3)
    if stats.get("delay/stories"):
        figures["delay"] = round(stats["delay/seconds"] / stats["delay/stories"])
        figures["longest_delay"] = stats["delay/slowest"]
    return figures
