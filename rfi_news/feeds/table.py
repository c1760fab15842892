"""A story as one row: for spreadsheets and databases."""

import csv
from typing import IO, Any

from rfi_news.feeds.story import Story

COLUMNS = (
    "id", "url", "published_at", "modified_at", "title", "kicker", "section", "column", "lead", "text", "char_count",
    "authors", "tags", "image", "related", "revisions", "gone_at", "language", "content_hash",
)  # fmt: skip
"""In this order; several names or addresses in a cell stand on lines of their own."""

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def row_of(story: Story) -> dict[str, Any]:
    """The values of COLUMNS: text, numbers, None; times as ISO 8601 in UTC."""
    article, picture = story.article, story.lead_picture
    return {
        "id": story.id,
        "url": article.url,
        "published_at": story.published_at.isoformat(),
        "modified_at": article.modified_at.isoformat() if article.modified_at else None,
        "title": article.title,
        "kicker": article.kicker,
        "section": article.section,
        "column": article.column,
        "lead": article.lead,
        "text": article.text,
        "char_count": article.char_count,
        "authors": "\n".join(author.name for author in article.authors) or None,
        "tags": "\n".join(article.tags) or None,
        "image": picture.url if picture else None,
        "related": "\n".join(link.url for link in article.related) or None,
        "revisions": len(story.revisions),
        "gone_at": story.gone_at.isoformat() if story.gone_at else None,
        "language": article.language,
        "content_hash": article.content_hash,
    }


class CsvFile:
    """CSV with a line of names, in UTF-8."""

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        self._writer.writeheader()

    def add(self, story: Story) -> None:
        """Write a row; a cell that a spreadsheet would calculate is marked as text by an apostrophe."""
        row = row_of(story)
        self._writer.writerow(
            {name: f"'{value}" if str(value).startswith(_FORMULA) else value for name, value in row.items()}
        )
