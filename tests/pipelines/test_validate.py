import logging
from dataclasses import replace

import pytest
from scrapy.exceptions import DropItem
from scrapy.utils.test import get_crawler

from rfi_news.extensions.log_lines import LogLines
from rfi_news.items import Author
from rfi_news.pipelines.validate import ValidatePipeline
from rfi_news.site.article import parse_article
from tests.conftest import recorded
from tests.store.test_store import NOW


class Stats(dict):
    def inc_value(self, key, count=1):
        self[key] = self.get(key, 0) + count


@pytest.fixture
def article():
    found = parse_article(recorded("section-article"))
    found.fetched_at = NOW
    return found


def test_a_valid_article_passes(article):
    stats = Stats()
    assert ValidatePipeline(stats).process_item(article) is article
    assert stats == {}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"title": ""}, ["title"]),
        ({"published_at": None, "fetched_at": None}, ["published_at", "fetched_at"]),
        ({"published_at": NOW.replace(tzinfo=None)}, ["published_at"]),
        ({"authors": [Author(name="")]}, ["authors"]),
        ({"char_count": -1, "tags": [None]}, ["char_count", "tags"]),
        ({"url": 7}, ["url"]),
    ],
)
def test_an_invalid_one_is_kept_out_and_counted_by_field(article, change, fields):
    stats = Stats()
    broken = replace(article, **change)
    with pytest.raises(DropItem) as caught:
        ValidatePipeline(stats).process_item(broken)
    assert stats == {f"failed/article/invalid_{field}": 1 for field in fields} | {"articles/unread": 1}
    assert all(field in str(caught.value) for field in fields)

    line = LogLines.from_crawler(get_crawler()).dropped(broken, caught.value, None, None)
    said = line["msg"] % line["args"]
    assert line["level"] == logging.WARNING
    assert "\n" not in said
    assert article.text[:10] not in said


def test_other_items_are_none_of_its_business():
    assert ValidatePipeline(Stats()).process_item({"any": "thing"}) == {"any": "thing"}
