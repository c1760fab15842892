"""The frontier at work: what is found is written down, what is due is taken, what came of it is noted."""

import asyncio
import heapq
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider, NotConfigured
from scrapy.http import Response

from rfi_news.clock import ages
from rfi_news.exceptions import KeptOutError, StoreError
from rfi_news.items import Article
from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.dates import PARIS
from rfi_news.spiders.edition import EditionSpider
from rfi_news.spiders.visits import Outcome, visited, wanted
from rfi_news.store.frontier import Entry, Found, next_visit, pause_after
from rfi_news.store.gather import Gatherer
from rfi_news.store.store import GATHER_SECONDS, Store, close_run

logger = logging.getLogger(__name__)

FIRST_DAYS = timedelta(days=3)
"""How far back a run without `since` looks: from today on an empty store, from the newest stored story afterwards."""
REFILL = 1000
"""Waiting stories read from the store at once."""
REFUSALS_OF_A_STORY = 3
"""In one run; then it waits for the next as any other failure does."""
ABSENT_DAYS = timedelta(days=7)
"""How long a topic or feed the site does not have is not asked for."""
LONGEST_INTERVAL, SHORTEST_INTERVAL, OFTEN = 86_400, 1_800, 10_800
"""Seconds between two turns of a topic that the feed speaks for; one at OFTEN or below is asked whenever it is due."""
BURY_SECONDS = 10.0
"""How often a run looks whether another one has died."""
BACK_AGAIN = timedelta(days=1)
"""How long after a visit a story that was gone is visited again because a source lists it."""


class FrontierMiddleware:
    """Stands between the spider and the store's frontier.

    Requests for stories are written down and dropped; the freshest due are leased, a handful at a time, and sent once
    the sources have been read. Requests for sources are let through when it is their turn. A run with `topics`,
    `until`, `limit`, or without a source that tells what is new, takes only what it met itself.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.store = Store.of(crawler)
        self.batch = crawler.settings.getint("FRONTIER_BATCH")
        self.turns = crawler.settings.getint("TOPICS_PER_RUN")
        self.visits = ages(crawler.settings["REVISITS"])
        self.met: dict[str, int] = {}
        """Stories met in this run, and how many links away from a source."""
        self.new: set[str] = set()
        """Those nobody had met before: a page that lists one brings something new."""
        self.waiting: list[tuple[float, str]] = []
        """A heap of stories to be taken, the freshest first."""
        self.taken: dict[str, Entry] = {}
        """Stories in hand, as the frontier knows them."""
        self.asked: set[str] = set()
        """Listings asked for in this run."""
        self.topics: dict[str, Entry] = {}
        """Topics asked by their feeds, as the frontier knew them before this run owed them."""
        self.turn_of: set[str] = set()
        """Topics asked because it was their turn: what they bring, the feed did not tell."""
        self.read: dict[str, dict[str, Any]] = {}
        """Sources just read, with what the spider says of them; settled once what they led to is written down."""
        self._meetings = Gatherer(self._meet_all, seconds=GATHER_SECONDS)
        self.refused: Counter[str] = Counter()
        self.let_through = self.lost = self.stored = 0
        self.is_started = self.is_refilled = False
        self._feeding: asyncio.Task[None] | None = None
        self._is_drained = False
        self._bury_at = 0.0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl of an edition; other spiders have no frontier."""
        if not isinstance(crawler.spider, EditionSpider):
            raise NotConfigured("FrontierMiddleware is for spiders of an edition.")
        middleware = cls(crawler)
        connect = crawler.signals.connect
        connect(middleware.take_more, signals.scheduler_empty)
        connect(middleware.sent, signals.request_reached_downloader)
        connect(middleware.spider_idle, signals.spider_idle)
        connect(middleware.item_scraped, signals.item_scraped)
        connect(middleware.item_dropped, signals.item_dropped)
        connect(middleware.visited, visited)
        connect(middleware.wanted, wanted)
        return middleware

    @property
    def spider(self) -> EditionSpider:
        """The spider of this crawl."""
        spider = self.crawler.spider
        assert isinstance(spider, EditionSpider)
        return spider

    @property
    def run(self) -> str:
        """The id of this run."""
        return str(self.crawler.stats.get_value("run/id"))

    # Sources ----------------------------------------------------------------------------------

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Settle how far back to look, and ask the sources, as far as it is their turn."""
        spider = self.spider
        try:
            if spider.since is None:
                spider.since = await self._first_day()
                await self.store.note(self.run, since=spider.since.isoformat())
                logger.info("Looking back to %s", spider.since)
            requests = await self._admit([request async for request in start])
        except StoreError as error:
            close_run(self.crawler, error)
            return
        for request in requests:
            yield request
        self.is_started = True

    async def _first_day(self) -> date:
        """The first day to look for: three days before the newest story, or before today on an empty store."""
        now = self.spider.now().astimezone(PARIS)
        newest = await self.store.newest_day(self.spider.edition.code, until=now)
        return min(newest or now.date(), self.spider.args.until or now.date()) - FIRST_DAYS

    async def _admit(self, requests: Iterable[Request]) -> list[Request]:
        """Of requests for sources, those that are not asked yet, not in another run's hands, and whose turn it is."""
        first = {
            request.cb_kwargs["address"].url: request
            for request in requests
            if request.cb_kwargs["address"].url not in self.asked
        }
        if not first:
            return []
        await self._bury_runs()
        now = self.spider.now()
        entries = await self.store.frontier.entries(first)
        absent = set() if self._is_explicit() else {url for url, entry in entries.items() if _is_absent(entry, now)}
        chosen = {url: request for url, request in first.items() if url not in absent}
        for url in self._not_their_turn(chosen, entries, now):
            del chosen[url]
        admitted = await self._lease_sources(chosen, entries, now)
        topics = [topic for url in absent if (topic := first[url].cb_kwargs.get("topic")) is not None]
        if topics and "topics" in self.spider.args.sources:
            admitted += await self._admit([self.spider.listing_request(topic) for topic in topics])
        return admitted

    def _not_their_turn(self, requests: dict[str, Request], entries: dict[str, Entry], now: datetime) -> list[str]:
        """Those that need not be asked, are owed nothing, and are not due, or due after as many as a run may ask."""
        turns: list[tuple[datetime, str]] = []
        waiting: list[str] = []
        for url, request in requests.items():
            entry = entries.get(url, {})
            if request.meta["must"] or entry.get("floor"):
                continue
            if request.meta.get("if_known") and entry.get("state") != "read":
                waiting.append(url)
                continue
            due_at = entry.get("due_at") or datetime.min.replace(tzinfo=UTC)
            if due_at > now:
                waiting.append(url)
                continue
            if entry.get("visited_at"):  # a first visit brings what is older than the feed's memory
                self.turn_of.add(url)
            if entry.get("interval", LONGEST_INTERVAL) > OFTEN:
                turns.append((due_at, url))
        taken = len(turns[: self.turns])
        waiting += [url for _, url in sorted(turns)[taken:]]
        self.turns -= taken
        return waiting

    def wanted(self, requests: list[Request]) -> None:
        """Ask what stands in for a source that was not had, as far as it is its turn."""

        async def ask() -> None:
            for request in await self._admit(requests):
                self.crawler.engine.crawl(request)

        self._later(ask())

    async def _lease_sources(
        self, chosen: dict[str, Request], entries: dict[str, Entry], now: datetime
    ) -> list[Request]:
        frontier = self.store.frontier
        topics = {r.cb_kwargs["topic"].url for r in chosen.values() if r.cb_kwargs.get("topic")}
        known = await frontier.entries(topics, "floor", "visited_at", "etag", "last_modified")
        self.topics = {url: known.get(url, {}) for url in topics} | self.topics
        found: list[Found] = []
        owing: list[Found] = []
        for request in chosen.values():
            address, topic = request.cb_kwargs["address"], request.cb_kwargs.get("topic")
            (owing if _is_topic(address) else found).append(Found(address=address, source="edition"))
            if topic is not None:  # asked by its feed: should that not be read, its page is owed
                owing.append(Found(address=topic, source="edition"))
        await frontier.add(found, now)
        await frontier.add(owing, now, floor=self.spider.since)
        leased = {entry["_id"] for entry in await frontier.lease(list(chosen), self.run)}
        self.crawler.stats.inc_value("listings/shared", len(chosen) - len(leased))
        self.asked |= leased
        return [self._prepared(chosen[url], entries.get(url, {})) for url in chosen if url in leased]

    def _prepared(self, request: Request, entry: Entry) -> Request:
        """A source's request with what the frontier knows of it: how far to page, the mark, the validators."""
        address, more = request.cb_kwargs["address"], {}
        entry = self.topics.get(address.url, entry)
        if _is_topic(address):
            owed = date.fromisoformat(entry["floor"]) if entry.get("floor") else None
            is_first = request.meta["must"] and not entry.get("visited_at")
            if owed or is_first or self._is_explicit():
                since = self.spider.since
                more["floor"] = min(owed, since) if owed and since else owed or since
        elif address.kind is Kind.FEED:
            more["mark"] = entry.get("mark")
        validators = {"If-None-Match": entry.get("etag"), "If-Modified-Since": entry.get("last_modified")}
        # A 304 tells nothing of what is further back, nor of what an archive or a sitemap lists.
        is_about_news = _is_topic(address) or bool(more.get("mark"))
        if more.get("floor") or not is_about_news or self.spider.args.refresh or self._is_explicit():
            validators = {}
        return request.replace(
            cb_kwargs=request.cb_kwargs | more,
            headers={name: value for name, value in validators.items() if value},
        )

    def _is_explicit(self) -> bool:
        """Whether this run was told how far back to look: then pages of known stories do not end the paging."""
        return bool(self.spider.args.since or self.spider.args.until)

    # Pages ------------------------------------------------------------------------------------

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Write down what a page led to, before anything else is done with it; pass on items and sources' requests."""
        address = response.request.cb_kwargs.get("address") if response.request else None
        stories: list[Request] = []
        sources: list[Request] = []
        items: list[Any] = []
        async for output in result:
            if isinstance(output, Request):
                (stories if output.cb_kwargs["address"].kind is Kind.ARTICLE else sources).append(output)
            else:
                items.append(output)
        try:
            if stories:
                await self._meetings.ask(stories)
            following = self._following(sources, stories)
            first = [request for request in sources if request.cb_kwargs["address"].page == 1]
            admitted = following + await self._admit(first)
            if address is not None:
                await self._settle_read(address, response, is_paged=not following, stories=stories)
                await self._join_canonical(address, items)
        except StoreError as error:
            close_run(self.crawler, error)
            return
        for output in [*admitted, *items]:
            yield output

    def _following(self, sources: list[Request], stories: list[Request]) -> list[Request]:
        """Further pages of a listing: while it is to be paged back, or brings something new."""
        has_new = any(request.cb_kwargs["address"].url in self.new for request in stories)
        found = []
        for request in sources:
            address = request.cb_kwargs["address"]
            goes_on = has_new or request.cb_kwargs.get("floor") or self.spider.args.refresh
            if address.page > 1 and address.url not in self.asked and goes_on:
                self.asked.add(address.url)
                found.append(request)
        return found

    async def _join_canonical(self, address: Address, items: list[Any]) -> None:
        """Where a story's page names another address as its own, let the one asked for lead to that."""
        for item in items:
            own = parse(item.url) if isinstance(item, Article) else None
            if own is not None and own.url != address.url:
                await self.store.join(address, own, self.spider.now())
                entry = self.taken.pop(address.url, {})
                self.taken[own.url] = {**entry, "_id": own.url}

    async def _settle_read(
        self, address: Address, response: Response, *, is_paged: bool, stories: list[Request]
    ) -> None:
        """Note that a source has been read, now that what it led to is safe."""
        said = self.read.pop(address.url, None)
        if said is None:
            return
        now, frontier = self.spider.now(), self.store.frontier
        values: dict[str, Any] = {"last_status": said.get("status"), "read_by": self.run} | _validators(response)
        if not _is_topic(address):
            values |= {name: said[name] for name in ("mark", "listed") if said.get(name) is not None}
            self._later(frontier.settle(address.url, now=now, state="read", **values))
            topic = said.get("topic")
            if topic is not None:
                self._later(frontier.settle(topic.url, now=now, state="read", is_paged=True))
        elif is_paged:
            topic = address.on_page(1)
            interval = LONGEST_INTERVAL
            if topic.url in self.turn_of:
                entry = (await frontier.entries([topic.url], "interval")).get(topic.url, {})
                has_new = any(request.cb_kwargs["address"].url in self.new for request in stories)
                interval = int(entry.get("interval", LONGEST_INTERVAL) * (0.125 if has_new else 2))
                interval = min(max(interval, SHORTEST_INTERVAL), LONGEST_INTERVAL)
                self.crawler.stats.inc_value("listings/untold", int(has_new))
            if address.page > 1:
                values = {"read_by": self.run}
            due_at = now + timedelta(seconds=interval)
            self._later(
                frontier.settle(
                    topic.url, now=now, state="read", due_at=due_at, is_paged=True, interval=interval, **values
                )
            )

    # Stories ----------------------------------------------------------------------------------

    async def _meet_all(self, pages: list[list[Request]]) -> None:
        """Meet what several pages led to, at the cost of one."""
        await self._meet(request for stories in pages for request in stories)

    async def _meet(self, requests: Iterable[Request]) -> None:
        """Write down stories a page led to; those to be fetched join the waiting. Known ones lead on to their links."""
        pending: dict[str, Request] = {}
        for request in requests:
            url = request.cb_kwargs["address"].url
            if url not in pending or request.cb_kwargs["depth"] < pending[url].cb_kwargs["depth"]:
                pending[url] = request
        while pending:
            pending = await self._meet_once(pending)

    async def _meet_once(self, requests: dict[str, Request]) -> dict[str, Request]:
        now, spider, frontier = self.spider.now(), self.spider, self.store.frontier
        nearer = {
            url: request
            for url, request in requests.items()
            if request.cb_kwargs["depth"] < self.met.get(url, request.cb_kwargs["depth"] + 1)
        }
        entries = await frontier.entries(
            nearer, "state", "article", "depth", "fresh", "due_at", "visited_at", "moved_to"
        )
        documents = {url: entry.get("article") or url for url, entry in entries.items() if entry["state"] == "stored"}
        present = await self.store.present(set(documents.values()))
        added: list[Found] = []
        again: list[str] = []
        lost = [url for url, id_ in documents.items() if id_ not in present]
        had: list[str] = []
        for url, request in nearer.items():
            depth, found, entry = request.cb_kwargs["depth"], _found(request), entries.get(url)
            is_first = url not in self.met
            self.met[url] = depth
            if entry is None or depth < entry.get("depth", 0):
                added.append(found)
            if entry is None or url in lost:
                self.new.add(url)
                self._wait(url, found.order(now), depth)
                continue
            is_again = self._is_wanted_again(request, entry, is_first=is_first)
            if is_again:
                again.append(url)
            if is_again or entry["state"] == "pending":
                self._wait(url, entry.get("fresh") or found.order(now), depth)
            if entry["state"] in ("stored", "moved"):
                had.append(url)
                self.crawler.stats.inc_value("articles/known", int(is_first and not is_again))
        await frontier.add(added, now)
        await frontier.requeue(lost, spider.edition.code, now, state="pending", article=None)
        await frontier.requeue(again, spider.edition.code, now)
        return await self._linked(had, {url: entry.get("moved_to") for url, entry in entries.items()})

    def _is_wanted_again(self, request: Request, entry: Entry, *, is_first: bool) -> bool:
        """Whether a story that was visited is to be visited now, before its time."""
        if entry["state"] == "gone":  # and listed again
            visited_at = entry.get("visited_at") or self.spider.now()
            return request.cb_kwargs["depth"] == 0 and bool(visited_at <= self.spider.now() - BACK_AGAIN)
        if entry["state"] == "moved" or not is_first:
            return False
        return self.spider.args.refresh or (entry["state"] == "stored" and self._is_changed(request, entry))

    def _is_changed(self, request: Request, entry: Entry) -> bool:
        """Whether a sitemap says that a story was changed since it was last visited."""
        modified = request.meta["found"].get("modified_at")
        return bool(modified and entry.get("visited_at") and modified > entry["visited_at"])

    async def _linked(self, had: list[str], moved: dict[str, str | None]) -> dict[str, Request]:
        """Requests for what known stories are linked to, as far as links are followed."""
        found: dict[str, Request] = {}
        nearer = [url for url in had if self.met[url] < self.spider.args.hops]
        pairs = [(url, target) for url in had if (target := moved.get(url))]
        for source, target in [*pairs, *(await self.store.linked(nearer) if nearer else [])]:
            address = parse(target)
            depth = self.met[source] + (0 if (source, target) in pairs else 1)
            if address is None or address.edition != self.spider.edition.code:
                continue
            if target not in found or depth < found[target].cb_kwargs["depth"]:
                found[target] = self.spider.article_request(address, depth, source="related", discovered_from=source)
        return found

    def _wait(self, url: str, fresh: datetime, depth: int) -> None:
        if depth <= self.spider.args.hops:
            heapq.heappush(self.waiting, (-fresh.timestamp(), url))
            self._is_drained = False

    # Taking -----------------------------------------------------------------------------------

    def sent(self, request: Request) -> None:
        """Take more stories in time: while half of those taken are still to be sent."""
        address, scheduler = request.cb_kwargs.get("address"), self.crawler.engine.scheduler
        is_story = address is not None and address.kind is Kind.ARTICLE
        if is_story and scheduler is not None and hasattr(scheduler, "__len__") and len(scheduler) == self.batch // 2:
            self.take_more()

    def take_more(self) -> None:
        """Take more stories, once all sources asked for have been read."""
        if self._is_drained or not self.is_started or (self._feeding is not None and not self._feeding.done()):
            return
        engine = self.crawler.engine
        active = {*engine.downloader.active, *(engine.scraper.slot.active if engine.scraper.slot else ())}
        is_reading = any(
            "address" in request.cb_kwargs and request.cb_kwargs["address"].kind is not Kind.ARTICLE
            for request in active
        )
        if not is_reading:
            self._feed()

    def spider_idle(self) -> None:
        """Nothing is under way: end the run, unless something is still waiting. Raises DontCloseSpider meanwhile."""
        if self.store.is_open:
            self._feed()
            raise DontCloseSpider

    def _feed(self) -> None:
        if self._feeding is None or self._feeding.done():
            self._feeding = asyncio.ensure_future(self._feed_once())

    async def _feed_once(self) -> None:
        engine = self.crawler.engine
        while True:
            is_idle = engine.spider_is_idle()
            try:
                if is_idle:  # what is still to be noted may bring more to do
                    await self.store.settled()
                batch = await self._take()
            except StoreError as error:
                close_run(self.crawler, error)
                return
            except Exception:  # a bug must end the run, not keep it waiting
                logger.exception("The frontier met a bug of this program")
                self.crawler.stats.inc_value("spider_exceptions/count")
                await engine.close_spider_async(reason="bug")
                return
            for entry in batch:
                engine.crawl(self._request(entry))
            self._is_drained = not batch
            if batch or not engine.spider_is_idle():
                return
            if is_idle:
                break
        limit = self.spider.args.limit
        await engine.close_spider_async(reason="limit" if limit and self.stored >= limit else "finished")

    def _request(self, entry: Entry) -> Request:
        address = parse(entry["_id"])
        assert address is not None
        # Without a document a 304 would say that nothing has to be fetched.
        is_conditional = entry.get("article") and not self.spider.args.refresh
        names = ("etag", "last_modified") if is_conditional else ()
        return self.spider.article_request(address, entry.get("depth", 0), **{name: entry.get(name) for name in names})

    async def _take(self) -> list[Entry]:
        """Lease the freshest stories waiting; none when there are no more, or none may be taken now."""
        args, frontier = self.spider.args, self.store.frontier
        limit = args.limit
        is_wide = not args.is_narrow and not limit and not args.list_only
        while True:
            most = min(self.batch, limit - self.let_through + self.lost) if limit else self.batch
            await self._bury_runs()
            now = self.spider.now()
            if is_wide and (not self.waiting or not self.is_refilled):
                self.is_refilled = True
                due = await frontier.due(self.spider.edition.code, depth=args.hops, now=now, most=REFILL)
                self.waiting.extend((-fresh.timestamp(), url) for fresh, url in due)
                heapq.heapify(self.waiting)
            urls: list[str] = []
            while self.waiting and len(urls) < most:
                url = heapq.heappop(self.waiting)[1]
                if url not in self.taken and url not in urls:
                    urls.append(url)
            if not urls:
                return []
            leased = await self._without_stored(await frontier.lease(urls, self.run, now=now), now)
            if leased:
                place = {url: number for number, url in enumerate(urls)}
                leased.sort(key=lambda entry: place[entry["_id"]])
                self.taken |= {entry["_id"]: entry for entry in leased}
                self.store.first_visits |= {entry["_id"] for entry in leased if not entry.get("article")}
                self.let_through += len(leased)
                return leased

    async def _without_stored(self, entries: list[Entry], now: datetime) -> list[Entry]:
        """Leave out stories that are stored, though the run that stored them was killed before it could say so."""
        fresh = {entry["_id"]: entry for entry in entries if entry["state"] == "pending" and not entry.get("article")}
        stored = await self.store.present(fresh)
        for url in stored:
            due_at = self._next(fresh[url] | {"article": url})
            self._later(self.store.frontier.settle(url, now=now, state="stored", article=url, due_at=due_at))
        if stored:
            await self._meet((await self._linked(list(stored), {})).values())
        return [entry for entry in entries if entry["_id"] not in stored]

    async def _bury_runs(self) -> None:
        if monotonic() > self._bury_at:
            self._bury_at = monotonic() + BURY_SECONDS
            await self.store.bury_runs(but=self.run)

    # Outcomes ---------------------------------------------------------------------------------

    def visited(self, address: Address, outcome: Outcome, **said: Any) -> None:
        """Note what came of a visit."""
        if outcome is Outcome.READ:
            self.read[address.url] = said
        elif address.kind is Kind.ARTICLE:
            self._later(self._settle_story(address, outcome, said))
        elif outcome in (Outcome.FAILED, Outcome.GONE):
            self._later(self._settle_source(address, outcome, said))

    def _later(self, work: Any) -> None:
        self.store.later(work, lambda error: close_run(self.crawler, error))

    async def _settle_source(self, address: Address, outcome: Outcome, said: dict[str, Any]) -> None:
        topic, now = address.on_page(1), self.spider.now()
        values: dict[str, Any] = {"last_status": said.get("status"), "last_reason": said.get("reason")}
        if outcome is Outcome.GONE:
            await self.store.frontier.settle(
                topic.url, now=now, state="gone", due_at=now + ABSENT_DAYS, is_paged=True, read_by=self.run, **values
            )
            return
        tries = (await self.store.frontier.entries([topic.url], "tries")).get(topic.url, {}).get("tries", 0) + 1
        await self.store.frontier.settle(topic.url, now=now, due_at=now + pause_after(tries), tries=tries, **values)
        if _is_topic(topic):
            await self.store.frontier.add([Found(address=topic)], now, floor=self.spider.since)

    async def _settle_story(self, address: Address, outcome: Outcome, said: dict[str, Any]) -> None:
        url, now = address.url, self.spider.now()
        entry = self.taken.pop(url, {})
        values: dict[str, Any] = {"last_status": said.get("status"), "last_reason": said.get("reason")}
        if outcome in (Outcome.UNSENT, Outcome.REFUSED) and await self._put_back(url, entry, outcome, values):
            return
        if outcome is Outcome.UNCHANGED:
            if entry.get("state") == "gone":
                await self.store.mark_back(entry.get("article") or url)
            await self.store.frontier.settle(url, now=now, state="stored", due_at=self._next(entry), **values)
            return
        self.lost += 1
        if outcome is Outcome.GONE:
            if entry.get("article") and await self.store.mark_gone(entry["article"], now):
                self.crawler.stats.inc_value("articles/gone")
            await self.store.frontier.settle(url, now=now, state="gone", due_at=self._next(entry), **values)
        elif outcome is Outcome.MOVED and await self.store.join(address, said["target"], now):
            self.met.setdefault(said["target"].url, entry.get("depth", 0))
            self._wait(said["target"].url, entry.get("fresh") or now, 0)
        else:
            if outcome is not Outcome.FAILED:  # the spider has counted its own
                values["last_reason"] = said.get("reason") or "redirect_loop"
                self.crawler.stats.inc_value(f"failed/article/{values['last_reason']}")
            tries = entry.get("tries", 0) + 1
            await self.store.frontier.settle(url, now=now, due_at=now + pause_after(tries), tries=tries, **values)

    async def _put_back(self, url: str, entry: Entry, outcome: Outcome, values: dict[str, Any]) -> bool:
        """Let go of a story that was not fetched through no fault of its own; False once it was refused too often."""
        if outcome is Outcome.REFUSED:
            self.refused[url] += 1
            if self.refused[url] >= REFUSALS_OF_A_STORY:
                return False
            self.let_through -= 1
        await self.store.frontier.change(url, lease=None, **values)
        if outcome is Outcome.REFUSED:
            self._wait(url, entry.get("fresh") or self.spider.now(), 0)
        return True

    def _next(self, entry: Entry) -> datetime | None:
        """When a story is visited again: by its age, or, never had, by the time since it was discovered."""
        since = entry.get("fresh") if entry.get("article") else entry.get("first_seen_at")
        return next_visit(since, self.spider.now(), self.visits) if since else None

    def item_scraped(self, item: Any, response: Response | None) -> None:
        """Note that a story is stored."""
        if isinstance(item, Article):
            entry = self.taken.get(item.url, {})
            self.stored += int(not entry.get("article"))
            self._later(self._settle_stored(item, response))

    def item_dropped(self, item: Any, response: Response | None, exception: BaseException) -> None:
        """Note why a story was not, or not anew; one for which the store was away is left for the next run."""
        reason = exception.reason if isinstance(exception, KeptOutError) else "dropped"
        address = response.request.cb_kwargs.get("address") if response is not None and response.request else None
        if not isinstance(item, Article) or address is None or reason == "unsaved":
            return
        if reason == "known":  # the copy on its way is the one to be noted
            self.lost += 1
        elif reason == "unchanged":
            self.lost += 1
            self._later(self._settle_stored(item, response))
        else:
            self._later(self._settle_story(address, Outcome.FAILED, {"reason": reason, "status": 200}))

    async def _settle_stored(self, item: Article, response: Response | None) -> None:
        now = self.spider.now()
        entry = self.taken.pop(item.url, {})
        published = item.published_at or now
        values: dict[str, Any] = {"fresh": published, "article": self.store.id_of(item.url), "last_status": 200}
        address = response.request.cb_kwargs.get("address") if response is not None and response.request else None
        if response is not None and address is not None and address.url == item.url:
            values |= _validators(response)
        if not entry.get("article"):
            self._count_delay(published, entry.get("first_seen_at") or now)
        await self.store.frontier.settle(
            item.url, now=now, state="stored", due_at=next_visit(published, now, self.visits), **values
        )

    def _count_delay(self, published: datetime, discovered: datetime) -> None:
        """How long after publication a story was discovered; of an old one it says only how far back a run looked."""
        seconds = max((discovered - published).total_seconds(), 0)
        if seconds < timedelta(days=7).total_seconds():
            stats = self.crawler.stats
            stats.inc_value("delay/stories")
            stats.inc_value("delay/seconds", int(seconds))
            stats.max_value("delay/slowest", int(seconds))


def _is_absent(entry: Entry, now: datetime) -> bool:
    """Whether the site had no such page a short while ago."""
    return entry.get("state") == "gone" and entry["due_at"] is not None and entry["due_at"] > now


def _is_topic(address: Address) -> bool:
    return address.kind in (Kind.LISTING, Kind.COLUMNS)


def _found(request: Request) -> Found:
    told = {name: request.meta["found"].get(name) for name in ("source", "discovered_from", "fresh")}
    return Found(address=request.cb_kwargs["address"], depth=request.cb_kwargs["depth"], **told)


def _validators(response: Response) -> dict[str, str | None]:
    """What the server gives to ask by the next time; a 304 gives nothing new."""
    if response.status != 200:  # noqa: PLR2004
        return {}
    names = {"etag": "ETag", "last_modified": "Last-Modified"}
    return {key: (response.headers.get(name) or b"").decode("latin-1") or None for key, name in names.items()}
