"""Recorded pages against their hand-checked results."""

import json
from dataclasses import asdict

import pytest

from rfi_news.exceptions import PageError
from rfi_news.site.article import parse_article
from rfi_news.site.feed import parse_feed
from rfi_news.site.listing import parse_listing
from rfi_news.site.sitemap import parse_sitemap
from tests.conftest import expected, names, recorded


def plain(value):
    return json.loads(json.dumps(value, default=lambda moment: moment.isoformat(), ensure_ascii=False))


@pytest.mark.parametrize("name", names("article"))
def test_article(name):
    article = plain(asdict(parse_article(recorded(name))))
    truth = expected(name)
    wrong = {field: {"read": article[field], "true": truth[field]} for field in truth if article[field] != truth[field]}
    assert not wrong, f"{name}: {json.dumps(wrong, ensure_ascii=False, indent=1)}"


@pytest.mark.parametrize("name", names("error"))
def test_no_article(name):
    with pytest.raises(PageError) as caught:
        parse_article(recorded(name))
    assert caught.value.reason == expected(name)["error"]


@pytest.mark.parametrize("name", names("listing"))
def test_listing(name):
    listing = parse_listing(recorded(name))
    read = {
        "entries": [{"url": entry.address.url, "title": entry.title} for entry in listing.entries],
        "next": listing.next.url if listing.next else None,
        "columns": [column.url for column in listing.columns],
    }
    assert read == expected(name)


@pytest.mark.parametrize("name", names("feed"))
def test_feed(name):
    read = [
        {"url": entry.address.url, "title": entry.title, "published_at": plain(entry.published_at)}
        for entry in parse_feed(recorded(name)).entries
    ]
    assert read == expected(name)["feed"]


@pytest.mark.parametrize("name", names("sitemap"))
def test_sitemap(name):
    sitemap = parse_sitemap(recorded(name))
    read = [{"url": entry.address.url, "modified_at": plain(entry.modified_at)} for entry in sitemap.entries]
    assert {"sitemap": read, "children": [child.url for child in sitemap.children]} == expected(name)


def test_every_kind_is_there():
    assert len(names("article")) >= 25
    assert names("listing")
    assert names("feed")
    assert names("sitemap")
    assert names("error")
