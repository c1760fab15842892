"""What can go wrong, as one tree.

RfiNewsError
├── PageError                a fetched page cannot become what was asked of it
│   ├── NotHtmlError         its bytes are no HTML: binary, empty
│   └── IncompletePageError  it lacks what its kind of page always has
└── StoreError               the store did not take what it was given
    ├── StoreUnavailableError  it did not answer for longer than STORE_PATIENCE
    ├── StoreRejectedError     it answered, and refused one document
    └── EmbeddedServerError    the embedded server is missing or would not start
"""


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


class StoreError(RfiNewsError):
    """The store did not take what it was given."""


class StoreUnavailableError(StoreError):
    """The store did not answer for longer than the run is willing to wait."""


class StoreRejectedError(StoreError):
    """The store answered, and refused one document."""


class EmbeddedServerError(StoreError):
    """The embedded server is missing or would not start."""
