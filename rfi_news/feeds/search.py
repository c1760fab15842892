"""A search index in static files: which stories hold which two characters in a row.

Loaded by `templates/reader/search.js`, block by block. Text is folded (`words.fold`), so that simplified and
traditional, full-width and half-width, capitals and small letters find each other. Two letters, figures or Chinese
characters in a row are a pair. Stories count from 0, the oldest first; pairs are in the order of their characters, cut
into blocks of some BLOCK bytes, so a query loads a block for each of its pairs however large the index grows.

A block holds, for each pair of COMMON or more stories, the stories; rarer pairs share buckets, found by a hash, so that
they need no names. What comes out of a bucket, or of several pairs put together, may be too much: the reader looks at
the story's page before it shows it.

Stories are written as gaps, Golomb-Rice coded, 13 bits in two printable characters.
"""

import json
import math
import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rfi_news.words import fold, simplified

COMMON = 4
"""Stories that make a pair's own entry."""
BLOCK = 6000
"""Bytes of a block, about."""
PER_BUCKET = 4
"""Stories in a bucket of rare pairs, about."""
NAMES = 500
"""Stories in a file of names."""

ALPHABET = "".join(chr(code) for code in range(33, 127) if chr(code) not in '"\\')
_BITS = 13
_RUN = re.compile(r"[^\W_]{2,}")


def pairs(text: str) -> set[str]:
    """The pairs of a text, folded."""
    found: set[str] = set()
    for run in _RUN.findall(fold(text)):
        found.update(map("".join, pairwise(run)))
    return found


class Bits:
    """Numbers in bits, and the bits in printable characters."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def gamma(self, number: int) -> None:
        """A number from 1, in Elias gamma code."""
        binary = f"{number:b}"
        self._parts.append("0" * (len(binary) - 1) + binary)

    def gaps(self, numbers: Sequence[int], of: int) -> None:
        """Ascending numbers below `of`, as Golomb-Rice coded gaps; how many there are is not written."""
        k = rice(len(numbers), of)
        before = -1
        for number in numbers:
            gap = number - before - 1
            self._parts.append("1" * (gap >> k) + "0" + (f"{gap & ((1 << k) - 1):0{k}b}" if k else ""))
            before = number

    def text(self) -> str:
        """The bits, 13 in two characters."""
        bits = "".join(self._parts)
        bits += "0" * (-len(bits) % _BITS)
        size = len(ALPHABET)
        values = (int(bits[start : start + _BITS], 2) for start in range(0, len(bits), _BITS))
        return "".join(ALPHABET[value // size] + ALPHABET[value % size] for value in values)


def rice(count: int, of: int) -> int:
    """The parameter that suits `count` numbers below `of`: as in search.js."""
    return max(0, math.floor(math.log2(of * 0.69 / count))) if count and of * 0.69 > count else 0


def bucket(pair: str, buckets: int) -> int:
    """The bucket of a rare pair: as in search.js."""
    first, second = map(ord, pair)
    return (first * 40503 + second) % buckets


class Index:
    """Gathers the pairs of stories and writes the files of the index."""

    def __init__(self) -> None:
        self._stories: dict[str, array[int]] = {}
        self._names: list[str] = []

    def add(self, name: str, text: str) -> None:
        """A story, after all older ones: the name of its page, and what a search looks at."""
        number = len(self._names)
        self._names.append(name)
        for pair in pairs(text):
            known = self._stories.get(pair)
            if known is None:
                self._stories[pair] = known = array("I")
            known.append(number)

    def files(self) -> Iterator[tuple[str, str]]:
        """The files, as name and text: scripts that each call one function with what they hold."""
        firsts = []
        for number, block in enumerate(self._blocks()):
            firsts.append(block[0])
            yield f"pairs{number}.js", f"rfiPairs({number},{','.join(map(_script, self._written(block)))})\n"
        for number, start in enumerate(range(0, len(self._names), NAMES)):
            yield f"names{number}.js", f"rfiNames({number},{_script(' '.join(self._names[start : start + NAMES]))})\n"
        known = {character for pair in self._stories for character in pair}
        folded = "".join(chr(code) + to for code, to in sorted(simplified().items()) if to in known)
        values = (len(self._names), NAMES, " ".join(firsts), folded)
        yield "index.js", f"rfiIndex({','.join(map(_script, values))})\n"

    def _blocks(self) -> Iterator[list[str]]:
        count = max(1, len(self._names))
        block: list[str] = []
        size = 0.0
        for pair in sorted(self._stories):
            stories = len(self._stories[pair])
            bits = stories * (rice(stories if stories >= COMMON else PER_BUCKET, count) + 2)
            size += bits / 6.5 + (5 if stories >= COMMON else 0)
            block.append(pair)
            if size > BLOCK:
                yield block
                block, size = [], 0.0
        if block:
            yield block

    def _written(self, block: list[str]) -> tuple[str, int, str]:
        """A block: its common pairs by first character, how many buckets of rare ones, and the stories of both."""
        count = len(self._names)
        common = [pair for pair in block if len(self._stories[pair]) >= COMMON]
        groups: dict[str, str] = {}
        for pair in common:
            groups[pair[0]] = groups.get(pair[0], pair[0]) + pair[1]
        bits = Bits()
        for pair in common:
            stories = self._stories[pair]
            bits.gamma(len(stories))
            bits.gaps(stories, count)
        rare = [pair for pair in block if len(self._stories[pair]) < COMMON]
        buckets: list[set[int]] = [
            set() for _ in range(-(-sum(len(self._stories[pair]) for pair in rare) // PER_BUCKET))
        ]
        for pair in rare:
            buckets[bucket(pair, len(buckets))].update(self._stories[pair])
        for held in buckets:
            bits.gamma(len(held) + 1)
            bits.gaps(sorted(held), count)
        return " ".join(groups.values()), len(buckets), bits.text()


def _script(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
