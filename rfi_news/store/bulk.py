"""Writes in bulk that answer one by one."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from rfi_news.exceptions import StoreError, StoreRejectedError

Patience = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Runs a call to the server, again and again through an outage."""


class BulkWriter:
    """Gathers upserts to one collection and sends them as unordered bulks.

    A bulk leaves when `size` operations wait or the first has waited `seconds`. `write` returns when the server has
    acknowledged its own operation, so whoever waits for it slows down with the server.
    """

    def __init__(self, collection: AsyncCollection[Any], patience: Patience, *, size: int, seconds: float) -> None:
        self._collection = collection
        self._patience = patience
        self._size = size
        self._seconds = seconds
        self._waiting: list[tuple[UpdateOne, asyncio.Future[bool]]] = []
        self._full = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    async def write(self, operation: UpdateOne) -> bool:
        """Send one upsert; True when it made a new document, False when it changed one.

        Raises StoreRejectedError when the server refuses this document, StoreUnavailableError when it stays silent.
        """
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, answer))
        if len(self._waiting) >= self._size:
            self._full.set()
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())
        return await answer

    def flush(self) -> None:
        """Let what waits leave now."""
        if self._waiting:
            self._full.set()

    async def close(self) -> None:
        """Send what waits now, and return when it is answered."""
        self.flush()
        if self._sender is not None:
            await self._sender

    async def _send_all(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._full.wait()
            self._full.clear()
            batch, self._waiting = self._waiting, []
            try:
                await self._send(batch)
            except Exception as error:  # noqa: BLE001 — whatever it is, each one who waits must hear of it
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)

    async def _send(self, batch: list[tuple[UpdateOne, asyncio.Future[bool]]]) -> None:
        try:
            result = await self._patience(
                lambda: self._collection.bulk_write([operation for operation, _ in batch], ordered=False)
            )
            upserted, failed = set(result.upserted_ids or {}), set[int]()
        except BulkWriteError as error:
            upserted = {entry["index"] for entry in error.details["upserted"]}
            failed = {entry["index"] for entry in error.details["writeErrors"]}
            if not failed:  # the server wrote, and does not vouch for the journal
                failed = set(range(len(batch)))
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 — one document that cannot be encoded keeps the whole bulk from leaving
            upserted, failed = set(), set(range(len(batch)))
        for index, (_, answer) in enumerate(batch):
            if index not in failed and not answer.done():
                answer.set_result(index in upserted)
        for index in sorted(failed):
            await self._send_one(*batch[index])

    async def _send_one(self, operation: UpdateOne, answer: asyncio.Future[bool]) -> None:
        """Try one operation that failed in a bulk by itself: what failed may have been a race, or the document."""
        try:
            result = await self._patience(lambda: self._collection.bulk_write([operation]))
            answer.set_result(bool(result.upserted_ids))
        except BulkWriteError as error:
            details = (error.details["writeErrors"] or error.details["writeConcernErrors"])[0]
            answer.set_exception(StoreRejectedError(f"the store refused the document: {details['errmsg']}"))
        except StoreError as error:
            answer.set_exception(error)
        except Exception as error:  # noqa: BLE001 — too large, or with a value BSON has no room for
            answer.set_exception(StoreRejectedError(f"the document cannot be written: {error}"))
