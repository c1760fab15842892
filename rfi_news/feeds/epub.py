"""EPUB 3: a digest of stories as a book, set as Chinese is set.

Written by hand with zipfile and Jinja2: EbookLib, the library for it, is AGPL (docs/decisions/libraries.md).
"""

import uuid
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Self
from zoneinfo import ZoneInfo

from markupsafe import Markup

from rfi_news.feeds.figures import inner_xhtml, local
from rfi_news.feeds.pages import TEMPLATES
from rfi_news.feeds.story import PUBLISHER, Story

_PARIS = ZoneInfo("Europe/Paris")
_ZIPPED_AT = (1980, 1, 1, 0, 0, 0)  # the first a zip can hold: a book is the same whenever it is made

MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp"}
"""Pictures a book may hold, by suffix."""


@dataclass(slots=True)
class _Chapter:
    number: int
    file: str
    title: str


@dataclass(slots=True)
class _Part:
    title: str
    chapters: list[_Chapter] = field(default_factory=list)


class EpubFile:
    """A book; stories come in the order in which they are read, a new part whenever `part` changes."""

    def __init__(
        self, file: IO[bytes], *, title: str, language: str, ids: Sequence[str], pictures: Mapping[str, Path]
    ) -> None:
        """Write to `file`. `ids` are the stories to come, for links among them; `pictures` files by address."""
        self.title = title
        self.language = language
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._put("mimetype", b"application/epub+zip", how=zipfile.ZIP_STORED)
        self._numbers = {id_: number for number, id_ in enumerate(ids, start=1)}
        self._pictures = pictures
        self._files: dict[str, str] = {}
        self._parts: list[_Part] = []
        self._updated_at = datetime(1970, 1, 1, tzinfo=UTC)
        self._key = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join([title, *ids]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._close()
        else:  # else it would try to end the file when it is collected
            with suppress(OSError, ValueError):
                self._zip.close()

    def add(self, story: Story, part: str) -> None:
        """Write a story."""
        pictures = {}
        for image in story.article.images:
            file = self._pictures.get(image.url)
            if file is not None and file.suffix in MEDIA_TYPES:
                pictures[image.url] = "../" + self._picture(image.url, file)
        number = self._numbers[story.id]
        lead_picture = story.lead_picture
        page = TEMPLATES.get_template("book/story.xhtml").render(
            story=story,
            language=self.language,
            picture=pictures.get(lead_picture.url) if lead_picture else None,
            published=f"{story.published_at.astimezone(_PARIS):%Y-%m-%d %H:%M}",
            body=Markup(inner_xhtml(local(story.body, pictures))),  # noqa: S704 — sanitized by Story.body
            inside={
                link.url: _name(self._numbers[link.url]) for link in story.article.related if link.url in self._numbers
            },
        )
        self._put(f"EPUB/stories/{_name(number)}", page.encode())
        if not self._parts or self._parts[-1].title != part:
            self._parts.append(_Part(part))
        self._parts[-1].chapters.append(_Chapter(number, f"stories/{_name(number)}", story.title))
        self._updated_at = max(self._updated_at, story.updated_at)

    def _close(self) -> None:
        """Write what leads to the stories, and the end of the file."""
        values = {
            "title": self.title,
            "language": self.language,
            "publisher": PUBLISHER,
            "identifier": f"urn:uuid:{self._key}",
            "updated": f"{self._updated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "parts": self._parts,
            "pictures": self._files,
        }
        for target, template in {
            "META-INF/container.xml": "book/container.xml",
            "EPUB/package.opf": "book/package.opf",
            "EPUB/contents.xhtml": "book/contents.xhtml",
            "EPUB/style.css": "book/style.css",
        }.items():
            self._put(target, TEMPLATES.get_template(template).render(values).encode())
        self._zip.close()

    def _picture(self, url: str, file: Path) -> str:
        name = f"pictures/{PurePosixPath(file.name)}"
        if name not in self._files:
            self._files[name] = MEDIA_TYPES[file.suffix]
            self._put(f"EPUB/{name}", file.read_bytes(), how=zipfile.ZIP_STORED)
        return name

    def _put(self, name: str, data: bytes, *, how: int = zipfile.ZIP_DEFLATED) -> None:
        entry = zipfile.ZipInfo(name, _ZIPPED_AT)
        entry.compress_type = how
        entry.external_attr = 0o644 << 16
        self._zip.writestr(entry, data)


def _name(number: int) -> str:
    return f"{number:05}.xhtml"
