"""Times as the site prints them.

Attributes, meta tags and JSON-LD carry UTC or an offset; what a reader sees is the wall clock of Paris, day first
(“09/11/2023 - 15:43”). Shown by the data: see docs/site-history.md.
"""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

_YEARS = range(1990, 2100)  # the site's first pages are of the nineties; beyond, it is a mistake
_DISPLAYED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})\D{1,5}(\d{1,2}):(\d{2})")
_ISO_DURATION = re.compile(r"P(?:(\d{1,3})D)?T?(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})(?:\.\d+)?S)?")


def machine_time(text: str) -> datetime | None:
    """An ISO 8601 time with its offset, in UTC.

    None for anything else: a time without an offset, one outside 1990 to 2100.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo and moment.year in _YEARS else None
    except (ValueError, OverflowError):
        return None


def displayed_time(text: str) -> datetime | None:
    """The first “d/m/Y - H:M” in `text`, read as Paris time, in UTC; None without one.

    In the hour that comes twice each autumn the first pass is meant (`fold=0`): the text does not tell.
    """
    found = _DISPLAYED.search(text)
    if not found:
        return None
    day, month, year, hour, minute = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=PARIS).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def seconds(text: str) -> int | None:
    """A duration in seconds, from a clock (“01:11”, “1:02:03”) or ISO 8601 (“PT1M11S”); None for anything else."""
    text = text.strip()
    if re.fullmatch(r"\d{1,3}(:\d{2}){1,2}", text):
        total = 0
        for part in text.split(":"):
            total = total * 60 + int(part)
        return total
    found = _ISO_DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest
