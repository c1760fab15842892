"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import json
from collections.abc import Iterable
from typing import Any

from rfi_news.feeds.channel import Channel, Links
from rfi_news.feeds.story import PUBLISHER, Story, sound_type
from rfi_news.words import printable


def write(channel: Channel, stories: Iterable[Story], links: Links) -> bytes:
    """One document, as bytes; `next_url` leads to older stories."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": printable(channel.title),
        "home_page_url": channel.link,
        "feed_url": links.own,
        "description": printable(channel.description),
        "next_url": links.earlier,
        "language": channel.language,
        "authors": [{"name": PUBLISHER}],
        "hubs": [{"type": "WebSub", "url": links.hub}] if links.hub else None,
        "items": [_item(story) for story in stories],
    }
    return json.dumps(_given(feed), ensure_ascii=False, indent=1).encode()


def _item(story: Story) -> dict[str, Any]:
    article, picture = story.article, story.lead_picture
    return _given(
        {
            "id": story.id,
            "url": article.url,
            "title": story.title,
            "content_html": story.content,
            "summary": printable(article.lead or ""),
            "image": picture.url if picture else None,
            "date_published": story.published_at.isoformat(),
            "date_modified": story.updated_at.isoformat(),
            "authors": [_given({"name": printable(author.name), "url": author.url}) for author in article.authors],
            "tags": story.categories,
            "language": article.language,
            "attachments": [
                _given(
                    {
                        "url": sound.url,
                        "mime_type": sound_type(sound.url),
                        "title": printable(sound.title or ""),
                        "duration_in_seconds": sound.duration,
                    }
                )
                for sound in article.audio
            ],
        }
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in values.items() if value not in (None, "", []) or name == "items"}
