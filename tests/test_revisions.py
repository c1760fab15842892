import pytest

from rfi_news.revisions import compare, parts_of, size_of

BEFORE = {
    "title": "渡轮改在清晨五点",
    "kicker": None,
    "lead": "导语。",
    "text": "第一段。\n第二段说的是港口。\n第三段说的是渡轮。",
    "authors": [{"name": "林溪", "url": None, "role": "作者"}],
    "images": [{"url": "https://s.rfi.fr/a.jpg", "caption": "渡轮", "credit": "© 法新社", "is_lead": True}],
    "tags": ["港口"],
    "related": [],
    "body_html": "<p>…</p>",
    "content_hash": "0",
}


def test_the_same_is_no_revision():
    assert compare(BEFORE, dict(BEFORE)) is None


@pytest.mark.parametrize(
    "field", [{"tags": ["渡轮"]}, {"related": [{"url": "x"}]}, {"body_html": "<p>.</p>"}, {"content_hash": "1"}]
)
def test_what_changes_by_itself_is_none_either(field):
    assert compare(BEFORE, BEFORE | field) is None


def test_another_size_of_a_picture_is_none():
    image = BEFORE["images"][0] | {"url": "https://s.rfi.fr/w:1280/a.jpg"}
    assert compare(BEFORE, BEFORE | {"images": [image]}) is None


@pytest.mark.parametrize(
    ("field", "size"),
    [
        ({"title": "渡轮改在清晨六点"}, "figures_or_names"),
        ({"title": "渡轮改在清晨五点！"}, "punctuation"),
        ({"lead": "导语，改过。"}, "wording"),
        ({"lead": None}, "paragraphs"),
        ({"text": BEFORE["text"] + "\n第四段。"}, "paragraphs"),
        ({"text": "第一段。\n第三段说的是渡轮。"}, "paragraphs"),
        ({"text": BEFORE["text"].replace("港口", "码头")}, "wording"),
        ({"text": BEFORE["text"].replace("说的是", "说的 是")}, "punctuation"),
        ({"authors": []}, "figures_or_names"),
        ({"images": [BEFORE["images"][0] | {"caption": "一艘渡轮"}]}, "wording"),
    ],
)
def test_sizes(field, size):
    revision = compare(BEFORE, BEFORE | field)
    assert revision.size == size
    (name,) = field
    assert revision.earlier[name] == BEFORE[name]
    assert {change.name for change in revision.changes} == {name}


@pytest.mark.parametrize(
    ("before", "after", "size"),
    [
        ("马克龙访问北京", "马克龙访问上海", "figures_or_names"),
        ("共有二十五人受伤", "共有二十六人受伤", "figures_or_names"),
        ("增长3.5%", "增长3,5%", "punctuation"),
        ("增长３.５％", "增长3.5%", "punctuation"),
        ("Macron 说", "Biden 说", "figures_or_names"),
        ("他说有些人很高兴", "他说一些人很高兴", "wording"),
        (None, "新的一段", "paragraphs"),
        (None, "……", "punctuation"),
    ],
)
def test_the_size_of_a_line(before, after, size):
    assert size_of(before, after) == size


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("清晨五点出发", "清晨六点出发", [["=", "清晨"], ["-", "五"], ["+", "六"], ["=", "点出发"]]),
        ("COP28在迪拜", "COP29在迪拜", [["=", "COP"], ["-", "28"], ["+", "29"], ["=", "在迪拜"]]),
        ("the ferry left", "the boat left", [["=", "the "], ["-", "ferry"], ["+", "boat"], ["=", " left"]]),
        ("", "新", [["+", "新"]]),
        ("旧", "", [["-", "旧"]]),
        ("\U0001f6a2来了", "\U0001f6a2走了", [["=", "\U0001f6a2"], ["-", "来"], ["+", "走"], ["=", "了"]]),
    ],
)
def test_parts(before, after, parts):
    found = parts_of(before, after)
    assert found == parts
    assert "".join(text for sign, text in found if sign != "+") == before
    assert "".join(text for sign, text in found if sign != "-") == after


def test_a_paragraph_put_in_moves_nothing_else():
    text = "第一段。\n全新的内容出现在这里，谈的是天气。\n第二段说的是港口。\n第三段说的是轮渡。"
    changes = compare(BEFORE, BEFORE | {"text": text}).changes
    assert [(change.paragraph, change.parts[0]) for change in changes] == [
        (1, ["+", "全新的内容出现在这里，谈的是天气。"]),
        (3, ["=", "第三段说的是"]),
    ]
