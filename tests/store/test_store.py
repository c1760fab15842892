import asyncio
import fcntl
from datetime import UTC, datetime, timedelta

import pytest
from pymongo import UpdateOne
from pymongo.errors import WriteError

from rfi_news.exceptions import StoreError, StoreRejectedError, StoreUnavailableError
from rfi_news.items import Article, Author, Related, as_document
from rfi_news.store.bulk import BulkWriter
from rfi_news.store.gather import Gatherer
from rfi_news.store.schema import INDEXES
from rfi_news.store.store import Store

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def article(number: int = 1, **fields) -> Article:
    url = f"https://www.rfi.fr/cn/x/20260131-{number}"
    basics = {
        "url": url, "edition": "cn", "language": "zh-Hans", "title": "标题", "published_at": NOW, "fetched_at": NOW,
        "content_hash": "0" * 64,
    }  # fmt: skip
    return Article(**basics | fields)


@pytest.fixture
async def store(database):
    opened = Store(database.settings(STORE_BULK_SECONDS=0.05))
    await opened.open()
    yield opened
    await opened.close()


async def test_first_seen_is_set_once(store, database):
    assert (await store.save(article(title="一"))).is_new
    later = NOW + timedelta(hours=1)
    assert not (await store.save(article(title="二", fetched_at=later))).is_new
    document = database.articles.find_one()
    assert (document["title"], document["first_seen_at"], document["last_seen_at"]) == ("二", NOW, later)


async def test_links(store, database):
    related = [
        Related(url="https://www.rfi.fr/cn/a", title="甲", kicker="国际"),
        Related(url="https://www.rfi.fr/cn/b", title="乙"),
    ]
    await store.save(article(related=related))
    later = NOW + timedelta(days=1)
    await store.save(article(related=related[:1], fetched_at=later))
    found = {link["to"]: link for link in database.links.find()}
    first, second = found["https://www.rfi.fr/cn/a"], found["https://www.rfi.fr/cn/b"]
    assert (first["position"], first["kicker"], first["first_seen_at"], first["last_seen_at"]) == (
        1,
        "国际",
        NOW,
        later,
    )
    assert (second["position"], second["kicker"], second["last_seen_at"]) == (2, None, NOW)
    assert sorted(await store.linked([article().url])) == [(article().url, link) for link in sorted(found)]


async def test_present(store):
    await store.save(article(1))
    assert await store.present([article(1).url, article(2).url]) == {article(1).url}
    await store.save(article(2))
    assert await store.present([article(2).url]) == {article(2).url}
    assert await store.present([]) == set()


async def test_newest(store):
    later = NOW + timedelta(days=2)
    assert await store.newest_day("cn", until=later) is None
    await store.save(article(1, published_at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC)))
    await store.save(article(2, published_at=NOW))
    assert str(await store.newest_day("cn", until=later)) == "2026-02-01"  # in Paris
    assert str(await store.newest_day("cn", until=NOW)) == "2026-01-31"  # what is dated later is a mistake
    assert await store.newest_day("tw", until=later) is None
    assert await store.count() == 2


async def test_the_database_refuses_what_the_schema_refuses(store, database):
    with pytest.raises(WriteError):
        database.articles.insert_one({"_id": "x", "title": "没有其余"})
    with pytest.raises(StoreRejectedError, match="validation"):
        await store.save(article(title=""))
    await store.save(article(authors=[Author(name="林兰")]))
    assert database.articles.count_documents({}) == 1


async def test_opening_again_changes_nothing(store, database):
    await store.save(article())
    indexes = {name: list(database.client[database.name][name].index_information()) for name in INDEXES}
    second = Store(database.settings())
    await second.open()
    await second.open()
    await second.close()
    assert indexes == {name: list(database.client[database.name][name].index_information()) for name in indexes}
    assert database.articles.count_documents({}) == 1


async def test_one_bad_document_does_not_spoil_a_bulk(store, database):
    writer = BulkWriter(store.articles, store._through_outages, size=100, seconds=0.05)

    def upsert(number, **fields):
        document = {"edition": "cn"} | fields
        return writer.write(UpdateOne({"_id": number}, {"$set": document}, upsert=True))

    good = as_document(article())
    answers = await asyncio.gather(upsert("a", **good), upsert("b"), upsert("c", **good), return_exceptions=True)
    assert answers[0] is True
    assert isinstance(answers[1], StoreRejectedError)
    assert answers[2] is True
    assert {document["_id"] for document in database.articles.find()} == {"a", "c"}


async def test_a_document_that_cannot_be_encoded_spoils_nobody_elses(store, database):
    answers = await asyncio.gather(
        *(store.save(article(n, char_count=2**70 if n == 2 else 1)) for n in (1, 2, 3)), return_exceptions=True
    )
    assert [answers[0].is_new, answers[2].is_new] == [True, True]
    assert isinstance(answers[1], StoreRejectedError)
    assert database.articles.count_documents({}) == 2


async def test_bulks_go_by_size_before_their_time(store, database):
    writer = BulkWriter(store.links, store._through_outages, size=3, seconds=3600)
    writes = [
        writer.write(UpdateOne({"from": "x", "to": str(n)}, {"$set": {"position": n}}, upsert=True)) for n in range(3)
    ]
    async with asyncio.timeout(30):
        assert await asyncio.gather(*writes) == [True] * 3
    waiting = asyncio.ensure_future(
        writer.write(UpdateOne({"from": "x", "to": "3"}, {"$set": {"position": 3}}, upsert=True))
    )
    await asyncio.sleep(0)
    await writer.close()
    assert await waiting is True


async def test_an_outage_is_waited_for_then_named(database):
    store = Store(
        database.settings(MONGODB_URI="mongodb://me:secret@127.0.0.1:9/?serverSelectionTimeoutMS=100", STORE_PATIENCE=0)
    )
    with pytest.raises(StoreUnavailableError) as caught:
        await store.open()
    assert "127.0.0.1:9" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "secret" not in store.place
    assert not store.is_open


@pytest.mark.parametrize("uri", ["mongodb://", "http://x", "mongodb://u:p@ss@h:99999/"])
async def test_an_address_that_cannot_work(database, uri):
    with pytest.raises(StoreError, match="MONGODB_URI cannot be used"):
        await Store(database.settings(MONGODB_URI=uri)).open()


async def test_a_store_without_a_frontier_is_taken_over(store, database):
    """As version 1 left it: articles and links, no word of what was visited."""
    related = [Related(url="https://www.rfi.fr/cn/x/20260130-9", title="甲")]
    await store.save(article(1, related=related))
    await store.save(article(2))
    await store.close()
    database.frontier.drop()
    database.state.drop()
    again = Store(database.settings())
    await again.open()
    entries = {entry["_id"]: (entry["state"], entry["depth"]) for entry in database.frontier.find()}
    assert entries == {article(1).url: ("stored", 0), article(2).url: ("stored", 0), related[0].url: ("pending", 1)}
    assert [url for _, url in await again.frontier.due("cn", depth=1, now=NOW + timedelta(days=999), most=9)] == [
        related[0].url
    ]
    await again.close()


async def test_a_revision_keeps_what_was_said_before(store, database):
    await store.save(article(text="五人受伤。", title="一"))
    saved = await store.save(article(text="六人受伤。", title="一", fetched_at=NOW + timedelta(hours=1)))
    assert (saved.is_new, saved.revision.size) == (False, "figures_or_names")
    unchanged = await store.save(article(text="六人受伤。", title="一", fetched_at=NOW + timedelta(hours=6)))
    assert unchanged.revision is None
    document = database.articles.find_one()
    (revision,) = document["revisions"]
    assert (revision["number"], revision["earlier"]["text"], revision["seen_at"]) == (
        1,
        "五人受伤。",
        NOW + timedelta(hours=1),
    )
    assert (document["text"], document["first_seen_at"]) == ("六人受伤。", NOW)


async def test_states(store):
    await store.save(article(1))
    await store.save(article(2))
    await store.mark_gone(article(2).url, NOW)
    urls = [article(number).url for number in (1, 2, 3)]
    assert await store.states(urls) == dict(zip(urls, ("stored", "gone", "missing"), strict=True))


async def test_questions_asked_together_are_one_call():
    calls = []

    async def answer(questions):
        calls.append(list(questions))
        if "bad" in questions:
            raise ValueError("bad")
        return {question: question * 2 for question in questions}

    gatherer = Gatherer(answer, seconds=0.01)
    assert await asyncio.gather(*(gatherer.ask(number) for number in (1, 2))) == [{1: 2, 2: 4}] * 2
    assert await gatherer.ask(3) == {3: 6}
    outcomes = await asyncio.gather(gatherer.ask("bad"), gatherer.ask("good"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]
    assert calls == [[1, 2], [3], ["bad", "good"]]


async def test_a_run_is_dead_when_its_lock_is_free_or_elsewhere_its_heartbeat_late(store, database, data_dir):
    now = datetime.now(UTC)
    locks = data_dir / "runs"
    locks.mkdir(exist_ok=True)
    runs = {"held": now - timedelta(hours=1), "free": now + timedelta(hours=1), "late": now - timedelta(seconds=1),
            "beating": now + timedelta(hours=1)}  # fmt: skip
    database.runs.insert_many([{"_id": f"{database.name}-{name}", "verdict": "running", "alive_until": until} for name, until in runs.items()])  # fmt: skip
    database.frontier.insert_many([{"_id": name, "lease": f"{database.name}-{name}"} for name in runs])
    with (locks / f"{database.name}-held.lock").open("wb") as held, (locks / f"{database.name}-free.lock").open("wb"):
        fcntl.flock(held, fcntl.LOCK_EX)
        store.data_dir = data_dir
        await store.bury_runs()
    assert {run["_id"].rpartition("-")[2] for run in database.runs.find({"reason": "killed"})} == {"free", "late"}
    assert {entry["_id"] for entry in database.frontier.find({"lease": {"$ne": None}})} == {"held", "beating"}


async def test_what_the_server_has_against_a_call_is_named(store):
    with pytest.raises(StoreError, match=r"refused: .*validation"):
        await store._patiently(lambda: store.articles.insert_one({"_id": "x"}))
