"""What makes an edition: a few lines of data."""

import pytest
from scrapy.utils.test import get_crawler

from rfi_news.site.addresses import parse
from rfi_news.site.editions import TW
from rfi_news.spiders.edition import EditionSpider


class RfiTwSpider(EditionSpider):
    name = "rfi_tw"
    edition = TW


async def test_another_edition_is_data():
    crawler = get_crawler(RfiTwSpider)
    spider = RfiTwSpider.from_crawler(crawler, topics="港澳台", sources="topics")
    (request,) = [request async for request in spider.start()]
    assert request.cb_kwargs["address"].path == "/tw/港澳台/"
    everything = RfiTwSpider.from_crawler(crawler, sources="topics")
    paths = [request.cb_kwargs["address"].path async for request in everything.start()]
    assert paths[:2] == ["/tw/", "/tw/中國/"]
    assert len(paths) == 1 + len(TW.sections)


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({}, ["/tw/rss"]),
        ({"topics": "港澳台"}, ["/tw/港澳台/rss"]),
        ({"topics": "港澳台", "sources": "rss"}, ["/tw/港澳台/rss"]),
        ({"topics": "港澳台", "since": "2024-03-01"}, ["/tw/港澳台/"]),
        ({"sources": "sitemap"}, ["/sitemaps/tw/news.xml", "/sitemaps/tw/index.xml"]),
        (
            {"sources": "archive", "since": "2024-02-28", "until": "2024-03-01"},
            ["/tw/archives/2024/03/01--", "/tw/archives/2024/02/29--", "/tw/archives/2024/02/28--"],
        ),
    ],
)
async def test_where_it_begins(given, paths):
    spider = RfiTwSpider.from_crawler(get_crawler(RfiTwSpider), **given)
    assert [request.cb_kwargs["address"].path async for request in spider.start()] == paths


async def test_topic_pages_before_articles_and_fresh_before_old():
    spider = RfiTwSpider.from_crawler(get_crawler(RfiTwSpider))
    listing = spider.listing_request(parse("/tw/中國/90/"))
    new = spider.article_request(parse("/tw/中國/20240305-a"), 0)
    old = spider.article_request(parse("/tw/中國/20180305-a"), 0)
    undated = spider.article_request(parse("/tw/undated-slug"), 0)
    assert listing.priority > new.priority > old.priority > undated.priority
