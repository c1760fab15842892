import json
from pathlib import Path
from typing import Any

import pytest

from rfi_news.recordings import response_of

SITE = Path(__file__).parent.parent / "fixtures" / "site"


def recorded(name: str) -> Any:
    return response_of(SITE / f"{name}.meta.json")


def expected(name: str) -> Any:
    return json.loads((SITE / f"{name}.expected.json").read_text(encoding="utf-8"))


def names(kind: str) -> list[str]:
    """Fixtures with a hand-checked result: `article`, `listing` or `error`."""
    found = []
    for path in sorted(SITE.glob("*.expected.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        if kind == ("listing" if "entries" in truth else "error" if "error" in truth else "article"):
            found.append(path.name.removesuffix(".expected.json"))
    return found
