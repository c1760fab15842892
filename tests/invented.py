"""Stories without a page, for what goes out."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rfi_news import words
from rfi_news.feeds.story import Story
from rfi_news.items import Article, Author, Related
from rfi_news.site.article import content_hash

SECTIONS = ("中国", "国际", "法国")
NASTY = "<b>\"&'\u0000\u0008\u000b\ufffe\u202e\u2066]]></b>😀"


def url_of(number: int, section: str = "中国") -> str:
    return f"https://www.rfi.fr/cn/{quote(section)}/20240301-{quote('第')}{number}{quote('号公告')}"


def story(number: int = 1, **changes: Any) -> Story:
    """The story of a number; the higher, the newer."""
    section = SECTIONS[number % 3]
    values: dict[str, Any] = {
        "url": url_of(number, section),
        "edition": "cn",
        "language": "zh-Hans",
        "title": f"第{number}号公告：河堤巡查",
        "kicker": "水务/春汛",
        "section": section,
        "lead": f"第{number}号公告的导语。",
        "body_html": f"<p>第{number}号公告的正文，一共两段。</p>\n<p>河堤今年巡查{number}次。</p>",
        "text": f"第{number}号公告的正文，一共两段。\n河堤今年巡查{number}次。",
        "authors": [Author(name="河田", url=f"https://www.rfi.fr/cn/{quote('作者')}/{quote('河田')}/", role="作者")],
        "published_at": datetime(2024, 3, 1, 8, tzinfo=UTC) + timedelta(hours=number),
        "fetched_at": datetime(2024, 3, 20, 8, tzinfo=UTC),
        "tags": ["春汛", "水务"],
    } | changes
    article = Article(**values)
    article.char_count = words.count(article.text)
    article.content_hash = content_hash(article)
    return Story(id=article.url, article=article)


def related(*numbers: int) -> list[Related]:
    return [Related(url=url_of(n, SECTIONS[n % 3]), title=f"第{n}号公告：河堤巡查", kicker="水务") for n in numbers]


def write(path: Path, stories: list[Story], **record: Any) -> Path:
    """As `scrapy export` writes them."""
    lines = [
        json.dumps({"_id": one.id} | asdict(one.article) | record, ensure_ascii=False, default=lambda m: m.isoformat())
        for one in stories
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
