from datetime import UTC, datetime

import pytest

from rfi_news.site.dates import displayed_time, machine_time, seconds


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("09/11/2023 - 15:43", datetime(2023, 11, 9, 14, 43, tzinfo=UTC)),
        ("发表时间： 17/06/2026 - 15:44", datetime(2026, 6, 17, 13, 44, tzinfo=UTC)),
        ("31/03/2024 - 01:59", datetime(2024, 3, 31, 0, 59, tzinfo=UTC)),
        ("31/03/2024 - 03:00", datetime(2024, 3, 31, 1, 0, tzinfo=UTC)),
        ("29/10/2023 - 02:30", datetime(2023, 10, 29, 0, 30, tzinfo=UTC)),  # comes twice; the first is meant
        ("32/01/2024 - 10:00", None),
        ("昨天", None),
    ],
)
def test_displayed(text, utc):
    assert displayed_time(text) == utc


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2023-11-09T14:43:00+00:00", datetime(2023, 11, 9, 14, 43, tzinfo=UTC)),
        ("2023-11-09T15:43:00+01:00", datetime(2023, 11, 9, 14, 43, tzinfo=UTC)),
        (" 2023-11-09T14:43:00Z\n", datetime(2023, 11, 9, 14, 43, tzinfo=UTC)),
        ("2023-11-09T14:43:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
    ],
)
def test_machine(text, utc):
    assert machine_time(text) == utc


@pytest.mark.parametrize(
    ("text", "length"),
    [("01:11", 71), ("1:02:03", 3723), ("PT1M11S", 71), ("P0DT0H12M30S", 750), ("PT", None), ("", None), ("11", None)],
)
def test_seconds(text, length):
    assert seconds(text) == length
