"""The store of one run: a database, its collections, and what the rest of the project asks of them."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

from pymongo import AsyncMongoClient, UpdateOne
from pymongo.errors import (
    CollectionInvalid,
    ConfigurationError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
)
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_exponential

from rfi_news.exceptions import StoreError, StoreUnavailableError
from rfi_news.items import Article, as_document
from rfi_news.site.dates import PARIS
from rfi_news.store.bulk import BulkWriter
from rfi_news.store.embedded import EmbeddedServer
from rfi_news.store.schema import INDEXES, validator

logger = logging.getLogger(__name__)

T = TypeVar("T")

_OUTAGES = (ConnectionFailure,)
_NAMESPACE_EXISTS = 48
_OPENING_PATIENCE = 30.0  # seconds; at the start somebody may be watching


class Store:
    """Articles, links and runs of one MongoDB database.

    Calls wait through an outage for `STORE_PATIENCE` seconds with growing pauses, then raise StoreUnavailableError.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self.uri: str | None = settings.get("MONGODB_URI") or None
        self.database_name: str = settings["MONGODB_DATABASE"]
        self.data_dir = Path(settings["DATA_DIR"]).resolve()
        self._patience = settings.getfloat("STORE_PATIENCE")
        self._bulk = {"size": settings.getint("STORE_BULK_SIZE"), "seconds": settings.getfloat("STORE_BULK_SECONDS")}
        self._embedded: EmbeddedServer | None = None
        self._client: AsyncMongoClient[dict[str, Any]] | None = None
        self._opening = asyncio.Lock()
        self._absent: set[str] = set()

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        """The one store that the components of a crawl share."""
        if crawler not in _STORES:
            _STORES[crawler] = cls(crawler.settings)
        return _STORES[crawler]  # type: ignore[return-value]

    @property
    def place(self) -> str:
        """Where the store is, for people: never a password."""
        if self.uri is None:
            return f"{self.database_name} in {self.data_dir / 'mongodb'} (embedded)"
        hosts = re.sub(r"^[\w+]+://", "", self.uri).split("/")[0].rpartition("@")[2]
        return f"{self.database_name} at {hosts}"

    @property
    def is_open(self) -> bool:
        """Whether `open` has connected, and `close` has not let go."""
        return self._client is not None

    async def open(self) -> None:
        """Connect, and bring collections, validator and indexes up to date. A second call does nothing.

        Raises StoreUnavailableError, EmbeddedServerError, or StoreError for an address or a login that cannot work.
        """
        async with self._opening:
            if self._client is not None:
                return
            uri = self.uri
            if uri is not None and not uri.startswith(("mongodb://", "mongodb+srv://")):
                raise StoreError(f"MONGODB_URI cannot be used: {_without_login(uri)} does not begin with mongodb://")
            if uri is None:
                self._embedded = EmbeddedServer(self.data_dir / "mongodb")
                uri = await self._embedded.acquire()
            try:
                client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
                    uri,
                    tz_aware=True,
                    journal=True,  # acknowledged means on disk: else a killed embedded server forgets its last writes
                    serverSelectionTimeoutMS=5000,
                    connectTimeoutMS=5000,
                    socketTimeoutMS=60000,
                )
            except (PyMongoError, ValueError, OSError) as error:
                raise StoreError(f"MONGODB_URI cannot be used: {_without_login(str(error))}") from None
            self._client = client
            self._database = client[self.database_name]
            self.articles, self.links, self.runs = (self._database[name] for name in ("articles", "links", "runs"))
            self._article_writer = BulkWriter(self.articles, self._patiently, **self._bulk)  # type: ignore[arg-type]
            self._link_writer = BulkWriter(self.links, self._patiently, **self._bulk)  # type: ignore[arg-type]
            try:
                await self._retry(self._prepare, min(self._patience, _OPENING_PATIENCE))
            except (OperationFailure, ConfigurationError) as error:
                await self._abandon()
                raise StoreError(f"{self.place} refused: {_without_login(str(error))}") from None
            except StoreError:
                await self._abandon()
                raise

    async def close(self) -> None:
        """Write what waits, and let go of the server."""
        async with self._opening:
            if self._client is not None:
                await self._article_writer.close()
                await self._link_writer.close()
            await self._abandon()

    async def _abandon(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
        if self._embedded is not None:
            self._embedded.release()
            self._embedded = None

    # Articles ---------------------------------------------------------------------------------

    async def save(self, article: Article) -> bool:
        """Store an article and its related links; True when it is new. Returns once the server has acknowledged all.

        `_id` is the canonical address; `first_seen_at` is set once, `last_seen_at` each time.
        """
        document = as_document(article)
        seen = article.fetched_at
        operation = UpdateOne(
            {"_id": article.url},
            {"$set": document | {"last_seen_at": seen}, "$setOnInsert": {"first_seen_at": seen}},
            upsert=True,
        )
        links = [
            self._link_writer.write(
                UpdateOne(
                    {"from": article.url, "to": related.url},
                    {
                        "$set": {"kicker": related.kicker, "position": position, "last_seen_at": seen},
                        "$setOnInsert": {"first_seen_at": seen},
                    },
                    upsert=True,
                )
            )
            for position, related in enumerate(article.related, start=1)
        ]
        await asyncio.gather(*links)
        is_new = await self._article_writer.write(operation)  # last, so that a stored article has its links
        self._absent.discard(article.url)
        return is_new

    def flush(self) -> None:
        """Let writes that wait for more of their kind leave now."""
        if self.is_open:
            self._article_writer.flush()
            self._link_writer.flush()

    async def known(self, urls: Iterable[str]) -> set[str]:
        """Which of these canonical addresses are stored. One found absent is not asked for again until it is saved."""
        wanted = [url for url in urls if url not in self._absent]
        if not wanted:
            return set()

        async def ask() -> set[str]:
            return {document["_id"] async for document in self.articles.find({"_id": {"$in": wanted}}, {"_id": 1})}

        found = await self._patiently(ask)
        self._absent.update(url for url in wanted if url not in found)
        return found

    async def linked(self, urls: list[str]) -> list[tuple[str, str]]:
        """The same-topic links of these stories, as pairs of canonical addresses."""

        async def ask() -> list[tuple[str, str]]:
            found = self.links.find({"from": {"$in": urls}}, {"from": 1, "to": 1})
            return [(link["from"], link["to"]) async for link in found]

        return await self._patiently(ask)

    async def article(self, url: str) -> dict[str, Any] | None:
        """One stored article by its canonical address."""
        return await self._patiently(lambda: self.articles.find_one({"_id": url}))

    async def newest(self) -> dict[str, Any] | None:
        """The stored article published last; None in an empty store."""
        return await self._patiently(lambda: self.articles.find_one({}, sort=[("published_at", -1)]))

    async def newest_day(self, edition: str, *, until: datetime) -> date | None:
        """The Paris day of an edition's newest stored article, published no later than `until`."""
        query = {"edition": edition, "published_at": {"$lte": until}}
        document = await self._patiently(lambda: self.articles.find_one(query, sort=[("published_at", -1)]))
        return document["published_at"].astimezone(PARIS).date() if document else None

    async def count(self) -> int:
        """How many articles are stored."""
        return await self._patiently(lambda: self.articles.count_documents({}))

    # Runs -------------------------------------------------------------------------------------

    async def record_run(self, run: dict[str, Any]) -> None:
        """Write a run's account under its `_id`, anew each time."""
        await self._patiently(lambda: self.runs.replace_one({"_id": run["_id"]}, run, upsert=True))

    async def note(self, run_id: str, **values: Any) -> None:
        """Write down something of a run that is still going on."""
        await self._patiently(lambda: self.runs.update_one({"_id": run_id}, {"$set": values}))

    async def last_runs(self, spider: str, *, but: str | None = None) -> list[dict[str, Any]]:
        """The last hundred runs of a spider, the latest first, `but` this one."""
        query = {"spider": spider, "_id": {"$ne": but}}
        return await self._patiently(lambda: self.runs.find(query, sort=[("started_at", -1)], limit=100).to_list())

    # ------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        existing = set(await self._database.list_collection_names())
        schema = {"$jsonSchema": validator()}
        if "articles" in existing:
            await self._database.command({"collMod": "articles", "validator": schema})
        else:
            try:
                await self._database.create_collection("articles", validator=schema)
            except CollectionInvalid:  # another run was quicker
                pass
            except OperationFailure as error:
                if error.code != _NAMESPACE_EXISTS:
                    raise
        for name, indexes in INDEXES.items():
            await self._database[name].create_indexes(indexes)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        return await self._retry(call, self._patience)

    async def _retry(self, call: Callable[[], Awaitable[T]], patience: float) -> T:
        def say(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            pause = state.next_action.sleep if state.next_action else 0
            logger.warning("Store: no answer from %s; waiting %.1f s (%s)", self.place, pause, _first_line(error))

        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_OUTAGES),
                wait=wait_exponential(multiplier=0.5, max=15),
                stop=stop_after_delay(patience),
                before_sleep=say,
                reraise=True,
            ):
                with attempt:
                    return await call()
        except _OUTAGES as error:
            self._patience = 0.0  # it has been waited for; what follows in this run asks once
            raise StoreUnavailableError(
                f"{self.place} did not answer{f' for {patience:.0f} s' if patience else ''} ({_first_line(error)}). "
                "Start the server or set MONGODB_URI; nothing acknowledged is lost, and the next run takes up the rest."
            ) from None
        raise AssertionError("unreachable")  # pragma: no cover


def close_run(crawler: Crawler, error: StoreError) -> None:
    """Close a crawl whose store is gone, once, as `store_unavailable`; the run's account tells the error."""
    if crawler.stats.get_value("store/error") is None:
        crawler.stats.set_value("store/error", str(error))
        closing = asyncio.ensure_future(crawler.engine.close_spider_async(reason="store_unavailable"))
        _CLOSING.add(closing)
        closing.add_done_callback(_CLOSING.discard)


_CLOSING: set[asyncio.Future[None]] = set()  # held here, as the event loop would let them be collected
_STORES: WeakKeyDictionary[Crawler, Store] = WeakKeyDictionary()


def _first_line(error: BaseException | None) -> str:
    return _without_login(str(error).split(" (configured")[0].split(", Timeout:")[0].split("\n")[0])[:200]


def _without_login(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//…@", text)
