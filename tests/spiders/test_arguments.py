from datetime import date

import pytest

from rfi_news.site.editions import CN, Edition
from rfi_news.spiders.arguments import ALL_HOPS, ArgumentError, Arguments, topic_paths


def read(**given):
    return Arguments.read(given, CN)


def test_defaults():
    args = read()
    assert (args.topics, args.since, args.until, args.related, args.limit, args.refresh) == (
        (),
        None,
        None,
        1,
        None,
        False,
    )
    assert args.origin == "https://www.rfi.fr"
    assert args.given() == {}


def test_as_the_command_line_gives_them():
    args = read(
        since="2023-11-09",
        until="2023-11-10",
        related="all",
        limit="5",
        refresh="1",
        origin="http://127.0.0.1:8900/",
        _job="7",
    )
    assert (args.since, args.until) == (date(2023, 11, 9), date(2023, 11, 10))
    assert (args.related, args.limit, args.refresh, args.job) == (ALL_HOPS, 5, True, "7")
    assert args.origin == "http://127.0.0.1:8900"
    assert args.given()["since"] == "2023-11-09"


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ("中国", ["/cn/中国/"]),
        ("要闻解说", ["/cn/专栏检索/要闻解说/"]),
        ("专栏检索/要闻解说", ["/cn/专栏检索/要闻解说/"]),
        ("中国， 国际/、专栏检索", ["/cn/中国/", "/cn/国际/", "/cn/专栏检索/"]),
        ("/cn/关键词/中国/", ["/cn/关键词/中国/"]),
        ("https://www.rfi.fr/cn/%E4%BD%9C%E8%80%85/%E6%9E%97%E5%85%B0/", ["/cn/作者/林兰/"]),
        ("/cn/新栏目/", ["/cn/新栏目/"]),
    ],
)
def test_topics(given, paths):
    assert [topic.path for topic in read(topics=given).topics] == paths


@pytest.mark.parametrize("given", ["火星", "/fr/monde/", "/cn/中国/20231109-一篇文章", "https://evil.example/cn/中国/"])
def test_no_such_topic(given):
    with pytest.raises(ArgumentError, match="Known: 中国、国际"):
        read(topics=given)


@pytest.mark.parametrize(
    "given",
    [
        {"since": "2023-2-1"}, {"since": "2999-01-01"}, {"topics": " , "}, {"origin": "http://x:port"}, {"since": "2023-02-30"}, {"until": "1699000000"}, {"limit": "0"}, {"limit": "-1"}, {"limit": "x"},
        {"related": "-1"}, {"related": "some"}, {"refresh": "perhaps"}, {"origin": "ftp://x"}, {"origin": "http://x/cn"}, {"origin": ""},
        {"since": "2023-11-09", "until": "2023-11-08"}, {"sources": "archive"}, {"sources": ""}, {"force": "perhaps"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_refused_in_one_line_that_names_it(given):
    with pytest.raises(ArgumentError) as caught:
        read(**given)
    message = str(caught.value)
    assert "\n" not in message
    for name, value in given.items():
        assert name in message
        assert value in message


def test_every_argument_says_what_it_accepts():
    assert all(field.description for field in Arguments.model_fields.values())


def test_an_edition_without_columns_has_topics():
    assert topic_paths(Edition(code="tw", sections=("中國",))) == ["中國"]
