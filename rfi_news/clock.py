"""The run's clock: the machine's, or, for drills against a stand-in, one set to another time, that runs on."""

import re
from datetime import UTC, datetime, timedelta

from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings

from rfi_news.site.dates import machine_time

_OFFSETS: dict[str, timedelta] = {}


def now(settings: BaseSettings) -> datetime:
    """The time of the run, UTC. Setting `NOW` (ISO 8601 with an offset) moves the clock; empty means the machine's.

    Raises UsageError for a `NOW` that is no such time.
    """
    machine = datetime.now(UTC)
    given = settings.get("NOW") or ""
    if not given:
        return machine
    if given not in _OFFSETS:
        moment = machine_time(given)
        if moment is None:
            raise UsageError(f"NOW={given} is not accepted: a time with its offset, 2023-11-01T12:00:00Z")
        _OFFSETS[given] = moment - machine
    return machine + _OFFSETS[given]


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def ages(text: str | None) -> tuple[timedelta, ...]:
    """Read ages as a setting writes them, `1h,6h,24h,7d`, in order; none for an empty text.

    Raises UsageError for anything but minutes, hours and days.
    """
    found = []
    for part in filter(None, (part.strip() for part in str(text or "").split(","))):
        match = re.fullmatch(r"(\d{1,5})([mhd])", part)
        if match is None:
            raise UsageError(f"{text} is not accepted: ages such as 1h,6h,24h,7d, or nothing")
        found.append(timedelta(**{_UNITS[match[2]]: int(match[1])}))
    return tuple(sorted(found))
