"""The database goes away in the middle of a crawl, and comes back, or does not."""

import asyncio
import json
import os
import signal
from contextlib import contextmanager

import pymongo
import pytest

from rfi_news.store.embedded import EmbeddedServer
from tests.conftest import Run, listing_page, story_page

pytestmark = pytest.mark.slow
PATHS = [f"/cn/中国/20240305-story-{number}" for number in range(1, 9)]


@pytest.fixture
def own(tmp_path, empty_site, monkeypatch):
    """A crawl with an embedded server of its own, held up before its fourth story."""
    for path in PATHS:
        empty_site.add(path, story_page("标题", path))
    empty_site.add("/cn/中国/", listing_page(*PATHS))
    empty_site.held.add(PATHS[3])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MONGODB")}
    return (
        Run(tmp_path, environment | {"RFI_NEWS_DATA_DIR": str(tmp_path / "data")}),
        empty_site,
        tmp_path / "data" / "mongodb",
    )


def crawl(run, site, *more):
    return run.start("crawl", "rfi_cn", "-a", f"origin={site.origin}", "-a", "topics=中国", "-a", "since=2024-01-01",
                     *run.FAST, "-s", "STORE_BULK_SECONDS=0.1", *more)  # fmt: skip


@contextmanager
def opened(directory):
    """A client of a directory's own server."""
    server = EmbeddedServer(directory)
    with pymongo.MongoClient(asyncio.run(server.acquire()), tz_aware=True) as client:
        yield client
    server.release()


def stored(directory) -> int:
    with opened(directory) as client:
        return client.rfi_news.articles.count_documents({})


def end(directory) -> None:
    os.kill(json.loads((directory / "server.json").read_text())["keeper"], signal.SIGTERM)


def end_of_a_run_without_its_store(process, site, directory) -> str:
    end(directory)  # keeper and server both: nobody starts it again
    while (directory / "server.json").exists():
        assert process.poll() is None
    site.released.set()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "Traceback" not in output, output
    return output


def test_a_killed_server_comes_back_and_nothing_is_lost(own):
    run, site, directory = own
    process = crawl(run, site)
    assert site.reached.wait(60)
    os.kill(json.loads((directory / "server.json").read_text())["pid"], signal.SIGKILL)
    site.released.set()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "Traceback" not in output, output
    assert stored(directory) == len(PATHS)
    assert max(site.asked[path] for path in PATHS) == 1
    end(directory)


def test_a_server_that_stays_away_closes_the_run_and_the_next_takes_up_the_rest(own):
    run, site, directory = own
    process = crawl(run, site, "-s", "STORE_PATIENCE=3")
    assert site.reached.wait(60)
    output = end_of_a_run_without_its_store(process, site, directory)
    assert "store_unavailable" in output
    assert "fetched articles could not be stored; the next run fetches them again" in output
    before = stored(directory)
    assert before < len(PATHS)
    site.held.clear()
    again = run.crawl(site, "-a", "topics=中国", "-a", "since=2024-01-01")
    assert again.returncode == 0, again.stderr
    assert stored(directory) == len(PATHS)
    end(directory)


def test_a_store_that_is_gone_when_it_is_asked_what_it_knows(own):
    run, site, directory = own
    site.held = {"/cn/中国/"}
    process = crawl(run, site, "-s", "STORE_PATIENCE=1")
    assert site.reached.wait(60)
    output = end_of_a_run_without_its_store(process, site, directory)
    assert "did not answer for 1 s" in output
    assert "(store_unavailable)" in output
