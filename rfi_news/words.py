"""Chinese text: cleaned without changing what a reader reads, and counted as Chinese is counted."""

import re
import unicodedata
from functools import cache

_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf"
_JOINER = re.compile(rf"(?<![{_EMOJI}\ufe0f])[\u200c\u200d]|[\u200c\u200d](?![{_EMOJI}])")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af〇"
_COUNTED = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+(?:['’.,\-][^\W_{_HAN}]+)*")


def clean(text: str) -> str:
    """One line: white space of every kind as one space, none at the ends, nothing invisible.

    Zero-width joiners stay only between two emoji, where they make one of several.
    """
    text = _INVISIBLE.sub("", text)
    return " ".join((text if text.isascii() else _JOINER.sub("", text)).split())


def count(text: str) -> int:
    """字数: each Han character, and each word or number in another script (“AFP”, “2024”, “3.5”, “l'Europe”) as one."""
    return len(_COUNTED.findall(text))


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Without what no XML may hold, and without the controls that turn the direction of what stands beside it."""
    return _UNPRINTABLE.sub("", text)


@cache
def simplified() -> dict[int, str]:
    """Traditional characters and the simplified ones they are read as, one by one, for `str.translate`.

    Character by character, so that a part of a word folds as the whole does: 乾 is 干 in every word.
    """
    from opencc import OpenCC  # noqa: PLC0415 — its dictionaries take a moment, and most commands fold nothing

    han = [*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0xF900, 0xFB00)]
    plain = OpenCC("t2s").convert("\n".join(map(chr, han))).split("\n")
    return {code: to for code, to in zip(han, plain, strict=True) if len(to) == 1 and ord(to) != code}


def fold(text: str) -> str:
    """For comparing: full-width as half-width, capitals as small letters, traditional characters as simplified."""
    return unicodedata.normalize("NFKC", text).lower().translate(simplified())


def found_in(query: str, text: str) -> bool:
    """Whether every word of `query`, words apart by white space, stands in `text`, both folded."""
    folded = fold(text)
    return all(word in folded for word in fold(query).split())
