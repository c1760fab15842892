"""SQLite with full-text search that finds Chinese words of any length, in either script."""

import json
import re
import sqlite3
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from rfi_news.feeds.story import Story
from rfi_news.feeds.table import COLUMNS, row_of
from rfi_news.words import fold

AT_ONCE = 500
"""Stories in a transaction."""

_HAN = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af])")
_BETWEEN = re.compile(r"(?:[^\w\s]|_|\n)+")  # a word of its own: what it parts is not one word
_NUMBERS = ("char_count", "revisions")

# FTS5 knows no Chinese words; a character is a word, so a phrase of them is any word there is.
_NAMED = ", ".join(f'"{name}" {"INTEGER" if name in _NUMBERS else "TEXT"}' for name in COLUMNS)
_TABLES = f"""
CREATE TABLE stories (number INTEGER PRIMARY KEY, {_NAMED}, body_html TEXT);
CREATE UNIQUE INDEX story_id ON stories (id);
CREATE INDEX story_time ON stories (published_at);
CREATE TABLE authors (story INTEGER REFERENCES stories, position INTEGER, name TEXT, url TEXT, role TEXT);
CREATE INDEX author_name ON authors (name);
CREATE TABLE tags (story INTEGER REFERENCES stories, position INTEGER, tag TEXT);
CREATE INDEX tag_name ON tags (tag);
CREATE TABLE related (story INTEGER REFERENCES stories, position INTEGER, url TEXT, title TEXT, kicker TEXT);
CREATE INDEX related_url ON related (url);
CREATE TABLE images (
    story INTEGER REFERENCES stories, position INTEGER, url TEXT, caption TEXT, credit TEXT, is_lead INTEGER
);
CREATE TABLE revisions (story INTEGER REFERENCES stories, number INTEGER, seen_at TEXT, size TEXT, changes TEXT);
CREATE VIRTUAL TABLE search USING fts5 (title, kicker, lead, text, content='', tokenize='unicode61 tokenchars _');
"""


def spaced(text: str) -> str:
    """Folded, a space around every Chinese character: how `search` holds text, and how to ask it.

    `SELECT stories.title FROM search JOIN stories ON number = search.rowid WHERE search MATCH '"拜 习 会"'`
    """
    return " ".join(_HAN.sub(r" \1 ", _BETWEEN.sub(" _ ", fold(text))).split())


class SqliteFile:
    """A database file, made anew."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _TABLES)
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, story: Story) -> None:
        """Write a story and its parts."""
        self._count += 1
        number, article, row = self._count, story.article, row_of(story)
        write = self._connection.execute
        marks = ",".join("?" * (len(COLUMNS) + 2))
        write(f"INSERT INTO stories VALUES ({marks})", [number, *row.values(), article.body_html])  # noqa: S608
        write(
            "INSERT INTO search (rowid, title, kicker, lead, text) VALUES (?,?,?,?,?)",
            [number, *(spaced(part or "") for part in (article.title, article.kicker, article.lead, article.text))],
        )
        for position, author in enumerate(article.authors, start=1):
            write("INSERT INTO authors VALUES (?,?,?,?,?)", [number, position, author.name, author.url, author.role])
        for position, tag in enumerate(article.tags, start=1):
            write("INSERT INTO tags VALUES (?,?,?)", [number, position, tag])
        for position, link in enumerate(article.related, start=1):
            write("INSERT INTO related VALUES (?,?,?,?,?)", [number, position, link.url, link.title, link.kicker])
        for position, image in enumerate(article.images, start=1):
            values = [number, position, image.url, image.caption, image.credit, image.is_lead]
            write("INSERT INTO images VALUES (?,?,?,?,?,?)", values)
        for revision in story.revisions:
            seen = revision.seen_at.isoformat() if revision.seen_at else None
            changes = json.dumps([asdict(change) for change in revision.changes], ensure_ascii=False)
            write("INSERT INTO revisions VALUES (?,?,?,?,?)", [number, revision.number, seen, revision.size, changes])
        if self._count % AT_ONCE == 0:
            self._connection.commit()

    def close(self) -> None:
        """Write the rest."""
        self._connection.commit()
        self._connection.execute("INSERT INTO search(search) VALUES ('optimize')")
        self._connection.commit()
        self._connection.execute("VACUUM")
