"""Refusals: answers that mean “not you” or “not now”, whatever their status says.

The site stands behind Imperva (cookies `visid_incap_…` seen in 2022), whose interstitial may come with status 200; see
docs/site-history.md.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from scrapy.http import Response

REFUSING = frozenset({403, 429, 503})
"""Statuses that say nothing of the page asked for."""

_PHRASES = (b"Request unsuccessful. Incapsula incident", b"Incapsula incident ID")
_FRAME = b"_Incapsula_Resource"  # also in good pages, as a script: it counts only where it is all there is
_FRAME_BYTES = 4_000
_LONGEST = timedelta(days=30)  # a server that asks for more is mistaken, or means harm


def refusal_of(response: Response) -> str | None:
    """Why this answer is a refusal: its status, or `interstitial`; None for any other answer."""
    if response.status in REFUSING:
        return str(response.status)
    body = response.body
    if any(phrase in body[:20_000] for phrase in _PHRASES):
        return "interstitial"
    if len(body) < _FRAME_BYTES and _FRAME in body and b"<main" not in body:
        return "interstitial"
    return None


def retry_after(response: Response, now: datetime) -> timedelta | None:
    """How long the server asks to be left alone: `Retry-After` in seconds or as a date; None where it does not say.

    A date is read against the server's own `Date`, and without one against `now` (aware).
    """
    said = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if said.isascii() and said.isdigit():
        return timedelta(seconds=min(int(said[:9]), _LONGEST.total_seconds()))
    moment = _http_date(said)
    if moment is None:
        return None
    here = _http_date((response.headers.get("Date") or b"").decode("latin-1")) or now
    return min(max(moment - here, timedelta()), _LONGEST)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
