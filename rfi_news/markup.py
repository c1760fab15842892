"""Markup that is safe to show: what a cleaned body may hold, and the sanitizer that holds it to that."""

import re
from urllib.parse import urlsplit

import nh3

TAGS = frozenset(
    "p h2 h3 h4 ul ol li blockquote br hr strong em u s sup sub a figure img figcaption "
    "table thead tbody tr td th".split()
)
"""Every tag a cleaned body may hold."""

ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
"""Every attribute a cleaned body may hold."""

_SCHEMES = {"http", "https", "mailto"}


_NOT_IN_ADDRESSES = re.compile("[\\s<>\x00-\x20\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def is_web(url: str) -> bool:
    """Whether an address is one of the web, http or https, that markup and XML may hold."""
    if not url.lower().startswith(("http://", "https://")) or _NOT_IN_ADDRESSES.search(url):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def sanitize(html: str, *, base: str | None = None) -> str:
    """Markup with nothing but TAGS, ATTRIBUTES and web addresses; relative ones are made absolute against `base`.

    Tags left open are closed, tags closed without having been opened are dropped.
    """
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        url_schemes=_SCHEMES,
        url_relative=("rewrite_with_base", base) if base else "pass_through",
        link_rel=None,
        strip_comments=True,
    )
