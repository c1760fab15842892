"""Which stories are meant."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from rfi_news import words
from rfi_news.site.dates import PARIS


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Stories by day, place, author, tag and words; what is None selects nothing out."""

    since: date | None = None
    """First Paris day of publication."""
    until: date | None = None
    """Last Paris day of publication."""
    section: str | None = None
    column: str | None = None
    author: str | None = None
    """One name of the byline, as printed."""
    tag: str | None = None
    text: str | None = None
    """Words apart by white space, each of which is somewhere in headline, kicker, lead or text; simplified and
    traditional characters are the same."""

    def query(self) -> dict[str, Any]:
        """What the database is asked: all but `text`."""
        fields = {"section": self.section, "column": self.column, "authors.name": self.author, "tags": self.tag}
        query: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
        span: dict[str, datetime] = {}
        if self.since:
            span["$gte"] = datetime.combine(self.since, time.min, PARIS)
        if self.until:
            span["$lt"] = datetime.combine(self.until + timedelta(days=1), time.min, PARIS)
        return query | ({"published_at": span} if span else {})

    def has(self, document: dict[str, Any]) -> bool:
        """Whether the words searched for stand in a story."""
        return self.text is None or words.found_in(self.text, searched(document))


def searched(document: dict[str, Any]) -> str:
    """What a search looks at: headline, kicker, lead and text."""
    return "\n".join(filter(None, (document[name] for name in ("title", "kicker", "lead", "text"))))
