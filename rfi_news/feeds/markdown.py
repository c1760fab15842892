"""Markdown, with what is known of a story as YAML before it."""

import json
import re
from typing import Any

from markdownify import ATX, MarkdownConverter

from rfi_news.feeds.story import RELATED, Story
from rfi_news.words import printable

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&])")


class _Converter(MarkdownConverter):
    """What a cleaned body holds, as Markdown; its text cannot become markup."""

    def convert_figcaption(self, _el: Any, text: str, parent_tags: set[str]) -> str:
        return f"\n\n*{text.strip()}*\n\n" if text.strip() else ""


_CONVERTER = _Converter(heading_style=ATX, escape_misc=True, bullets="-", strip=["u"])


def write(story: Story) -> str:
    """One story: front matter, headline, lead, text with pictures and links, same-topic links."""
    article = story.article
    known = {
        "title": story.title,
        "id": story.id,
        "url": article.url,
        "date": story.published_at.isoformat(),
        "updated": story.updated_at.isoformat(),
        "language": article.language,
        "section": article.section,
        "column": article.column,
        "kicker": article.kicker,
        "authors": [author.name for author in article.authors],
        "tags": article.tags,
        "char_count": article.char_count,
    }
    lines = ["---", *(f"{name}: {_yaml(value)}" for name, value in known.items() if value not in (None, [])), "---", ""]
    lines += [f"# {_escaped(story.title)}", ""]
    try:
        lines.append(_CONVERTER.convert(story.content_without_related).strip())
    except RecursionError:  # nested as no editor does: the text alone
        lines += [_escaped(line) + "\n" for line in (article.lead or "", *article.text.split("\n")) if line]
    if article.related:
        lines += ["", f"## {RELATED}", ""]
        for link in article.related:
            kicker = f"（{_escaped(link.kicker)}）" if link.kicker else ""
            lines.append(f"- [{_escaped(link.title)}](<{link.url}>){kicker}")
    return "\n".join(lines).rstrip() + "\n"


def _yaml(value: Any) -> str:
    """JSON, which YAML can read."""
    return printable(json.dumps(value, ensure_ascii=False))


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(printable(text).split()))
