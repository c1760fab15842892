"""Pages that mean harm, or are broken: a named reason or a clean article, never a surprise."""

import re

import lxml.html
import pytest
from scrapy.http import HtmlResponse, Response

from rfi_news.exceptions import PageError
from rfi_news.markup import ATTRIBUTES, TAGS
from rfi_news.site.article import parse_article
from tests.conftest import names, recorded, story_page

URL = "https://www.rfi.fr/cn/%E4%B8%AD%E5%9B%BD/20240305-a"
PATH = "/cn/中国/20240305-a"


def page(body: bytes, **headers: str) -> HtmlResponse:
    return HtmlResponse(URL, body=body, headers={"Content-Type": "text/html; charset=UTF-8"} | headers)


def assert_inert(html: str) -> None:
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    for node in root.iterdescendants():
        assert node.tag in TAGS, html
        assert set(node.attrib) <= ATTRIBUTES.get(node.tag, set()), html
        for name in ("href", "src"):
            assert re.match(r"https?://|mailto:", node.get(name, "https://")), html


ATTACKS = [
    "<script>alert(1)</script><p>正文</p>",
    '<p onclick="alert(1)">正文</p><img src=x onerror=alert(1)>',
    '<p><a href="javascript:alert(1)">正文</a><a href=" JaVaScRiPt:alert(1)">二</a></p>',
    '<p><a href="https://x.example/&quot; onmouseover=&quot;alert(1)">正文</a></p>',
    "<svg><script>alert(1)</script><a xlink:href='javascript:1'>x</a></svg><p>正文</p>",
    '<iframe src="javascript:alert(1)"></iframe><iframe srcdoc="<script>alert(1)</script>"></iframe><p>正文</p>',
    '<figure><img src="https://s.rfi.fr/a.jpg" alt="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"></figure><p>正文</p>',
    '<video-player video-type="videojs" source="javascript:alert(1)" title="<script>"></video-player><p>正文</p>',
    '<div class="m-em-audio"><script type="application/json" data-media-id="x">{"sources":[{"url":"javascript:alert(1)"}]}</script></div><p>正文</p>',
    '<div data-diaporama="x"><diaporama-container inlined-images-data=\'[{"urls":{"1":"javascript:1"}},3,{"urls":null}]\'></diaporama-container></div><p>正文</p>',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'></mglyph></table></mtext></math><p>正文</p>",
    "<p>正文<!--[if IE]><script>alert(1)</script><![endif]--></p>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript><p>正文</p>",
    '<p style="background:url(javascript:1)">正文</p><style>*{}</style><base href="//evil.example"><form action=x><input></form>',
]


@pytest.mark.parametrize("body", ATTACKS)
def test_nothing_runs(body):
    article = parse_article(page(story_page("标题", PATH, body)))
    assert_inert(article.body_html)
    assert "正文" in article.text
    assert "alert" not in article.text


@pytest.mark.parametrize("name", names("article"))
def test_every_recorded_body_is_inert(name):
    assert_inert(parse_article(recorded(name)).body_html)


def test_script_in_a_headline():
    escaped = parse_article(page(story_page("&lt;script&gt;alert(1)&lt;/script&gt; 来了", PATH)))
    assert escaped.title == "<script>alert(1)</script> 来了"  # what the site prints; escaping is for who shows it
    real = parse_article(page(story_page("来了<script>alert(1)</script>", PATH)))
    assert real.title == "来了"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (page(b""), "empty"),
        (page(b" \n "), "empty"),
        (Response(URL, body=b"\x89PNG\r\n\x1a\n\0\0", headers={"Content-Type": "image/png"}), "not_html"),
        (page(b"\x89PNG\r\n\x1a\n\0\0" + bytes(range(256)) * 10), "not_html"),
        (page(b'{"error": 1}'), "not_html"),
        (page(story_page("标题", PATH)[:-200]), "truncated"),
        (page(b"<!DOCTYPE html><html><head>"), "truncated"),
        (page(story_page("标题" * 200, PATH, "<p>正文</p>" * 50).decode().encode("gb18030")), "charset"),
        (page(b"<html><body><p>Incapsula incident</p></body></html>"), "no_title"),
        (page(story_page("标题", PATH).replace(b"t-content__body", b"t-content__corps")), "no_body"),
        (page(re.sub(rb"<p class=.m-pub-dates.*?</p>", b"", story_page("标题", PATH))), "no_time"),
        (page(story_page("", PATH)), "no_title"),
        (HtmlResponse("https://www.rfi.fr/cn/", body=story_page("标题", "/cn/")), "no_story_address"),
        (page(b"<" * 100_000 + b"</html>"), "no_title"),
    ],
)
def test_broken_pages_have_a_reason(response, reason):
    with pytest.raises(PageError) as caught:
        parse_article(response)
    assert caught.value.reason == reason
    assert caught.value.url == response.url


@pytest.mark.parametrize("declared", ["iso-8859-1", "gb2312", "utf-16", "nonsense"])
def test_utf8_under_another_name(declared):
    article = parse_article(page(story_page("标题", PATH), **{"Content-Type": f"text/html; charset={declared}"}))
    assert article.title == "标题"


def test_another_charset_truly_declared():
    body = story_page("标题", PATH).decode().replace("UTF-8", "gb18030").encode("gb18030")
    assert parse_article(page(body, **{"Content-Type": "text/html; charset=gb18030"})).title == "标题"


def test_five_megabytes():
    article = parse_article(page(story_page("标题", PATH, "<p>正文一句。</p>" * 250_000)))
    assert article.text.count("\n") == 249_999


@pytest.mark.parametrize("depth", [50, 200])
@pytest.mark.parametrize("tag", ["div", "span", "blockquote", "ul", "strong", "table"])
def test_depth(tag, depth):
    inner = f"<{tag}>" * depth + "正文" + f"</{tag}>" * depth
    article = parse_article(page(story_page("标题", PATH, inner)))
    assert_inert(article.body_html)
    assert "正文" in article.text


@pytest.mark.parametrize("tag", ["div", "span", "blockquote", "ul", "strong", "table"])
def test_depth_beyond_the_parser(tag):
    article = parse_article(page(story_page("标题", PATH, f"<p>正文</p>{f'<{tag}>' * 5000}深")))
    assert_inert(article.body_html)
    assert "正文" in article.text


@pytest.mark.parametrize(
    ("body", "html", "text"),
    [
        (
            "<p>甲<strong>乙</strong>\n<em>丙</em>丁<br>戊</p>",
            "<p>甲<strong>乙</strong> <em>丙</em>丁<br>戊</p>",
            "甲乙 丙丁\n戊",
        ),
        (
            "<ul>头<li><b>一</b></li>中<li class='m-block-ad'>广告</li></ul>",
            "<ul><li>头</li><li><strong>一</strong></li><li>中</li></ul>",
            "头\n一\n中",
        ),
        (
            "<table><tr><td><b>国</b></td></tr></table>",
            "<table><tbody><tr><td><strong>国</strong></td></tr></tbody></table>",
            "国",
        ),
        (
            "<strong><p>粗体的一整段，后面还有普通的话。</p></strong><p>普通</p>",
            "<h2>粗体的一整段，后面还有普通的话。</h2>\n<p>普通</p>",
            None,
        ),
        ('<a href="https://x.example/"><div>文</div></a>', '<p><a href="https://x.example/">文</a></p>', "文"),
        ('<div id="em-7" class="m-em-quote"><p>引语</p></div>', "<blockquote><p>引语</p></blockquote>", "引语"),
    ],
)
def test_structure(body, html, text):
    article = parse_article(page(story_page("标题", PATH, body)))
    assert article.body_html == html
    assert text is None or article.text == text


def test_time_is_linear_in_a_srcset():
    for srcset in ("a" + " " * 500_000, "a " * 300_000, "1w " * 300_000, "a 1w," * 200_000):
        body = f'<p>正文</p><img src="https://s.rfi.fr/a.jpg" srcset="{srcset}">'
        assert parse_article(page(story_page("标题", PATH, body))).images[0].url == "https://s.rfi.fr/a.jpg"


def test_absurd_values_cost_their_field_alone():
    ld = '<script type="application/ld+json">{"@type":"NewsArticle","audio":{"contentUrl":"https://x.example/a.mp3","duration":"PT%sS"}}</script>'
    article = parse_article(page(story_page("标题", PATH, head=ld % ("9" * 5000))))
    assert article.audio[0].duration is None
    late = story_page("标题", PATH).replace(
        b'datetime="2024-03-05T10:00:00+00:00"', b'datetime="9999-12-31T23:30:00+00:00"'
    )
    assert parse_article(page(late)).published_at.isoformat() == "2024-03-05T10:00:00+00:00"  # the displayed one
    sound = '<p>正文</p><div class="m-em-audio"><script type="application/json">{"sources":[{"url":"https://x.example/\\ud800.mp3"}]}</script></div>'
    assert parse_article(page(story_page("标题", PATH, sound))).audio == []
    assert "\x1b" not in parse_article(page(story_page("a\x1b[2Jb", PATH))).title


def test_a_counting_pixel_is_no_picture():
    pixel = '<p>正文</p><img src="https://counter.example/p.gif" width="1" height="1"><img src="//counter.example/q.gif" height="0">'
    article = parse_article(page(story_page("标题", PATH, pixel)))
    assert article.images == []
    assert "counter" not in article.body_html


def test_json_ld_of_every_wrong_kind():
    for text in (
        "[" * 5000,
        "{",
        "null",
        '[1, null, "x"]',
        '{"@graph": 3}',
        '{"@type": ["NewsArticle"], "author": 7, "keywords": {}, "audio": "x", "headline": []}',
    ):
        head = f'<script type="application/ld+json">{text}</script>'
        assert parse_article(page(story_page("标题", PATH, head=head))).title == "标题"


def test_the_page_is_left_as_it_was():
    response = recorded("rich-blocks")
    assert parse_article(response) == parse_article(response)


def test_a_foreign_canonical_link_is_not_believed():
    body = story_page("标题", PATH).replace(b'href="https://www.rfi.fr/', b'href="https://evil.example/')
    assert parse_article(page(body)).url == URL
