"""What changed between two forms of a story, read as Chinese is read: by characters, not by white-space words.

Compared is what a reader reads: title, kicker, lead, text, byline, captions. Addresses of pictures, tags and same-topic
links change by themselves and make no revision.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any

from rfi_news.items import Change, Revision

SIZES = ("punctuation", "wording", "figures_or_names", "paragraphs")
"""How much a revision changes, the least first."""

_ALSO_KEPT = ("body_html", "images", "authors", "modified_at", "content_hash", "char_count")
"""Fields kept with a revision when they differ, so that the earlier form is whole."""

_TOKEN = re.compile(r"[A-Za-zÀ-ɏЀ-ӿ]+(?:['’\-][A-Za-zÀ-ɏЀ-ӿ]+)*|[0-9０-９]+(?:[.,．，][0-9０-９]+)*|\s+|.", re.DOTALL)
_FIGURE = re.compile(
    r"[0-9０-９]+(?:[.,．，][0-9０-９]+)*|[零〇一二三四五六七八九十百千万亿两]{2,}|[二三四五六七八九十百千万亿两]"
)
_NAME_TAGS = frozenset({"nr", "nrt", "nrfg", "ns", "nt", "nz"})
_LATIN_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'’\-]*")
_ISLAND = 2  # characters: a shorter run of equal text between two changes reads as part of the change


READ = ("title", "kicker", "lead", "text", "authors", "images")
"""What a reader reads."""


def compare(before: dict[str, Any], after: dict[str, Any], *, names: Iterable[str] = READ) -> Revision | None:
    """The revision that leads from one form of an article to the next; None when a reader reads the same.

    Takes articles as documents, as `items.as_document` makes them, and compares the fields of `names`. Number and
    `seen_at` are the caller's to set.
    """
    changes: list[Change] = []
    sizes: list[str] = []
    for name in names:
        earlier, later = _lines(before, name), _lines(after, name)
        if earlier == later:
            continue
        for number, was, now in _paired(earlier, later):
            paragraph = number if name == "text" else None
            changes.append(Change(name=name, paragraph=paragraph, parts=parts_of(was or "", now or "")))
            sizes.append(size_of(was, now))
            if name == "authors" and sizes[-1] != "punctuation":
                sizes[-1] = "figures_or_names"
    if not changes:
        return None
    changed = {change.name for change in changes}
    kept = [name for name in before if name in changed or (name in _ALSO_KEPT and before[name] != after.get(name))]
    return Revision(
        modified_at=after.get("modified_at"),
        size=max(sizes, key=SIZES.index),
        earlier={name: before[name] for name in kept},
        changes=changes,
    )


def _lines(article: dict[str, Any], name: str) -> list[str]:
    value = article.get(name)
    if name == "authors":
        return ["、".join(author["name"] for author in value)] if value else []
    if name == "images":
        return [said for image in value or [] if (said := " ".join(filter(None, (image["caption"], image["credit"]))))]
    return value.split("\n") if value else []


def _paired(before: list[str], after: list[str]) -> Iterator[tuple[int, str | None, str | None]]:
    """Lines that differ, each earlier one with the later one it became; None where it was put in or taken out."""
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        gone, come = list(range(a, b)), list(range(c, d))
        while gone and come:
            i, j = gone[0], come[0]
            surplus = len(gone) - len(come)
            # Of a block with more lines on one side, the line without a likeness is the one put in or taken out.
            if surplus > 0 and not _alike(before[i], after[j]) and any(_alike(before[x], after[j]) for x in gone[1:]):
                yield gone.pop(0) + 1, before[i], None
            elif surplus < 0 and not _alike(before[i], after[j]) and any(_alike(before[i], after[x]) for x in come[1:]):
                yield i, None, after[come.pop(0)]
            elif not _alike(before[i], after[j]):
                yield i + 1, before[i], None
                yield i + 1, None, after[j]
                gone.pop(0), come.pop(0)
            else:
                yield i + 1, before[gone.pop(0)], after[come.pop(0)]
        yield from ((i + 1, before[i], None) for i in gone)
        yield from ((b, None, after[j]) for j in come)


def _alike(one: str, other: str) -> bool:
    """Whether one line may have become the other: a third of their characters are the same, or both are short."""
    if max(len(one), len(other)) <= 12:  # noqa: PLR2004 — a headline's length: too short to tell
        return True
    shared = sum((Counter(one) & Counter(other)).values())
    return shared * 3 >= max(len(one), len(other))


def parts_of(before: str, after: str) -> list[list[str]]:
    """A line in pieces: kept `=`, earlier `-`, later `+`. Latin words and figures stay whole."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    out: list[list[str]] = []

    def add(sign: str, text: str) -> None:
        if not text:
            return
        if out and out[-1][0] == sign:
            out[-1][1] += text
        else:
            out.append([sign, text])

    opcodes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    earlier = later = ""
    for position, (kind, a, b, c, d) in enumerate(opcodes):
        kept = "".join(old[a:b])
        is_island = kind == "equal" and 0 < position < len(opcodes) - 1 and len(kept) < _ISLAND and (earlier or later)
        if kind == "equal" and not is_island:
            add("-", earlier)
            add("+", later)
            earlier = later = ""
            add("=", kept)
        else:
            earlier += kept
            later += "".join(new[c:d])
    add("-", earlier)
    add("+", later)
    return out


def size_of(before: str | None, after: str | None) -> str:
    """How much one line changed; None stands for a line that is not there."""
    if before is None or after is None:
        return "paragraphs" if _bare(before or after or "") else "punctuation"
    if _bare(before) == _bare(after):
        return "punctuation"
    if _figures(before) != _figures(after) or _names(before) != _names(after):
        return "figures_or_names"
    return "wording"


def _bare(text: str) -> str:
    """Without punctuation, symbols and white space, full-width letters and figures as plain ones."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(char for char in normal if unicodedata.category(char)[0] not in "PZCS" or char in "%‰°")


def _figures(text: str) -> Counter[str]:
    return Counter(_FIGURE.findall(unicodedata.normalize("NFKC", text)))


def _names(text: str) -> Counter[str]:
    """People, places and bodies in a line, as a dictionary of Chinese knows them; elsewhere capitalized words."""
    import rjieba  # noqa: PLC0415 — its dictionary takes forty megabytes, and most runs see no revision

    found = Counter(word for word, tag in rjieba.tag(text) if tag in _NAME_TAGS)
    found.update(_LATIN_NAME.findall(text))
    return found
