"""When the site refuses, ask less, later, or not at all."""

import asyncio
import logging
from datetime import datetime, timedelta
from time import monotonic
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from rfi_news import clock
from rfi_news.exceptions import NotSentError, RefusedError, StoreError
from rfi_news.site.dates import PARIS
from rfi_news.site.refusal import refusal_of, retry_after
from rfi_news.spiders.edition import EditionSpider
from rfi_news.store.store import Store, close_run

logger = logging.getLogger(__name__)

SLOWEST_FAST = 0.25
"""Seconds between two requests that a crawl without any delay is taken to have kept."""
GOOD_ANSWERS = 20
"""Answers in a row after which the pace is doubled again, though never to the one that was refused."""


class RefusalsMiddleware:
    """Turns refusals into RefusedError, and makes the run wait as the site wishes.

    Nothing is asked before `Retry-After` is over; without it a pause that doubles with each refusal in a row is kept.
    Each refusal halves the pace. At REFUSALS_IN_A_ROW the run closes as `blocked`, and the time until which the site is
    to be left alone is written in the store: the next run waits for it.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.crawler = crawler
        self.store = Store.of(crawler)
        self.most = settings.getint("REFUSALS_IN_A_ROW")
        self.pause = settings.getfloat("REFUSAL_PAUSE")
        self.block = timedelta(seconds=settings.getfloat("REFUSAL_BLOCK"))
        self.longest = timedelta(seconds=settings.getfloat("REFUSAL_LONGEST_BLOCK"))
        self.patience = settings.getfloat("REFUSAL_PATIENCE")
        self.in_a_row = self.good = 0
        self.gap = self.least_gap = 0.0
        self.next_at = 0.0
        self.last_at = 0.0
        self.is_known = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Hold a request until it may be sent. Raises NotSentError when the run ends meanwhile."""
        if not self.is_known:
            self.is_known = True
            await self._heed_earlier_refusal(request)
        self.next_at = max(self.next_at, self.last_at + self.gap)
        while not self._is_ending() and (left := self.next_at - monotonic()) > 0:  # noqa: ASYNC110 — Scrapy tells of no stop
            await asyncio.sleep(min(left, 0.2))
        if self._is_ending():
            raise NotSentError(f"{request.url}: not sent, the run ends")
        self.last_at = monotonic()

    def _is_ending(self) -> bool:
        return not self.crawler.crawling or self.crawler.stats.get_value("refused/until") is not None

    async def _heed_earlier_refusal(self, request: Request) -> None:
        """Wait for the end of the time that an earlier run noted, or end this run where that is too far away."""
        spider = self.crawler.spider
        if not isinstance(spider, EditionSpider) or not self.store.is_open or spider.args.force:
            return
        try:
            held = await self.store.held(spider.args.origin)
        except StoreError as error:
            close_run(self.crawler, error)
            raise NotSentError(f"{request.url}: not sent, the store is gone") from None
        left = (held["until"] - self._now()).total_seconds() if held else 0.0
        if left <= 0:
            return
        said = f"{spider.args.origin} refused an earlier run and is to be left alone until {_shown(held['until'])}"
        if left > self.patience:
            self._close(held["until"], f"{said}. Nothing was asked; -a force=1 asks at once.")
            raise NotSentError(f"{request.url}: not sent, the site is to be left alone")
        logger.warning("%s. Waiting %.0f s; -a force=1 goes on at once.", said, left)
        self.next_at = monotonic() + left

    async def process_response(self, request: Request, response: Response) -> Response:
        """Pass an answer on. Raises RefusedError for a refusal."""
        why = refusal_of(response)
        if why is None:
            self.in_a_row = 0
            self.good += 1
            if self.good >= GOOD_ANSWERS and self.gap > self.least_gap:
                self.gap, self.good = max(self.gap / 2, self.least_gap), 0
            return response
        self.in_a_row += 1
        self.good = 0
        self.crawler.stats.inc_value(f"refused/{why}")
        self._slow_down()
        asked = retry_after(response, self._now())
        pause = asked if asked is not None else timedelta(seconds=self.pause * 2 ** (self.in_a_row - 1))
        self.next_at = max(self.next_at, monotonic() + pause.total_seconds())
        await self._note(pause, is_asked=asked is not None)
        logger.warning(
            "Refused (%s): %s; pause of %.0f s%s, then a request each %.1f s",
            why, response.url, pause.total_seconds(), " as the site asks" if asked is not None else "", self.gap,
        )  # fmt: skip
        raise RefusedError(response.url, why)

    def _slow_down(self) -> None:
        slots = self.crawler.engine.downloader.slots.values()
        now = max([self.gap, SLOWEST_FAST, *(slot.delay for slot in slots)])
        self.gap = now * 2
        self.least_gap = self.least_gap or self.gap

    async def _note(self, pause: timedelta, *, is_asked: bool) -> None:
        """Write down until when the site is to be left alone, and end the run after too many refusals in a row."""
        spider = self.crawler.spider
        if not isinstance(spider, EditionSpider) or not self.store.is_open:
            return
        is_last = self.in_a_row >= self.most or pause.total_seconds() > self.patience
        try:
            held = await self.store.held(spider.args.origin)
            blocked = held.get("blocked_runs", 0) + int(is_last)
            if is_last and not is_asked:
                pause = min(self.block * 2 ** min(blocked - 1, 20), self.longest)
            until = self._now() + pause
            await self.store.hold(spider.args.origin, until, blocked_runs=blocked)
        except StoreError as error:
            close_run(self.crawler, error)
            return
        if is_last:
            self._close(
                until,
                f"{spider.args.origin} refused {self.in_a_row} requests in a row. Nothing is lost: what is pending "
                f"stays pending, and the next run waits until {_shown(until)} (-a force=1 asks at once).",
            )

    def _close(self, until: datetime, said: str) -> None:
        self.crawler.stats.set_value("refused/until", until)
        self.crawler.stats.set_value("refused/said", said)
        self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="blocked"))

    def _now(self) -> datetime:
        return clock.now(self.crawler.settings)


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(PARIS):%Y-%m-%d %H:%M:%S} Paris time"
