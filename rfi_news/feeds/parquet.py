"""Parquet, with the fields of `Article` as they are: lists and parts included."""

import types
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from typing import IO, Annotated, Any, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet
from pydantic import AwareDatetime

from rfi_news.feeds.story import Story
from rfi_news.items import Article

AT_ONCE = 500
"""Stories in memory, and in a row group."""

_PLAIN = {str: pa.string(), int: pa.int64(), bool: pa.bool_()}
_TIME = pa.timestamp("ms", tz="UTC")


def schema() -> Any:
    """The columns: `id`, every field of `Article`, and of the store's record the aliases, revisions and `gone_at`."""
    return pa.schema(
        [
            ("id", pa.string()),
            *((name, _type_of(hint)) for name, hint in get_type_hints(Article, include_extras=True).items()),
            ("aliases", pa.list_(pa.string())),
            ("revisions", pa.int64()),
            ("gone_at", _TIME),
        ]
    )


def _type_of(hint: Any) -> Any:  # noqa: PLR0911 — one for each kind of type
    if hint in (AwareDatetime, datetime):
        return _TIME
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type_of(inner[0])
    if origin in (Union, types.UnionType):
        return _type_of(next(part for part in inner if part is not types.NoneType))
    if origin is list:
        return pa.list_(_type_of(inner[0]))
    if origin is dict:
        return pa.map_(_type_of(inner[0]), _type_of(inner[1]))
    if is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        return pa.struct([(field.name, _type_of(hints[field.name])) for field in fields(hint)])
    return _PLAIN[hint]


class ParquetFile:
    """One file, compressed with zstd."""

    def __init__(self, file: IO[bytes]) -> None:
        self._schema = schema()
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[dict[str, Any]] = []

    def add(self, story: Story) -> None:
        """Write a row, with others."""
        row = asdict(story.article)
        row["translations"] = list(story.article.translations.items())
        kept = {"id": story.id, "aliases": story.aliases, "revisions": len(story.revisions), "gone_at": story.gone_at}
        self._waiting.append(row | kept)
        if len(self._waiting) >= AT_ONCE:
            self._leave()

    def close(self) -> None:
        """Write what waits, and the end of the file."""
        if self._waiting:
            self._leave()
        self._writer.close()

    def _leave(self) -> None:
        self._writer.write_batch(pa.RecordBatch.from_pylist(self._waiting, schema=self._schema))
        self._waiting = []
