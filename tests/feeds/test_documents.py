"""Feed documents against their schemas and a reader's parser; a story with every nasty character survives."""

import json
import warnings
from datetime import UTC, datetime, timedelta

import feedparser
import jsonschema
import pytest
from lxml import etree

from rfi_news.feeds import feedx, json_feed, markdown
from rfi_news.feeds.channel import Channel, Links, pages
from rfi_news.feeds.figures import inner_html, inner_xhtml, local
from rfi_news.feeds.story import Story
from rfi_news.feeds.syndication import Syndication
from rfi_news.items import Audio, Author, Image, Related, Revision
from tests import invented
from tests.conftest import ROOT

SCHEMAS = ROOT / "tests" / "schemas"
CHANNEL = Channel(title=f"栏目{invented.NASTY}", description="说明", link="https://www.rfi.fr/cn/")


def valid(data: bytes, suffix: str) -> None:
    if suffix == "json":
        jsonschema.Draft202012Validator(json.loads((SCHEMAS / "json-feed.json").read_text())).validate(json.loads(data))
        return
    schema = etree.RelaxNG(etree.parse(SCHEMAS / f"{suffix}.rng"))
    assert schema.validate(etree.fromstring(data)), schema.error_log


def document(stories, suffix, links=Links()) -> bytes:  # noqa: B008 — a constant
    if suffix == "json":
        return json_feed.write(CHANNEL, stories, links)
    return Syndication().write(CHANNEL, stories, links, suffix)


def nasty() -> Story:
    bad = invented.NASTY
    return invented.story(
        1,
        title=f"标题{bad}",
        kicker=f"眉题{bad}",
        lead=f"导语{bad}",
        text=f"正文{bad}",
        body_html='<p onclick="x()">正文\x00\x0b<script>alert(1)</script><a href="javascript:x()">a</a><img src="/a.jpg" onerror="x()"><p>未完<b>',
        authors=[Author(name=f"名字{bad}"), Author(name="二", url="https://www.rfi.fr/cn/x/")],
        tags=[f"标签{bad}", "水务/春汛", "重", "重"],
        images=[Image(url='https://s.rfi.fr/a"b.jpg', caption=f"图{bad}", credit=f"© {bad}", is_lead=True)],
        audio=[
            Audio(url="https://aod-rfi.akamaized.net/a.mp3", title=f"声{bad}", duration=65),
            Audio(url="https://aod-rfi.akamaized.net/b.m4a"),
        ],
        related=[Related(url=invented.url_of(2), title=f"另一篇{bad}", kicker=bad)],
    )


@pytest.mark.parametrize("suffix", ["rss", "atom", "json"])
def test_a_story_with_every_nasty_character_survives(suffix):
    data = document([nasty(), invented.story(2)], suffix)
    valid(data, suffix)
    text = data.decode()
    assert not any(char in text for char in "\x00\x08\x0b\ufffe\u202e\u2066")
    assert "\\u202e" not in text
    if suffix == "json":
        item = json.loads(data)["items"][0]
        title, content, names = item["title"], item["content_html"], [author["name"] for author in item["authors"]]
        assert item["attachments"][0]["duration_in_seconds"] == 65
        assert item["image"].endswith("b.jpg")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            read = feedparser.parse(data)
        assert not read.bozo, read.get("bozo_exception")
        entry = read.entries[0]
        content = entry.content[0].value
        title = etree.fromstring(data).findtext(".//item/title" if suffix == "rss" else ".//{*}entry/{*}title")
        names = [author.name for author in entry.authors]
        assert entry.id == invented.story(1).id
        assert next((part.href, part.type) for part in entry.enclosures) == (
            "https://aod-rfi.akamaized.net/a.mp3",
            "audio/mpeg",
        )
        assert entry.media_content[0]["url"].endswith("b.jpg")
        assert entry.media_credit[0]["content"].startswith("©")
        assert next(tag.term for tag in entry.tags).startswith("眉题")
    assert title == "标题<b>\"&']]></b>😀", "text, as it was"
    assert "名字" in names[0]
    for mark in ("<script", "onclick=", "onerror=", '"javascript:'):
        assert mark not in content
    assert "https://www.rfi.fr/a.jpg" in content, "addresses are absolute"
    assert "未完" in content


def test_a_revision_changes_updated_and_not_the_guid():
    before = invented.story(1)
    after = invented.story(1, title="改过的标题", url=invented.url_of(77))
    after.id = before.id
    after.revisions = [Revision(number=1, seen_at=datetime(2024, 3, 9, tzinfo=UTC), size="wording")]
    for suffix in ("rss", "atom"):
        old, new = (feedparser.parse(document([story], suffix)).entries[0] for story in (before, after))
        assert old.id == new.id
        assert new.link == after.article.url
        assert new.updated.startswith("2024-03-09")
        assert old.published == new.published


def test_documents_are_cut_from_the_oldest_so_that_archives_stay():
    stories = [invented.story(number) for number in range(1, 121)][::-1]
    cut = {page.number: [story.id for story in part] for page, part in pages(stories)}
    later = {page.number: [story.id for story in part] for page, part in pages([invented.story(121), *stories])}
    assert list(cut) == [None, 1, 2]
    assert len(cut[None]) == 50
    assert cut[1] == later[1]
    assert cut[2] == later[2]
    assert {id_ for part in cut.values() for id_ in part} == {story.id for story in stories}
    (page,) = [page for page, _ in pages(stories[:3])]
    assert (page.earlier, page.later) == (None, None)


def test_where_a_document_stands():
    links = Links(
        own="https://a.org/1.rss",
        current="https://a.org/all.rss",
        earlier="https://a.org/0.rss",
        later="https://a.org/2.rss",
        hub="https://hub.org/",
    )
    for suffix in ("rss", "atom"):
        data = document([invented.story(1)], suffix, links)
        valid(data, suffix)
        root = etree.fromstring(data)
        held = {link.get("rel"): link.get("href") for link in root.iter("{http://www.w3.org/2005/Atom}link")}
        assert held["prev-archive"] == links.earlier
        assert held["next-archive"] == links.later
        assert held["current"] == links.current
        assert held["self"] == links.own
        assert held["hub"] == links.hub
        assert root.find(".//{http://purl.org/syndication/history/1.0}archive") is not None
    data = json.loads(document([invented.story(1)], "json", links))
    assert (data["feed_url"], data["next_url"]) == (links.own, links.earlier)
    assert data["hubs"][0]["url"] == links.hub


def test_a_document_is_the_same_whenever_it_is_written():
    stories = [invented.story(number) for number in range(3)]
    for suffix in ("rss", "atom", "json"):
        assert document(stories, suffix) == document(stories, suffix)
        newest = max(story.updated_at for story in stories)
        if suffix == "atom":
            assert newest.isoformat() in document(stories, suffix).decode()


def test_markdown():
    story = nasty()
    text = markdown.write(story)
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    known = dict(line.split(": ", 1) for line in head.splitlines())
    assert json.loads(known["title"]) == "标题<b>\"&']]></b>😀"
    assert json.loads(known["date"]) == story.published_at.isoformat()
    assert "\\<b\\>" in body, "text does not become markup"
    assert "<script" not in body
    assert "javascript" not in body
    assert f"](<{invented.url_of(2)}>)" in body
    plain = markdown.write(invented.story(3))
    assert "第3号公告的正文，一共两段。" in plain


def test_a_feedx_record_keeps_to_its_lines():
    text = feedx.write(nasty())
    assert len(text.rstrip().splitlines()) == 5
    assert "<script>alert" not in text


def test_pictures_are_links_unless_they_are_at_hand():
    html = '<figure><img src="https://s.rfi.fr/a.jpg" alt="图"><figcaption>说明</figcaption></figure><p>a<img src="https://s.rfi.fr/b.jpg">b</p>'
    linked = inner_html(local(html, {}))
    assert "<img" not in linked
    assert '<a href="https://s.rfi.fr/a.jpg">图片：图</a>' in linked
    assert ">图片</a>b" in linked
    shown = inner_xhtml(local(html, {"https://s.rfi.fr/a.jpg": "p/a.jpg"}))
    assert '<img src="p/a.jpg" alt="图"/>' in shown
    assert inner_html(local("", {})) == ""


def test_updated_is_never_before_publication():
    story = invented.story(1, modified_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert story.updated_at == story.published_at
    later = story.published_at + timedelta(hours=1)
    assert invented.story(1, modified_at=later).updated_at == later


@pytest.mark.parametrize("suffix", ["rss", "atom", "json"])
def test_addresses_that_are_none_are_left_out(suffix):
    """Of a document written by others."""
    bad = "javascript:alert(1)//https://x.fr"
    story = invented.story(
        1,
        title="\u202e\u2066",
        body_html='<p>&#xffff;&#x202e;<a href="http://u\u2100@rfi.fr/">a</a></p>',
        authors=[Author(name="名", url=bad)],
        images=[Image(url=bad, is_lead=True), Image(url="https://x.fr/\uffff.jpg")],
        audio=[Audio(url=bad), Audio(url="https://x.fr/\x0b.mp3")],
        related=[Related(url=bad, title="题")],
    )
    data = document([story], suffix)
    valid(data, suffix)
    assert b"javascript" not in data
    assert "\uffff" not in data.decode()
    assert story.title == story.article.url
    assert "javascript" not in markdown.write(story) + feedx.write(story)
    assert "<a>a</a>" in inner_html(local(story.body, {}))
    with pytest.raises(ValueError, match="no web address"):
        invented.story(1, url=bad)


def test_sound_is_no_second_page_of_a_story():
    root = etree.fromstring(document([nasty()], "atom"))
    links = root.find("{*}entry").findall("{http://www.w3.org/2005/Atom}link")
    assert [link.get("rel") for link in links] == [None, "enclosure", "enclosure"]


def test_a_body_too_deep_for_markdown_keeps_its_text():
    deep = invented.story(1, body_html="<blockquote>" * 500 + "深处" + "</blockquote>" * 500, text="深处的字")
    assert "深处" in markdown.write(deep)
