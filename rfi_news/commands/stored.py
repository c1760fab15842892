"""What commands ask of the store."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from scrapy.settings import BaseSettings

from rfi_news.exceptions import RfiNewsError
from rfi_news.site.addresses import HOST, parse
from rfi_news.store.store import Store

MARKERS = ("url", "content_hash", "fetched_at", "last_seen_at", "gone_at", "aliases", "revisions.seen_at")
"""Fields of which one changes whenever anything of a stored story does."""


def mark(row: Mapping[str, Any]) -> list[Any]:
    """What changes with a story, of a row that holds MARKERS: what was made of a story of this mark is up to date."""
    return [row.get(name.partition(".")[0]) for name in ("_id", *MARKERS)]


@asynccontextmanager
async def opened(settings: BaseSettings) -> AsyncIterator[Store]:
    """The store, for as long as it is needed. Raises StoreError."""
    store = Store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def story_at(settings: BaseSettings, url: str) -> dict[str, Any]:
    """The stored document of a story, by any address it has had. Raises RfiNewsError when there is none."""
    address = parse(url) if url.startswith(("http://", "https://", "/")) else None
    if address is None:
        raise RfiNewsError(f"{url}: no address of {HOST}")
    async with opened(settings) as store:
        found = await store.article(address.url)
        if found is None:
            raise RfiNewsError(f"{url}: not in {store.place}")
        return found
