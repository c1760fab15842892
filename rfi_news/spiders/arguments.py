"""The arguments of an edition's spider: `scrapy crawl rfi_cn -a topics=中国 -a since=2026-01-31`."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rfi_news.site.addresses import HOST, Address, Kind, parse
from rfi_news.site.dates import PARIS
from rfi_news.site.editions import Edition


class ArgumentError(ValueError):
    """A spider argument cannot be used; the message says which, what was given, and what is accepted."""


def _paris_day(given: Any) -> Any:
    if isinstance(given, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", given):
        raise PydanticCustomError("day", "not a day")
    return given


def _past_day(given: date) -> date:
    if given > datetime.now(PARIS).date():
        raise PydanticCustomError("day", "in the future", {"accepted": "a Paris day, YYYY-MM-DD, that has come"})
    return given


def _origin(given: str) -> str:
    try:
        parts = urlsplit(given.rstrip("/"))
        _ = parts.port
    except ValueError:
        raise PydanticCustomError("origin", "not an origin") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.fragment:
        raise PydanticCustomError("origin", "not an origin")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _hops(given: Any) -> Any:
    return ALL_HOPS if given == "all" else given


ALL_HOPS = 1_000_000
"""`related=all`: more hops than any chain of stories has."""


def _topics(given: Any, info: ValidationInfo) -> Any:
    if not isinstance(given, str):
        return given
    edition: Edition = (info.context or {})["edition"]
    names = [name.strip() for name in re.split("[,，、]", given) if name.strip()]
    if not names:
        raise PydanticCustomError("topic", "none")
    return tuple(_topic(name, edition) for name in names)


def _topic(name: str, edition: Edition) -> Address:
    """A topic by its name, its path, or its address; an address is taken as given, known or not."""
    if name.startswith(("/", "http://", "https://")):
        found = parse(name)
        if found and found.kind in (Kind.LISTING, Kind.COLUMNS) and found.edition == edition.code:
            return found
    bare = name.strip("/")
    path = f"{edition.columns_index}/{bare}" if bare in edition.columns else bare
    if path in topic_paths(edition):
        found = parse(f"/{edition.code}/{path}/")
        if found:
            return found
    known = "、".join(topic_paths(edition))
    raise PydanticCustomError("topic", "unknown", {"accepted": f"no topic {name!r}. Known: {known}"})


def topic_paths(edition: Edition) -> list[str]:
    """Every topic an edition is known to have, as paths."""
    columns = [edition.columns_index, *(f"{edition.columns_index}/{name}" for name in edition.columns)]
    return [*edition.sections, *(columns if edition.columns_index else [])]


SOURCES = ("rss", "topics", "related", "sitemap", "archive")
"""Where stories can be discovered, cheapest first."""


def _sources(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    names = [name for name in re.split("[,，、\\s]+", given) if name]
    if not names or not set(names) <= set(SOURCES):
        raise PydanticCustomError("source", "unknown")
    return tuple(name for name in SOURCES if name in names)


Day = Annotated[date, BeforeValidator(_paris_day)]


class Arguments(BaseModel):
    """What one run is asked to do. Each description says what is accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True)

    topics: Annotated[tuple[Address, ...], BeforeValidator(_topics)] = Field(
        (), description="section or column names, paths or addresses, comma-separated; default: all of the edition"
    )
    since: Annotated[Day, AfterValidator(_past_day)] | None = Field(
        None,
        description="a Paris day, YYYY-MM-DD; default: three days back on an empty store, afterwards until a page "
        "brings nothing new",
    )
    until: Day | None = Field(None, description="a Paris day, YYYY-MM-DD, not before since; default: no end")
    sources: Annotated[tuple[str, ...], BeforeValidator(_sources)] = Field(
        ("rss", "topics", "related"),
        description="where to look for stories, comma-separated: rss, topics, related, sitemap, archive; "
        "default: rss,topics,related",
    )
    related: Annotated[int, BeforeValidator(_hops), Field(ge=0)] = Field(
        1, description="hops of 同一主题 followed beyond the topic pages: 0, a number, or all; default: 1"
    )
    limit: Annotated[int, Field(gt=0)] | None = Field(
        None, description="a number above 0: at most so many new articles"
    )
    refresh: bool = Field(default=False, description="1: fetch known articles again; default: 0")
    force: bool = Field(default=False, description="1: ask the site although it refused until a later time; default: 0")
    origin: Annotated[str, BeforeValidator(_origin)] = Field(
        HOST, description=f"where pages are fetched, as http(s)://host[:port]; default: {HOST}"
    )
    list_only: bool = Field(
        default=False, alias="_list_only", description="for `scrapy audit`: read what the archive lists, fetch no story"
    )
    job: str | None = Field(None, alias="_job", description="the job's number, as Scrapyd gives it")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise PydanticCustomError(
                "order", "until={until} lies before since={since}", self.model_dump(include={"since", "until"})
            )
        if "archive" in self.sources and self.since is None:
            raise PydanticCustomError("order", "sources=archive needs since=YYYY-MM-DD, the first Paris day to look up")
        return self

    @classmethod
    def read(cls, given: Mapping[str, Any], edition: Edition) -> Self:
        """Read arguments as the command line gives them, as strings.

        Raises ArgumentError, its message one line that names the argument, what was given, and what is accepted.
        """
        try:
            return cls.model_validate(dict(given), context={"edition": edition})
        except ValidationError as error:
            raise ArgumentError("; ".join(_sentence(cls, problem) for problem in error.errors())) from None

    def given(self) -> dict[str, Any]:
        """What was asked for beyond the defaults, as plain values for the run's account."""
        values = self.model_dump(exclude_defaults=True, exclude={"topics", "sources", "list_only"})
        values |= {name: str(value) for name, value in values.items() if isinstance(value, date)}
        if self.sources != type(self).model_fields["sources"].default:
            values["sources"] = list(self.sources)
        if self.list_only:
            values["audit"] = True
        return values | ({"topics": [topic.path for topic in self.topics]} if self.topics else {})

    @property
    def hops(self) -> int:
        """How far same-topic links are followed: none where `sources` leaves them out."""
        return self.related if "related" in self.sources else 0

    @property
    def is_narrow(self) -> bool:
        """Whether this run was asked for certain stories, and is to leave alone what else waits in the frontier."""
        return bool(self.topics or self.until) or not {"rss", "topics"} & set(self.sources)


def _sentence(model: type[BaseModel], problem: Any) -> str:
    kind = problem["type"]
    if kind == "order":
        return str(problem["msg"])
    name = str(problem["loc"][0])
    if kind == "extra_forbidden":
        known = ", ".join(field for field in model.model_fields if field not in ("job", "list_only"))
        return f"{name}={problem['input']}: no such argument. Known: {known}"
    accepted = (problem.get("ctx") or {}).get("accepted") or model.model_fields[name].description
    return f"{name}={problem['input']} is not accepted: {accepted}"
