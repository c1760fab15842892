"""Jinja2, set so that what is published stays text."""

from functools import cache
from hashlib import blake2b
from pathlib import Path
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


@cache
def fingerprint() -> str:
    """Changes with this package, code and templates: what an earlier one made is to be made anew."""
    told = blake2b(digest_size=8)
    for file in sorted(Path(__file__).parent.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            told.update(file.read_bytes())
    return told.hexdigest()
