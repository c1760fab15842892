"""Jinja2, set so that what is published stays text."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rfi_news.words import printable


def _finalize(value: Any) -> Any:
    """Everything a template writes passes here, before it is escaped."""
    return printable(value) if type(value) is str else value


TEMPLATES = Environment(
    loader=PackageLoader("rfi_news.feeds"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_finalize,
    trim_blocks=True,
    lstrip_blocks=True,
)
"""Templates under `feeds/templates/`; every value is escaped, unless it is `Markup`."""
