"""Records of feedx.net against their hand-checked results."""

import json
from dataclasses import asdict

import pytest

from rfi_news.exceptions import PageError
from rfi_news.feeds import feedx as writer
from rfi_news.feeds.story import Story
from rfi_news.site import feedx
from rfi_news.site.article import parse_article
from tests.conftest import ROOT, names, recorded

FEEDX = ROOT / "fixtures" / "feedx"
NAMES = sorted(path.stem for path in FEEDX.glob("*.txt"))


def text_of(name):
    return (FEEDX / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_record(name):
    article = asdict(feedx.parse_record(feedx.read_record(text_of(name))))
    truth = json.loads((FEEDX / f"{name}.expected.json").read_text(encoding="utf-8"))
    read = json.loads(json.dumps(article, default=lambda moment: moment.isoformat()))
    wrong = {field: {"read": read[field], "true": truth[field]} for field in truth if read[field] != truth[field]}
    assert not wrong, f"{name}: {json.dumps(wrong, ensure_ascii=False, indent=1)}"


def test_what_is_written_reads_back_equal():
    article = feedx.parse_record(feedx.read_record(text_of("column")))
    text = writer.write(Story(id=article.url, article=article), promotion='<a href="https://example.org/">我们</a>')
    assert text.splitlines()[1].endswith(text_of("column").splitlines()[1].rpartition("]")[2])
    assert len(text.splitlines()) == 6
    assert "example.org" in text
    assert feedx.parse_record(feedx.read_record(text)) == article


# One time comes twice that night, and a sound that only JSON-LD tells of has no place in the text.
@pytest.mark.parametrize("name", sorted({*names("article")} - {"dst-autumn", "jsonld-audio"}))
def test_every_kind_of_story_survives_the_way_there_and_back(name):
    """What the form carries: not kicker, tags, seconds, translations, a lead picture's legend, a lead video."""
    article = parse_article(recorded(name))
    article.fetched_at = article.published_at
    back = feedx.parse_record(feedx.read_record(writer.write(Story(id=article.url, article=article))))
    for field in ("url", "title", "section", "column", "lead", "text", "body_html", "authors", "audio", "related"):
        assert getattr(back, field) == getattr(article, field), field
    assert back.published_at == article.published_at.replace(second=0, microsecond=0)
    inside = [image for image in article.images if not image.is_lead]
    assert [image for image in back.images if not image.is_lead] == inside


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("<p>页面</p>", "not_feedx"),
        ("[题](https://www.rfi.fr/cn/中国/20240309-题)\n没有横线\n<p>x</p>", "not_feedx"),
        ("<!--99999999999999999-->\n[题](https://www.rfi.fr/cn/中国/20240309-题)\n------\n\n<div>x</div>", "not_feedx"),
        ("[题](https://example.org/x)\n------\n\n<div>08/03/2024 - 09:43</div>", "no_story_address"),
        ("[题](https://www.rfi.fr/cn/中国/20240309-题)\n------\n\n", "empty"),
        ("[题](https://www.rfi.fr/cn/中国/20240309-题)\n------\n\n<div>正文</div>", "no_time"),
        ("[题](https://www.rfi.fr/cn/中国/20240309-题)\n------\n\n<div>08/03/2024 - 09:43</div><p>导语</p>", "no_body"),
        (
            "[](https://www.rfi.fr/cn/中国/20240309-题)\n------\n\n<div>08/03/2024 - 09:43</div><div><p>x</p></div>",
            "no_title",
        ),
        (
            "[题](https://www.rfi.fr/cn/中国/20240309-题)\n------\n\n<div>08/03/2024 - 09:43</div><div>获取更多RSS：</div>",
            "no_body",
        ),
    ],
)
def test_what_is_no_record(text, reason):
    with pytest.raises(PageError) as caught:
        feedx.parse_record(feedx.read_record(text))
    assert caught.value.reason == reason
