"""Crawls and databases killed at random moments: nothing discovered is lost, nothing stored is fetched again."""

import json
import os
import random
import signal
import subprocess
import time
from datetime import timedelta
from urllib.parse import quote

import pytest

from rfi_news.site.addresses import HOST
from tests.conftest import Run
from tests.standin import StandIn
from tests.test_frontier import ALL, END, at
from tests.test_outage import end, opened

pytestmark = pytest.mark.slow
KILLS = 20
LATER = END + timedelta(hours=1)  # a clock that is set back to END each time would find what was discovered not yet due


@pytest.fixture
def site():
    served = StandIn(days=4, a_day=34)
    yield served
    served.close()


@pytest.fixture
def own(tmp_path):
    """A database of its own, which may be killed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MONGODB")}
    directory = tmp_path / "data" / "mongodb"
    yield Run(tmp_path, environment | {"RFI_NEWS_DATA_DIR": str(tmp_path / "data")}), directory
    if (directory / "server.json").exists():
        end(directory)


def address(path):
    return HOST + quote(path)


def fetched(site):
    return {address(path): count for path, count in site.asked.items() if path in site.stories}


def start(run, site, *more):
    return run.start(
        "crawl", "rfi_cn", "-a", f"origin={site.origin}", *ALL, *at(END), *run.FAST, "-s", "REVISITS=", *more
    )


def test_crawls_killed_at_random_moments(own, site):
    run, directory = own
    dice = random.Random(20240301)  # noqa: S311
    in_flight = 0
    # The pace is what a fast disk needs to be caught in the middle; each run gets through about a tenth of the work.
    with opened(directory) as client:
        articles = client.rfi_news.articles
        for _ in range(KILLS):
            process = start(run, site, "-s", "DOWNLOAD_DELAY=0.02", "-s", "RANDOMIZE_DOWNLOAD_DELAY=False")
            time.sleep(dice.uniform(0.8, 2.2))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            stored = {document["_id"] for document in articles.find({}, {"_id": 1})}
            in_flight += len(set(fetched(site)) - stored)
        done = run.crawl(site, *ALL, *at(LATER), "-s", "REVISITS=")
        assert done.returncode == 0, done.stderr
        assert sorted(document["_id"] for document in articles.find({}, {"_id": 1})) == site.truth()
        assert client.rfi_news.frontier.count_documents({"lease": {"$ne": None}}) == 0
        assert {run["reason"] for run in client.rfi_news.runs.find()} == {"killed", "finished"}
    repeats = sum(count - 1 for count in fetched(site).values())
    print(f"{KILLS} kills, {in_flight} pages in flight, {repeats} fetched again")
    assert repeats <= in_flight


def test_databases_killed_at_random_moments(own, site):
    run, directory = own
    dice = random.Random(20240302)  # noqa: S311
    kills = unwritten = 0
    while kills < KILLS:
        process = start(run, site, "-a", f"limit={len(site.truth()) // KILLS + 1}", "-s", "DOWNLOAD_DELAY=0.05")
        before = len(fetched(site))
        time.sleep(dice.uniform(0.9, 2.0))
        try:
            os.kill(json.loads((directory / "server.json").read_text())["pid"], signal.SIGKILL)
            kills += 1
        except (OSError, ValueError):  # it is being started, or was killed just now
            pass
        output, _ = process.communicate(timeout=180)
        assert "Traceback" not in output, output
        unwritten += len(fetched(site)) - before
    done = run.crawl(site, *ALL, *at(LATER), "-s", "REVISITS=")
    assert done.returncode == 0, done.stderr
    with opened(directory) as client:
        assert sorted(document["_id"] for document in client.rfi_news.articles.find({}, {"_id": 1})) == site.truth()
    repeats = sum(count - 1 for count in fetched(site).values())
    print(f"{kills} kills, {repeats} fetched again")
    assert repeats <= kills * 3, "more was fetched again than can have been in flight at a page each twentieth second"


def test_a_lease_of_a_run_on_another_machine_expires(own, site):
    """Its lock is elsewhere; its heartbeat tells."""
    run, directory = own
    process = start(run, site, "-s", "DOWNLOAD_DELAY=0.2")
    while not any("中国" in path for path in site.asked):
        assert process.poll() is None
        time.sleep(0.1)
    while not any(path in site.stories for path in site.asked):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    subprocess.run(["rm", "-r", str(directory.parent / "runs")], check=True)
    with opened(directory) as client:
        held = client.rfi_news.frontier.count_documents({"kind": "article", "lease": {"$ne": None}})
        assert held > 0
        run.crawl(site, *ALL, *at(END))
        assert client.rfi_news.frontier.count_documents({"kind": "article", "lease": {"$ne": None}}) == held
        client.rfi_news.runs.update_many({"verdict": "running"}, {"$set": {"alive_until": END}})
        done = run.crawl(site, *ALL, *at(LATER))
        assert done.returncode == 0, done.stderr
        assert client.rfi_news.articles.count_documents({}) == len(site.truth())
