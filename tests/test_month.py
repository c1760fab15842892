"""Days as they happened: a run each half hour, in one process."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.standin import FIRST, StandIn

STEPS = 96


@pytest.mark.slow
def test_half_hourly_runs_find_everything_at_little_cost(database, mongodb_uri):
    site = StandIn(days=3, a_day=34)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.month",
            "--origin",
            site.origin,
            "--from",
            FIRST.isoformat(),
            "--steps",
            str(STEPS),
        ],
        cwd=ROOT,
        env=database.environment | {"MONGODB_URI": mongodb_uri},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    stored = {document["url"] for document in database.articles.find({}, {"url": 1})}
    assert stored == set(site.truth())
    assert figures["delay_minutes_median"] <= 30
    assert figures["delay_minutes_most"] <= 30
    assert figures["article_requests"] <= figures["new"] * 1.05
    assert figures["discovery_requests_most_later"] <= 3, "rss, topics, related: as many requests as sources"
    assert figures["article_requests_of_second_runs"] == 0
    site.close()
