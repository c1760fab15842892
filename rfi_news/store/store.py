"""The store of one run: a database, its collections, and what the rest of the project asks of them."""

import asyncio
import fcntl
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

from pymongo import AsyncMongoClient, UpdateOne, WriteConcern
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
from rfi_news.items import Article, Record, Revision, as_document
from rfi_news.revisions import READ, compare
from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.dates import PARIS
from rfi_news.store.bulk import BulkWriter
from rfi_news.store.embedded import EmbeddedServer
from rfi_news.store.frontier import Found, Frontier
from rfi_news.store.gather import Gatherer
from rfi_news.store.schema import INDEXES, VERSION, validator
from rfi_news.store.selection import Selection

logger = logging.getLogger(__name__)

T = TypeVar("T")

CARRIED = ("title", "lead", "text", "authors")
"""Of what a reader reads, what a full-text feed carries."""
_OUTAGES = (ConnectionFailure,)
_NAMESPACE_EXISTS = 48
GATHER_SECONDS = 0.02
"""How long questions to the server wait for others to be asked with: at full speed a handful of pages."""
_OPENING_PATIENCE = 30.0  # seconds; at the start somebody may be watching


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of an article."""

    id: str
    """`_id` of its document."""
    is_new: bool
    revision: Revision | None
    """What a reader reads differently since the last visit."""


class Store:
    """Articles, links, frontier and runs of one MongoDB database.

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
        self.first_visits: set[str] = set()
        """Addresses in this run's hands that lead to no document: nothing to look up before they are stored."""
        self._twins = Gatherer(self._published_at, seconds=GATHER_SECONDS)
        self._ids: dict[str, str] = {}  # of stories stored under an earlier address
        self._revisions: dict[str, Revision] = {}
        self._tasks: set[asyncio.Task[None]] = set()

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
            logging.getLogger("pymongo").setLevel(logging.INFO)  # at DEBUG it says ten lines a command
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
            self.articles, self.runs, self.state = (self._database[name] for name in ("articles", "runs", "state"))
            # Not waiting for the journal: whatever depends on these is written later, and the journal is in order.
            self.links, frontier = (
                self._database.get_collection(name, write_concern=WriteConcern(w=1)) for name in ("links", "frontier")
            )
            self._article_writer, self._link_writer, frontier_writer = self._writers = [
                BulkWriter(collection, self._through_outages, **self._bulk)  # type: ignore[arg-type]
                for collection in (self.articles, self.links, frontier)
            ]
            self.frontier = Frontier(frontier, frontier_writer, self._patiently)
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
                for writer in self._writers:
                    await writer.close()
            await self._abandon()

    async def _abandon(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
        if self._embedded is not None:
            self._embedded.release()
            self._embedded = None

    # Articles ---------------------------------------------------------------------------------

    async def save(self, article: Article, *, source: str = "site", seen: datetime | None = None) -> Saved:
        """Store an article and its related links. Returns once the server has acknowledged all.

        `_id` is the canonical address under which the story was first seen; a changed story keeps it, and keeps what it
        said before in `revisions`. `first_seen_at` is set once, `last_seen_at` each time, to `seen` or else to when the
        page was fetched. What was read on the site is not overwritten from another `source`; what was not gives way to
        its page, and only what both hold can make a revision.
        """
        document = as_document(article)
        seen = seen or article.fetched_at
        id_, before = article.url, None
        if article.url in self.first_visits:
            self.first_visits.discard(article.url)
        else:
            entry = (await self.frontier.entries([article.url], "article")).get(article.url, {})
            id_ = entry.get("article") or article.url
            before = await self.article(id_, resolve=False)
            if before is not None and source != "site":
                return Saved(id_, is_new=False, revision=None)
        await self._save_links(article)
        fields: dict[str, Any] = document | {"last_seen_at": seen, "gone_at": None, "source": source}
        update: dict[str, Any] = {"$set": fields, "$setOnInsert": {"first_seen_at": seen}}
        revision = None
        if source != "site":  # whatever is there by now, its page knows better
            update = {"$setOnInsert": fields | {"first_seen_at": seen, "aliases": [], "revisions": []}}
        elif before is None:
            update["$setOnInsert"] |= {"aliases": [], "revisions": []}
        else:
            if before["url"] != article.url:
                fields["aliases"] = _aliases(before, article.url)
            has_all = before.get("source", "site") == "site"
            revision = compare(before, document, names=READ if has_all else CARRIED)
            if revision:
                revision.number = len(before.get("revisions") or []) + 1
                revision.seen_at = seen
                update["$push"] = {"revisions": asdict(revision)}
        # After the links, so that a stored article has them.
        is_new = await self._article_writer.write(UpdateOne({"_id": id_}, update, upsert=True))
        if id_ != article.url:
            self._ids[article.url] = id_
        if revision:
            self._revisions[article.url] = revision
        return Saved(id_, is_new=is_new, revision=revision)

    def id_of(self, url: str) -> str:
        """`_id` of the document into which this run saved the article of an address."""
        return self._ids.get(url, url)

    def revision_of(self, url: str) -> Revision | None:
        """The revision this run saved with the article of an address; None where it read the same, or was new."""
        return self._revisions.get(url)

    async def restore(
        self, article: Article, record: Record, id_: str, *, now: datetime, due_at: datetime | None
    ) -> bool:
        """Store a story as it was exported, unless one of its `_id` is stored; True when it was not.

        Whether another address of it leads to a document is for the caller to ask (`stored_at`).
        """
        await self._save_links(article)
        document = as_document(article) | asdict(record)
        state = "gone" if record.gone_at else "stored"
        also: dict[str, Any] = {"article": id_, "fresh": article.published_at}
        moved = [alias for alias in record.aliases if alias != article.url]
        # Before the document, whose being there is what counts: cut off in between, it is all done again.
        await asyncio.gather(
            self.frontier.settle(article.url, now=now, state=state, due_at=due_at, **also),
            *(self.frontier.settle(alias, now=now, state="moved", moved_to=article.url, **also) for alias in moved),
        )
        return await self._article_writer.write(UpdateOne({"_id": id_}, {"$setOnInsert": document}, upsert=True))

    async def _save_links(self, article: Article) -> None:
        seen = article.fetched_at
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

    def later(self, work: Coroutine[Any, Any, None], failed: Callable[[StoreError], None]) -> None:
        """Write something without waiting for it; `failed` hears of a store that does not take it."""

        async def do() -> None:
            try:
                await work
            except StoreError as error:
                failed(error)

        task = asyncio.create_task(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Return when everything that was to be written later is written."""
        while self._tasks:
            self.flush()
            await asyncio.wait(self._tasks, timeout=0.05)  # what is written may bring more to write

    def flush(self) -> None:
        """Let writes that wait for more of their kind leave now."""
        if self.is_open:
            for writer in self._writers:
                writer.flush()

    async def present(self, ids: Iterable[str]) -> set[str]:
        """Which of these documents there are, by `_id`."""
        wanted = list(ids)
        if not wanted:
            return set()
        found = await self._patiently(lambda: self.articles.find({"_id": {"$in": wanted}}, {"_id": 1}).to_list())
        return {document["_id"] for document in found}

    async def stored_at(self, urls: Iterable[str]) -> set[str]:
        """Which of these addresses lead to a document."""
        wanted = list(urls)
        entries = await self.frontier.entries(wanted, "article")
        ids = {url: entries.get(url, {}).get("article") or url for url in wanted}
        present = await self.present(set(ids.values()))
        return {url for url, id_ in ids.items() if id_ in present}

    async def states(self, urls: list[str]) -> dict[str, str]:
        """What is had of the stories at these addresses: `stored`, `gone` (from the site), or `missing`.

        What counts is the document itself: the frontier only tells under which `_id` it is.
        """
        entries = await self.frontier.entries(urls, "article", "state")
        ids = {url: entries.get(url, {}).get("article") or url for url in urls}
        query = {"_id": {"$in": list(set(ids.values()))}}
        found = await self._patiently(lambda: self.articles.find(query, {"gone_at": 1}).to_list())
        gone_at = {document["_id"]: document.get("gone_at") for document in found}
        states = {}
        for url, id_ in ids.items():
            if id_ in gone_at:
                states[url] = "gone" if gone_at[id_] else "stored"
            else:
                states[url] = "gone" if entries.get(url, {}).get("state") == "gone" else "missing"
        return states

    async def twin(self, article: Article) -> str | None:
        """Another address whose story came out in the same second under the same headline, or with the same text."""
        found = await self._twins.ask(article.published_at)
        for other in found.get(article.published_at, []):
            alike = other["title"] == article.title or other["content_hash"] == article.content_hash
            if alike and other["url"] != article.url and other["edition"] == article.edition:
                url: str = other["url"]
                return url
        return None

    async def _published_at(self, times: list[datetime | None]) -> dict[datetime | None, list[dict[str, Any]]]:
        query = {"published_at": {"$in": list(set(times))}}
        shown = {"url": 1, "title": 1, "content_hash": 1, "edition": 1, "published_at": 1}
        found: dict[datetime | None, list[dict[str, Any]]] = {}
        for document in await self._patiently(lambda: self.articles.find(query, shown).to_list()):
            found.setdefault(document["published_at"], []).append(document)
        return found

    async def join(self, old: Address, new: Address, now: datetime) -> bool:
        """Let the address `old` lead to the story of `new`, whichever was seen first; `new` is to be visited.

        The document first stored stays, under its `_id`; another one becomes part of it. False when `new` leads back
        to `old`: then nothing is changed.
        """
        self.first_visits -= {old.url, new.url}
        entries = await self.frontier.entries([old.url, new.url])
        here, there = entries.get(old.url, {}), entries.get(new.url, {})
        if await self._leads_back(there, old.url):
            return False
        first, second = here.get("article"), there.get("article")
        kept = first or second
        if first and second and first != second:
            kept = await self._merge(first, second)
        also: dict[str, Any] = {}
        if kept:
            also["article"] = kept
            await self._patiently(
                lambda: self.articles.update_one(
                    {"_id": kept, "url": {"$ne": old.url}}, {"$addToSet": {"aliases": old.url}}
                )
            )
        depth = here.get("depth", 0)
        await self.frontier.add([Found(address=new, depth=depth, source="moved", discovered_from=old.url)], now, **also)
        if there.get("state") in ("gone", "moved") or (first and not second):
            await self.frontier.requeue([new.url], new.edition or "", now, state="pending")
        await self.frontier.settle(old.url, now=now, state="moved", moved_to=new.url, **also)
        return True

    async def _leads_back(self, entry: dict[str, Any], url: str) -> bool:
        for _ in range(10):
            target = entry.get("moved_to") if entry.get("state") == "moved" else None
            if target is None:
                return False
            if target == url:
                return True
            entry = (await self.frontier.entries([target])).get(target, {})
        return True

    async def _merge(self, first: str, second: str) -> str:
        """Make one document of two; the one first stored stays, with what the story says now. Returns its `_id`."""
        old, new = await self.article(first, resolve=False), await self.article(second, resolve=False)
        if old is None or new is None:
            return second if old is None else first
        kept, other = (new, old) if new["first_seen_at"] < old["first_seen_at"] else (old, new)
        changes: dict[str, Any] = {}
        revisions = list(kept.get("revisions") or [])
        if kept is old:
            revision = compare(old, new)
            if revision:
                revision.seen_at = new["last_seen_at"]
                revisions.append(asdict(revision))
            changes = {name: new[name] for name in (field.name for field in fields(Article)) if name in new}
        revisions += other.get("revisions") or []
        for number, part in enumerate(revisions, start=1):
            part["number"] = number
        url = changes.get("url", kept["url"])
        changes["aliases"] = sorted({*_aliases(kept, url), *_aliases(other, url)})
        changes["revisions"] = revisions
        await self._patiently(lambda: self.articles.update_one({"_id": kept["_id"]}, {"$set": changes}))
        for alias in {*_aliases(other, ""), other["_id"]}:
            await self.frontier.change(alias, article=kept["_id"])
        await self._patiently(lambda: self.articles.delete_one({"_id": other["_id"]}))
        id_: str = kept["_id"]
        return id_

    async def mark_gone(self, id_: str, now: datetime) -> bool:
        """Note that the site has a story no longer; True when that is news. It is kept."""
        result = await self._patiently(
            lambda: self.articles.update_one({"_id": id_, "gone_at": None}, {"$set": {"gone_at": now}})
        )
        return bool(result.modified_count)

    async def mark_back(self, id_: str) -> None:
        """Note that a story that was gone is there, as it was."""
        await self._patiently(lambda: self.articles.update_one({"_id": id_}, {"$set": {"gone_at": None}}))

    async def linked(self, urls: list[str]) -> list[tuple[str, str]]:
        """The same-topic links of these stories, as pairs of canonical addresses."""

        async def ask() -> list[tuple[str, str]]:
            found = self.links.find({"from": {"$in": urls}}, {"from": 1, "to": 1})
            return [(link["from"], link["to"]) async for link in found]

        return await self._patiently(ask)

    async def article(self, url: str, *, resolve: bool = True) -> dict[str, Any] | None:
        """One stored article by its `_id`, or, to `resolve`, by any canonical address that led to it."""
        found = await self._patiently(lambda: self.articles.find_one({"_id": url}))
        if found is None and resolve:
            entry = (await self.frontier.entries([url], "article")).get(url, {})
            if entry.get("article"):
                return await self.article(entry["article"], resolve=False)
        return found

    async def select(self, wanted: Selection, *names: str) -> list[dict[str, Any]]:
        """The fields `names` of the stories a selection names, with `_id` and `published_at`, the newest first.

        What is searched for in the text is for `stream` to look at.
        """
        shown = dict.fromkeys(("published_at", *names), 1)
        query = wanted.query()
        found: list[dict[str, Any]] = await self._patiently(lambda: self.articles.find(query, shown).to_list())
        found.sort(key=lambda document: (document["published_at"], document["_id"]), reverse=True)
        return found

    async def stream(self, ids: Sequence[str], *, at_once: int = 100) -> AsyncIterator[dict[str, Any]]:
        """The stories of these `_id`s, whole and in this order; `at_once` of them are in memory at a time."""
        for start in range(0, len(ids), at_once):
            batch = list(ids[start : start + at_once])
            query = {"_id": {"$in": batch}}
            found = await self._patiently(lambda q=query: self.articles.find(q).to_list())  # type: ignore[misc]
            by_id = {document["_id"]: document for document in found}
            for id_ in batch:
                if id_ in by_id:  # else it was joined with another meanwhile
                    yield by_id[id_]

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

    # The site's refusals ----------------------------------------------------------------------

    async def hold(self, origin: str, until: datetime, **also: Any) -> None:
        """Note that an origin is to be left alone until a time."""
        await self._patiently(
            lambda: self.state.update_one({"_id": f"hold {origin}"}, {"$set": {"until": until} | also}, upsert=True)
        )

    async def held(self, origin: str) -> dict[str, Any]:
        """What is noted of an origin's refusals: `until`, `blocked_runs`; empty without any."""
        return await self._patiently(lambda: self.state.find_one({"_id": f"hold {origin}"})) or {}

    # Runs -------------------------------------------------------------------------------------

    async def record_run(self, run: dict[str, Any]) -> None:
        """Write a run's account under its `_id`, anew each time."""
        await self._patiently(lambda: self.runs.replace_one({"_id": run["_id"]}, run, upsert=True))

    async def note(self, run_id: str, **values: Any) -> None:
        """Write down something of a run that is still going on."""
        await self._patiently(lambda: self.runs.update_one({"_id": run_id}, {"$set": values}))

    async def last_runs(self, spider: str | None = None, *, most: int = 100) -> list[dict[str, Any]]:
        """The last runs, of one spider or of all, the latest first."""
        query = {"spider": spider} if spider else {}
        return await self._patiently(lambda: self.runs.find(query, sort=[("started_at", -1)], limit=most).to_list())

    async def run(self, id_: str) -> dict[str, Any] | None:
        """One run by its id, or by the beginning of its id when only one has it."""
        pattern = {"$regex": "^" + re.escape(id_)}
        found = await self._patiently(lambda: self.runs.find({"_id": pattern}, limit=2).to_list())
        exact = [run for run in found if run["_id"] == id_] or found
        return exact[0] if len(exact) == 1 else None

    async def bury_runs(self, *, but: str | None = None) -> None:
        """Close the accounts of runs that were killed, `but` one's own, and let go of what they had in hand.

        A run holds a lock on a file under DATA_DIR, which the kernel lets go when it dies; of a run on another machine,
        or on other data, its heartbeat tells.
        """
        query: dict[str, Any] = {"verdict": "running", "_id": {"$ne": but}}
        running = await self._patiently(lambda: self.runs.find(query).to_list())
        for run in running:
            lock = run_lock(self.data_dir, run["_id"])
            is_held = _is_held(lock)
            heartbeat = run.get("alive_until")
            is_beating = heartbeat is not None and heartbeat >= datetime.now(UTC)
            if is_held or (is_held is None and is_beating):
                continue
            await self.frontier.free(run["_id"])
            end = {"verdict": "bad", "reason": "killed", "problems": ["The run was killed, or its machine went down."]}
            one = {"_id": run["_id"], "verdict": "running"}
            await self._patiently(lambda q=one, e=end: self.runs.update_one(q, {"$set": e}))  # type: ignore[misc]
            lock.unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Bring collections, validator and indexes up to date; nothing to do where the version says so."""
        known = await self.state.find_one({"_id": "schema"})
        if known and known["version"] >= VERSION:
            return
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
            if indexes:
                await self._database[name].create_indexes(indexes)
        if "articles" in existing and known is None:  # again, if it was cut off
            await self._fill_frontier()
        await self.state.update_one({"_id": "schema"}, {"$set": {"version": VERSION}}, upsert=True)

    async def _fill_frontier(self) -> None:
        """Write down what version 1 stored and was told of, so that nothing is fetched again or forgotten."""
        now = datetime.now(UTC)
        batch: list[UpdateOne] = []

        async def leave(*, least: int) -> None:
            if len(batch) >= least:
                await self._database["frontier"].bulk_write(batch, ordered=False)
                batch.clear()

        async for article in self.articles.find({}, {"edition": 1, "published_at": 1, "first_seen_at": 1}):
            first = {
                "edition": article["edition"],
                "kind": Kind.ARTICLE.value,
                "first_seen_at": article["first_seen_at"],
                "fresh": article["published_at"],
                "state": "stored",
                "article": article["_id"],
                "depth": 0,
                "due_at": None,
                "tries": 0,
                "lease": None,
            }
            batch.append(UpdateOne({"_id": article["_id"]}, {"$setOnInsert": first}, upsert=True))
            await leave(least=1000)
        await leave(least=1)
        async for link in self.links.find({}, {"from": 1, "to": 1}):
            address = parse(link["to"])
            if address is not None and address.kind is Kind.ARTICLE:
                found = Found(address=address, depth=1, source="related", discovered_from=link["from"])
                batch.append(self.frontier.adding(found, now))
            await leave(least=1000)
        await leave(least=1)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Wait through an outage; what else the server or the driver has against a call is a StoreError."""
        try:
            return await self._through_outages(call)
        except PyMongoError as error:
            raise StoreError(f"{self.place} refused: {_first_line(error)}") from None

    async def _through_outages(self, call: Callable[[], Awaitable[T]]) -> T:
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


def run_lock(data_dir: Path, run: str) -> Path:
    """The file a run holds a lock on for as long as it lives."""
    return data_dir / "runs" / f"{run}.lock"


def _is_held(lock: Path) -> bool | None:
    """Whether a run holds this lock; None where there is no such file: the run may live on another machine."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _aliases(document: dict[str, Any], url: str) -> list[str]:
    """Every address a document has been known under, but the one it has now."""
    return sorted({*(document.get("aliases") or []), document["_id"], document["url"]} - {url, ""})


def _first_line(error: BaseException | None) -> str:
    return _without_login(str(error).split(" (configured")[0].split(", Timeout:")[0].split("\n")[0])[:200]


def _without_login(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//…@", text)
