"""The database's view of an `Article`: `$jsonSchema` derived from the dataclass, and the indexes."""

import types
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, MinLen
from pydantic import AfterValidator, AwareDatetime
from pymongo import ASCENDING, DESCENDING, IndexModel

from rfi_news.items import Article, Record, given

INDEXES: dict[str, list[IndexModel]] = {
    "articles": [
        IndexModel([("published_at", DESCENDING)]),
        IndexModel([("edition", ASCENDING), ("published_at", DESCENDING)]),
        IndexModel([("section", ASCENDING), ("published_at", DESCENDING)]),
        IndexModel([("column", ASCENDING), ("published_at", DESCENDING)]),
        IndexModel([("tags", ASCENDING), ("published_at", DESCENDING)]),
        IndexModel([("authors.name", ASCENDING), ("published_at", DESCENDING)]),
    ],
    "links": [IndexModel([("from", ASCENDING), ("to", ASCENDING)], unique=True), IndexModel([("to", ASCENDING)])],
    "runs": [IndexModel([("spider", ASCENDING), ("started_at", DESCENDING)]), IndexModel([("verdict", ASCENDING)])],
    # One leading field that the query names alone: the embedded server uses no more of an index than that.
    "frontier": [IndexModel([("queue", ASCENDING), ("fresh", DESCENDING)], sparse=True)],
    "state": [],
}
"""Indexes by collection; every collection of the store has an entry."""

VERSION = 3
"""Of the collections, their validator and indexes; raised when one of them changes. 1 had no frontier, 2
no `source`."""

_BSON = {str: "string", int: "int", bool: "bool", datetime: "date", AwareDatetime: "date"}


def validator(item: type[Any] = Article, record: type[Any] = Record) -> dict[str, Any]:
    """The `$jsonSchema` a stored item must meet, without the operator around it.

    What the store keeps beside the item is typed too, but not required: earlier versions wrote less.
    """
    schema = _of_dataclass(item)
    schema["properties"] |= _of_dataclass(record)["properties"]
    return schema


def _of_dataclass(item: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(item, include_extras=True)
    names = [field.name for field in fields(item)]
    return {"bsonType": "object", "required": names, "properties": {name: _of_type(hints[name]) for name in names}}


def _of_type(hint: Any) -> dict[str, Any]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated and hint is not AwareDatetime:
        schema = _of_type(inner[0])
        for constraint in inner[1:]:
            if isinstance(constraint, MinLen):
                schema["minLength"] = constraint.min_length
            elif isinstance(constraint, Ge):
                schema["minimum"] = constraint.ge
            elif isinstance(constraint, AfterValidator) and constraint.func is given:
                schema["bsonType"] = schema["bsonType"][0]
        return schema
    if origin in (Union, types.UnionType):
        (only,) = [part for part in inner if part is not types.NoneType]
        schema = _of_type(only)
        return schema | {"bsonType": [schema["bsonType"], "null"]}
    if origin is list:
        return {"bsonType": "array", "items": _of_type(inner[0])}
    if origin is dict:
        return {"bsonType": "object"} | ({} if inner[1] is Any else {"additionalProperties": _of_type(inner[1])})
    if is_dataclass(hint):
        return _of_dataclass(hint)  # type: ignore[arg-type]
    return {"bsonType": _BSON[hint]}
