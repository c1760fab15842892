from datetime import date
from urllib.parse import quote

import pytest

from rfi_news.site.addresses import HOST, Kind, canonical, parse


def encoded(path: str) -> str:
    return HOST + quote(path, safe="/-_.~")


STORY = encoded("/cn/中国/20231109-中美加温-解振华与克里谈好了")


@pytest.mark.parametrize(
    "form",
    [
        STORY,
        "https://www.rfi.fr/cn/中国/20231109-中美加温-解振华与克里谈好了",
        STORY.replace("https://www.", "http://"),
        STORY.replace("https://www.rfi.fr/cn", "http://www.rfi.fr//cn"),
        STORY.replace("%E4", "%e4"),
        STORY + "/",
        STORY + "?utm_source=x&ref=tw_i",
        STORY + "#pager",
        STORY.replace("https:", ""),
        STORY.removeprefix(HOST),
        f"  {STORY}\n",
        STORY.replace("rfi.fr/", "rfi.fr:443/"),
    ],
)
def test_one_story_has_one_address(form):
    assert canonical(form) == STORY


@pytest.mark.parametrize(
    ("path", "kind", "section", "column", "day"),
    [
        ("/cn/中国/20231109-中美加温", Kind.ARTICLE, "中国", None, date(2023, 11, 9)),
        ("/cn/专栏检索/要闻解说/20231109-拜习会-在即", Kind.ARTICLE, "专栏检索", "要闻解说", date(2023, 11, 9)),
        ("/cn/20181025-ancien-article", Kind.ARTICLE, None, None, date(2018, 10, 25)),
        ("/cn/首页/20210501-头条", Kind.ARTICLE, "首页", None, date(2021, 5, 1)),
        ("/cn/以色列踩踏事故-官方仅允1万人", Kind.ARTICLE, None, None, None),
        ("/cn/中国/20239999-不是日期", Kind.ARTICLE, "中国", None, None),
        ("/cn/", Kind.LISTING, None, None, None),
        ("/cn", Kind.LISTING, None, None, None),
        ("/cn/中国/", Kind.LISTING, "中国", None, None),
        ("/cn/中国", Kind.LISTING, "中国", None, None),
        ("/cn/专栏检索/", Kind.COLUMNS, "专栏检索", None, None),
        ("/cn/专栏检索/要闻解说/", Kind.LISTING, "专栏检索", "要闻解说", None),
        ("/cn/关键词/中国/", Kind.LISTING, "关键词", None, None),
        ("/cn/关键词/中国", Kind.LISTING, "关键词", None, None),
        ("/cn/作者/林兰/", Kind.LISTING, "作者", None, None),
        ("/cn/档案资料库/2021/05/01--", Kind.ARCHIVE, "档案资料库", None, date(2021, 5, 1)),
        ("/cn/rss", Kind.FEED, None, None, None),
        ("/cn/中国/rss", Kind.FEED, "中国", None, None),
        ("/sitemaps/cn/news.xml", Kind.SITEMAP, None, None, None),
        ("/cn/直播", Kind.OTHER, None, None, None),
        ("/robots.txt", Kind.OTHER, None, None, None),
        ("/tw/關鍵詞/中國/", Kind.LISTING, "關鍵詞", None, None),
    ],
)
def test_grammar(path, kind, section, column, day):
    address = parse(HOST + path)
    assert address is not None
    assert (address.kind, address.section, address.column, address.day) == (kind, section, column, day)


@pytest.mark.parametrize(
    "href",
    [
        "", "#_edn1", "javascript:alert(1)", "mailto:a@b.fr", "data:text/html,x", "https://www.france24.com/cn/x",
        "https://www.rfi.fr.evil.example/cn/x", "https://evil.example/?u=https://www.rfi.fr/cn/", "http://[", "今天 天气",
        "https://www.rfi.fr:8080/cn/x", "http://www.rfi.fr:port/cn/x", "https://user@evil.example/cn/中国/",
    ],
)  # fmt: skip
def test_foreign(href):
    assert parse(href) is None
    if not href.startswith("#"):
        with pytest.raises(ValueError, match="no address"):
            canonical(href)


def test_pages_of_a_listing():
    first = parse("/cn/中国/")
    second = parse("/cn/中国/2/#pager")
    assert first
    assert second
    assert (second.kind, second.page) == (Kind.LISTING, 2)
    assert first.on_page(2) == second
    assert second.on_page(1) == first
    assert second.on_page(3).url == encoded("/cn/中国/3/")
    assert parse("/cn/中国/1/") == first


def test_a_tag_that_is_a_number_is_no_page():
    tag, second = parse("/cn/关键词/2024/"), parse("/cn/关键词/2024/2/")
    assert tag
    assert (tag.page, second.page) == (1, 2)
    assert tag.on_page(2) == second


def test_origin_never_becomes_identity():
    mirror = "http://127.0.0.1:8900"
    address = parse(f"{mirror}/cn/中国/20231109-a", origin=mirror)
    assert address
    assert address.url == encoded("/cn/中国/20231109-a")
    assert address.at(mirror) == mirror + quote("/cn/中国/20231109-a")
    assert parse(f"{mirror}/cn/中国/20231109-a") is None


def test_bytes_that_are_no_utf8_stay_what_they_are():
    assert canonical("https://www.rfi.fr/cn/%D6%D0%B9%FA/20231109-a") == "https://www.rfi.fr/cn/%D6%D0%B9%FA/20231109-a"


def test_long_slug():
    path = "/cn/专栏检索/法国报纸摘要/20240101-" + "长" * 50
    assert len(canonical(HOST + path)) == len(encoded(path)) > 500
