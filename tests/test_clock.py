from datetime import UTC, datetime, timedelta

import pytest
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from rfi_news.clock import ages, now


def test_the_clock_runs_on_from_where_it_is_set():
    moment = now(Settings({"NOW": "2023-11-01T12:00:00+01:00"}))
    assert timedelta() <= moment - datetime(2023, 11, 1, 11, 0, tzinfo=UTC) < timedelta(minutes=5)
    assert abs(now(Settings({"NOW": ""})) - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("given", ["soon", "2023-11-01T12:00:00", "2023-11-01"])
def test_no_time(given):
    with pytest.raises(UsageError, match="NOW="):
        now(Settings({"NOW": given}))


def test_ages():
    hours = timedelta(hours=1)
    assert ages("7d, 1h,30m") == (hours / 2, hours, 168 * hours)
    assert ages("") == ages(None) == ()
    for given in ("1", "h", "1w", "1h;2h", "-1h"):
        with pytest.raises(UsageError, match="not accepted"):
            ages(given)
