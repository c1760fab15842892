"""The frontier: every address discovered, what came of it, and when it is due again.

An address is written here before it is fetched, and leaves a run's hands by being settled, or by the end of the run's
lease. A document, by its `_id` the canonical address:

    edition, kind       what it leads to (`article`, `listing`, `feed`, `archive`, …)
    source, discovered_from, first_seen_at    who told of it first: source, page, time
    depth               same-topic links away from what a source lists; the least ever met
    fresh               its time of publication as far as is known: the order of work
    state               `pending`, `stored`, `gone`, `moved` (then `moved_to`); `read` for listings
    article             `_id` of the document its story is in
    due_at              when it is to be visited; null when never again
    queue               the edition, as long as a story is to be visited: the index of what is to be done
    tries, last_status, last_reason, visited_at    failures in a row; what came last, and when
    read_by             the run to which a listing, feed or archive day last came whole, or was absent
    etag, last_modified the server's validators
    lease               the run that has it in hand
    floor, interval, mark, listed    of listings: the day it is still to be paged back to, seconds between two turns; of
                        feeds: the newest time read; of archive days: the addresses listed
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from rfi_news.site.addresses import Address, Kind, parse
from rfi_news.site.dates import PARIS
from rfi_news.store.bulk import BulkWriter

T = TypeVar("T")
Entry = dict[str, Any]

FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(days=7)
_IN_HAND = dict.fromkeys(
    ("state", "article", "depth", "fresh", "first_seen_at", "tries", "etag", "last_modified"), 1
)  # what a run needs of a story it takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One address, as a page told of it."""

    address: Address
    depth: int = 0
    source: str | None = None
    discovered_from: str | None = None
    fresh: datetime | None = None
    """When it was published, UTC, where that is known better than from its address."""

    def order(self, now: datetime) -> datetime:
        """Its place in the order of work: its time, else noon of its day, else the time it was found."""
        day = self.address.day
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=PARIS).astimezone(UTC) if day else now
        return self.fresh or noon


def pause_after(tries: int) -> timedelta:
    """How long a page that failed `tries` times in a row is left alone: ten minutes, doubled each time, to a week."""
    doubled: int = 2 ** min(tries - 1, 12)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


def next_visit(since: datetime, now: datetime, schedule: Iterable[timedelta]) -> datetime | None:
    """The first of a story's visits still to come: the earliest `since` plus one of `schedule` after `now`."""
    return min((since + age for age in schedule if since + age > now), default=None)


class Frontier:
    """One edition-blind table of addresses; a part of the `Store`.

    Times are given by the caller, aware, so that a run's clock rules. Leases are of runs: a killed run's are freed as
    soon as it is known to be dead.
    """

    def __init__(
        self,
        collection: AsyncCollection[Entry],
        writer: BulkWriter,
        patiently: Callable[[Callable[[], Awaitable[T]]], Awaitable[T]],
    ) -> None:
        self._collection = collection
        self._writer = writer
        self._patiently: Any = patiently
        self._in_hand: set[str] = set()

    async def entries(self, urls: Iterable[str], *fields: str) -> dict[str, Entry]:
        """What is known of these addresses; with `fields`, only those."""
        wanted = list(urls)
        if not wanted:
            return {}
        shown = dict.fromkeys(fields, 1) or None
        found: list[Entry] = await self._patiently(
            lambda: self._collection.find({"_id": {"$in": wanted}}, shown).to_list()
        )
        return {entry["_id"]: entry for entry in found}

    async def add(self, found: Iterable[Found], now: datetime, *, floor: date | None = None, **also: Any) -> None:
        """Write down addresses; one known already only gets nearer. Returns once the server has acknowledged all.

        Of a listing `floor` is the day it is to be paged back to: owed from now on, until it is settled.
        """
        operations = [self.adding(one, now, floor=floor, **also) for one in found]
        if operations:
            await self._patiently(lambda: self._collection.bulk_write(operations, ordered=False))

    def adding(self, found: Found, now: datetime, *, floor: date | None = None, **also: Any) -> UpdateOne:
        """The write that puts an address down, if it is not yet."""
        address = found.address
        is_story = address.kind is Kind.ARTICLE
        first = {
            "edition": address.edition,
            "kind": address.kind.value,
            "source": found.source,
            "discovered_from": found.discovered_from,
            "first_seen_at": now,
            "fresh": found.order(now),
            "state": "pending",
            "due_at": now,
            "tries": 0,
            "lease": None,
        } | ({"queue": address.edition} if is_story else {})
        update: dict[str, Any] = {"$setOnInsert": {k: v for k, v in first.items() if k not in also}}
        if is_story:
            update["$min"] = {"depth": found.depth}
        elif floor:
            update["$min"] = {"floor": floor.isoformat()}
        if also:
            update["$set"] = also
        return UpdateOne({"_id": address.url}, update, upsert=True)

    async def change(self, url: str, **values: Any) -> None:
        """Set values of one address, gathered with other writes; returns once acknowledged."""
        await self._writer.write(UpdateOne({"_id": url}, {"$set": values}, upsert=True))

    async def requeue(self, urls: Iterable[str], edition: str, now: datetime, **also: Any) -> None:
        """Let stories be visited now, whatever came of them before."""
        wanted = list(urls)
        if wanted:
            values = {"queue": edition, "due_at": now} | also
            await self._patiently(lambda: self._collection.update_many({"_id": {"$in": wanted}}, {"$set": values}))

    # Work -------------------------------------------------------------------------------------

    async def due(self, edition: str, *, depth: int, now: datetime, most: int) -> list[tuple[datetime, str]]:
        """The freshest stories to be visited and in nobody's hands, as pairs of time and address."""
        query = {
            "queue": edition,
            "due_at": {"$lte": now},
            "depth": {"$lte": depth},
            "lease": None,
        }
        entries: list[Entry] = await self._patiently(
            lambda: self._collection.find(query, {"fresh": 1}, sort=[("fresh", -1)], limit=most).to_list()
        )
        return [(entry["fresh"], entry["_id"]) for entry in entries]

    async def lease(self, urls: list[str], run: str, *, now: datetime | None = None) -> list[Entry]:
        """Take those of these addresses that nobody has in hand and, with `now`, that are due by then."""
        query: dict[str, Any] = {"_id": {"$in": urls}, "lease": None}
        if now is not None:
            query["due_at"] = {"$lte": now, "$ne": None}
        self._in_hand.update(urls)
        await self._patiently(lambda: self._collection.update_many(query, {"$set": {"lease": run}}))
        mine = {"_id": {"$in": urls}, "lease": run}
        entries: list[Entry] = await self._patiently(lambda: self._collection.find(mine, _IN_HAND).to_list())
        self._in_hand.difference_update(set(urls) - {entry["_id"] for entry in entries})
        return entries

    async def release(self, run: str) -> None:
        """Let go of everything this run has in hand and has not settled."""
        mine = {"_id": {"$in": list(self._in_hand)}, "lease": run}
        await self._patiently(lambda: self._collection.update_many(mine, {"$set": {"lease": None}}))

    async def free(self, run: str) -> None:
        """Let go of everything a run that is no more had in hand."""
        await self._patiently(lambda: self._collection.update_many({"lease": run}, {"$set": {"lease": None}}))

    # Outcomes ---------------------------------------------------------------------------------

    async def settle(
        self,
        url: str,
        *,
        now: datetime,
        state: str | None = None,
        due_at: datetime | None = None,
        is_paged: bool = False,
        **values: Any,
    ) -> None:
        """Write what came of a visit and when the next is due, and let go of the address.

        A listing that `is_paged` as far back as it had to be owes nothing any more.
        """
        address = parse(url)
        changes: dict[str, Any] = {"due_at": due_at, "lease": None, "visited_at": now, "tries": 0} | values
        if state:
            changes["state"] = state
        update: dict[str, Any] = {"$set": changes}
        if address is not None:
            first = {"edition": address.edition, "kind": address.kind.value, "first_seen_at": now, "depth": 0}
            update["$setOnInsert"] = {name: value for name, value in first.items() if name not in changes}
            if address.kind is Kind.ARTICLE and due_at is not None:
                changes["queue"] = address.edition
        dropped = {"queue": 1} if due_at is None else {}
        if is_paged:
            dropped["floor"] = 1
        if dropped:
            update["$unset"] = dropped
        await self._writer.write(UpdateOne({"_id": url}, update, upsert=True))
        self._in_hand.discard(url)

    # Figures ----------------------------------------------------------------------------------

    async def pending(self, edition: str, *, depth: int) -> tuple[int, datetime | None]:
        """How many stories were discovered and never had, and when the oldest of them was discovered."""
        query = {"queue": edition, "state": "pending", "depth": {"$lte": depth}}
        count: int = await self._patiently(lambda: self._collection.count_documents(query))
        if not count:
            return 0, None
        oldest = await self._patiently(
            lambda: self._collection.find_one(query, {"first_seen_at": 1}, sort=[("first_seen_at", 1)])
        )
        return count, oldest["first_seen_at"] if oldest else None
