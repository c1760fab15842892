"""A month as it happened: the stand-in's clock moves in steps, a run each, in this process, without delay.

    python -m tests.month --origin http://127.0.0.1:8901 --from 2024-03-01T00:00:00+00:00 --steps 1440

Prints the figures as JSON on its last line. Works with any stand-in that moves its clock by `/_ctl/now?t=`.
"""

import argparse
import json
import logging
import statistics
import sys
import urllib.request
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings
from scrapy.utils.defer import deferred_from_coro
from scrapy.utils.reactor import install_reactor

from rfi_news.extensions.account import Account
from rfi_news.store.store import Store

REVISITS = ""
"""None by default: the figures are of first visits."""


def settings(now: datetime, **more: Any) -> Settings:
    made = Settings()
    made.setmodule("rfi_news.settings", priority="project")
    made.setdict(
        {"NOW": now.isoformat(), "DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False, "LOG_LEVEL": "ERROR"} | more,
        priority="cmdline",
    )
    return made


async def run(origin: str, now: datetime, **arguments: str) -> Any:
    """One crawl at a time; its account."""
    # A store that stays asked for a moment is the same work for the crawl; only the waiting is less.
    crawler = AsyncCrawlerRunner(settings(now, STORE_BULK_SECONDS=0.02, REVISITS=REVISITS)).create_crawler("rfi_cn")
    await crawler.crawl_async(origin=origin, **arguments)
    return crawler.get_extension(Account).run


def move(origin: str, verb: str, **query: str) -> Any:
    asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return json.loads(urllib.request.urlopen(f"{origin}/_ctl/{verb}?{asked}").read())  # noqa: S310 — loopback


async def month(origin: str, first: datetime, steps: int, minutes: int, again_every: int) -> dict[str, Any]:
    keeper = Store(settings(first))
    await keeper.open()  # one server for all runs
    discovery: list[int] = []
    articles = new = again = 0
    for number in range(steps):
        now = first + timedelta(minutes=minutes * number)
        move(origin, "now", t=now.isoformat())
        account = await run(origin, now, **({"since": f"{first:%Y-%m-%d}"} if number == 0 else {}))
        if not account.is_good and account.figures["entries"]:
            sys.exit(f"{now}: {account.problems}")
        articles += account.requests.get("article", 0)
        new += account.figures["new"]
        discovery.append(sum(n for kind, n in account.requests.items() if kind not in ("article", "other")))
        if number % again_every == again_every - 1:
            second = await run(origin, now)
            again += second.requests.get("article", 0)
        if number % 48 == 47:
            print(f"{now:%Y-%m-%d %H:%M} {new} stories, {articles} article requests", file=sys.stderr, flush=True)
    listed = {"article": {"$ne": None}, "depth": 0, "fresh": {"$gte": first}}
    entries = await keeper.frontier._collection.find(listed, {"first_seen_at": 1, "fresh": 1}).to_list()
    delays = [(entry["first_seen_at"] - entry["fresh"]).total_seconds() / 60 for entry in entries]
    stored = await keeper.count()
    await keeper.close()
    return {
        "runs": steps, "stored": stored, "new": new, "article_requests": articles, "article_requests_of_second_runs": again,
        "discovery_requests_first_run": discovery[0], "discovery_requests_most_later": max(discovery[1:]),
        "discovery_requests_mean_later": round(statistics.mean(discovery[1:]), 2),
        "delay_minutes_median": round(statistics.median(delays), 1), "delay_minutes_most": round(max(delays), 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--origin", required=True)
    parser.add_argument("--from", dest="first", type=datetime.fromisoformat, required=True)
    parser.add_argument("--steps", type=int, default=1440)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--again-every", type=int, default=10)
    given = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    from twisted.internet.task import react  # noqa: PLC0415 — after the reactor

    async def work() -> None:
        print(
            json.dumps(await month(given.origin, given.first, given.steps, given.minutes, given.again_every)),
            flush=True,
        )

    react(lambda _: deferred_from_coro(work()))


if __name__ == "__main__":
    main()
