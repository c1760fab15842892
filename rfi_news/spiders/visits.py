"""What came of a visit, as the spider tells whoever keeps the frontier."""

from enum import StrEnum

visited = object()
"""Signal: sent with `address`, `outcome`, and what is known of `status`, `reason`, `target` (a moved story's new
address), `mark` (the newest time in a feed), `topic` (for which a feed has told enough) and `listed` (addresses on an
archive page)."""

wanted = object()
"""Signal: sent with `requests` for sources that stand in for one that was not had, from where output passes no
middleware."""


class Outcome(StrEnum):
    """What came of a request."""

    READ = "read"
    """A listing, feed or sitemap was read; what it led to has been yielded."""
    UNCHANGED = "unchanged"
    """304: as it was at the last visit."""
    GONE = "gone"
    """404 or 410."""
    MOVED = "moved"
    """Redirected to another story's address."""
    REFUSED = "refused"
    """403, 429, 503, an interstitial: says nothing of the page."""
    UNSENT = "unsent"
    """Never asked: the run ends."""
    FAILED = "failed"
    """Not answered, or not readable."""
