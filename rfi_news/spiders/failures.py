"""Why a page was not fetched, under short stable names."""

import re

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from rfi_news.exceptions import RefusedError

_REASONS: dict[type[BaseException], str] = {
    CannotResolveHostError: "dns",
    DownloadConnectionRefusedError: "connection_refused",
    DownloadTimeoutError: "timeout",
    ResponseDataLossError: "cut_off",
    DownloadCancelledError: "too_large",
}
_IGNORED = {
    "robots.txt": "robots",
    "redirections": "redirect_loop",
    "offsite": "offsite",
    "circle": "redirect_loop",
}


def reason_of(failure: Failure) -> str:
    """The name under which a failed request is counted: `http_404`, `dns`, `timeout`, `redirect_loop` and so on."""
    error = failure.value
    if isinstance(error, HttpError):
        return f"http_{error.response.status}"
    if isinstance(error, RefusedError):
        return f"refused_{error.why}"
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    if isinstance(error, IgnoreRequest):
        said = str(error).partition(", ")[0]  # before the address, which may say anything
        return next((reason for part, reason in _IGNORED.items() if part in said), "ignored")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()


def is_unanswered(failure: Failure) -> bool:
    """Whether nobody answered at all: no such host, no connection, no reply."""
    return isinstance(
        failure.value,
        CannotResolveHostError | DownloadConnectionRefusedError | DownloadTimeoutError | DownloadFailedError,
    )
