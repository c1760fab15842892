"""Chinese text: cleaned without changing what a reader reads, and counted as Chinese is counted."""

import re

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
