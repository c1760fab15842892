"""What can go wrong, as one tree.

RfiNewsError
├── PageError                a fetched page cannot become what was asked of it
│   ├── NotHtmlError         its bytes are no HTML: binary, empty
│   └── IncompletePageError  it lacks what its kind of page always has
├── RefusedError             the site refused to answer: 403, 429, 503, an interstitial
├── MovedError               a story's address redirects to another story's address
├── NotSentError             the run ends before this request was sent
├── KeptOutError             an article does not go on: invalid, known, unchanged, or the store was away
└── StoreError               the store did not take what it was given
    ├── StoreUnavailableError  it did not answer for longer than STORE_PATIENCE
    ├── StoreRejectedError     it answered, and refused one document
    └── EmbeddedServerError    the embedded server is missing or would not start
"""

from scrapy.exceptions import DropItem, IgnoreRequest


class RfiNewsError(Exception):
    """Any failure this project names."""


class PageError(RfiNewsError):
    """A fetched page cannot become what was asked of it.

    `url` is the page's address, `reason` a short stable name under which the page is counted.
    """

    def __init__(self, url: str, reason: str, detail: str) -> None:
        super().__init__(f"{url}: {detail}")
        self.url = url
        self.reason = reason


class NotHtmlError(PageError):
    """The response holds no HTML: a binary, or nothing."""


class IncompletePageError(PageError):
    """The page lacks what its kind of page always has."""


class RefusedError(RfiNewsError, IgnoreRequest):
    """The site refused to answer; the page asked for is neither here nor gone. `why` is a status, or `interstitial`."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url}: refused ({why})")
        self.why = why


class MovedError(RfiNewsError, IgnoreRequest):
    """A story's address redirects to another story's. `target` is the canonical form of that address."""

    def __init__(self, url: str, target: str) -> None:
        super().__init__(f"{url} redirects to {target}")
        self.target = target


class NotSentError(RfiNewsError, IgnoreRequest):
    """The run ends before this request was sent; what it was for waits for the next run."""


class KeptOutError(RfiNewsError, DropItem):
    """An article does not go on to the feeds.

    `reason` is a short stable name: `known`, `unchanged`, `unsaved`, or why it is no good.
    """

    def __init__(self, reason: str, message: str, log_level: str = "INFO") -> None:
        super().__init__(message)
        self.reason = reason
        self.log_level = log_level  # Scrapy reads it off a DropItem


class StoreError(RfiNewsError):
    """The store did not take what it was given."""


class StoreUnavailableError(StoreError):
    """The store did not answer for longer than the run is willing to wait."""


class StoreRejectedError(StoreError):
    """The store answered, and refused one document."""


class EmbeddedServerError(StoreError):
    """The embedded server is missing or would not start."""
