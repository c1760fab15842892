"""What makes an edition: a few lines of data."""

from scrapy.utils.test import get_crawler

from rfi_news.site.addresses import parse
from rfi_news.site.editions import TW
from rfi_news.spiders.edition import EditionSpider


class RfiTwSpider(EditionSpider):
    name = "rfi_tw"
    edition = TW


async def test_another_edition_is_data():
    spider = RfiTwSpider.from_crawler(get_crawler(RfiTwSpider), topics="港澳台")
    (request,) = [request async for request in spider.start()]
    assert request.cb_kwargs["address"].path == "/tw/港澳台/"
    everything = RfiTwSpider.from_crawler(get_crawler(RfiTwSpider))
    paths = [request.cb_kwargs["address"].path async for request in everything.start()]
    assert paths[:2] == ["/tw/", "/tw/中國/"]
    assert len(paths) == 1 + len(TW.sections)


async def test_topic_pages_before_articles_and_fresh_before_old():
    spider = RfiTwSpider.from_crawler(get_crawler(RfiTwSpider))
    listing = spider.listing_request(parse("/tw/中國/90/"))
    new = spider.article_request(parse("/tw/中國/20240305-a"), 0)
    old = spider.article_request(parse("/tw/中國/20180305-a"), 0)
    undated = spider.article_request(parse("/tw/undated-slug"), 0)
    assert listing.priority > new.priority > old.priority > undated.priority
