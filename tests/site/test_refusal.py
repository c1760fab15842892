from datetime import UTC, datetime, timedelta

import pytest
from scrapy.http import HtmlResponse

from rfi_news.site.refusal import refusal_of, retry_after
from tests.conftest import names, recorded
from tests.standin import INCAPSULA

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def answer(status=200, body=b"<html><main>x</main></html>", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return HtmlResponse("https://www.rfi.fr/cn/x", status=status, body=body, headers=headers)


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (answer(403), "403"),
        (answer(429), "429"),
        (answer(503), "503"),
        (answer(200, INCAPSULA), "interstitial"),
        (
            answer(200, b'<html><head><script src="/_Incapsula_Resource?SWJIYLWA=7"></script></head></html>'),
            "interstitial",
        ),
        (answer(200, b'<html><script src="/_Incapsula_Resource?x"></script><main>' + "正文".encode() * 9000), None),
        (answer(404), None),
        (answer(500), None),
        (answer(), None),
    ],
)
def test_what_is_a_refusal(response, why):
    assert refusal_of(response) == why


@pytest.mark.parametrize("name", names("article") + names("listing") + names("feed"))
def test_no_recorded_page_is_one(name):
    assert refusal_of(recorded(name)) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "120"}, 120),
        ({"Retry_After": "Sat, 31 Jan 2026 12:05:00 GMT"}, 300),
        ({"Retry_After": "Sat, 31 Jan 2026 12:05:00 GMT", "Date": "Sat, 31 Jan 2026 12:04:30 GMT"}, 30),
        ({"Retry_After": "Sat, 31 Jan 2026 11:00:00 GMT"}, 0),
        ({"Retry_After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 30 * 86400),
        ({"Retry_After": "9" * 5000}, 30 * 86400),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-5"}, None),
        ({"Retry_After": "１２"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after(answer(503, **headers), NOW) == (None if seconds is None else timedelta(seconds=seconds))
