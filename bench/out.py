"""What goes out: import, feeds, reader and exports, of a store and of one nearly three times as large."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rfi_news.commands.files import lines_of
from rfi_news.store.selection import searched

SMALL, LARGE = 1007, 2887


def bench_going_out(feedx: list[str]) -> None:
    """Measure with `feedx`, files of records of which the first makes the small store, or with invented stories."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        steps = [feedx[:1], feedx[1:]] if feedx else [[str(path)] for path in invented(root)]
        figures = []
        for step in steps:
            environment = os.environ | {"RFI_NEWS_DATA_DIR": str(root / "data")}
            with timed() as importing:
                run(environment, "import", "feedx" if feedx else "jsonl", *step)
            figures.append({"import": importing[0]} | measure(root, environment))
    small, large = figures
    growth = large["stories"] / small["stories"]
    print(f"going out: {small['stories']} and {large['stories']} stories, {growth:.2f} times as many")
    for name in ("feeds", "feeds again", "reader", "reader again"):
        print(f"  {name:<13} {small[name]:.1f} s, {large[name]:.1f} s: {large[name] / small[name]:.2f} times")
    print(f"  search index  {large['index'] / large['text']:.0%} of the text (wanted: under 35 %)")
    for name in ("jsonl", "csv", "parquet", "sqlite", "epub", "md"):
        print(
            f"  {name:<13} {large[name]:.1f} s, peak memory {small[name + ' MB']:.0f} MB, {large[name + ' MB']:.0f} MB"
        )


def measure(root: Path, environment: dict[str, str]) -> dict[str, float]:
    figures: dict[str, float] = {}
    # Each from nothing, so that growth is that of a whole build.
    for name in ("feeds", "reader"):
        out = root / f"{name}{time.monotonic_ns()}"
        for again in ("", " again"):
            with timed() as spent:
                run(environment, name, "-o", str(out))
            figures[name + again] = spent[0]
        if name == "reader":
            figures["index"] = sum(file.stat().st_size for file in (out / "search").iterdir())
    for name in ("csv", "parquet", "sqlite", "epub", "md", "jsonl"):
        with timed() as spent:
            figures[f"{name} MB"] = run(environment, "export", "--format", name, "-o", str(root / f"out.{name}"))
        figures[name] = spent[0]
    rows = [json.loads(line) for line in lines_of(root / "out.jsonl")]
    figures["stories"] = len(rows)
    figures["text"] = sum(len(searched(row).encode()) for row in rows)
    return figures


@contextmanager
def timed() -> Iterator[list[float]]:
    spent: list[float] = []
    begin = time.perf_counter()
    yield spent
    spent.append(time.perf_counter() - begin)


def run(environment: dict[str, str], *args: str) -> float:
    """One command; its peak memory in MB."""
    process = subprocess.Popen([sys.executable, "-m", "rfi_news", *args], env=environment, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"bench: {' '.join(args)} failed:\n{said}")
    return used.ru_maxrss / 1024


def invented(root: Path) -> Iterator[Path]:
    """Files of invented stories, as long as news are, in words that come as often as words do."""
    from tests import invented as stories  # noqa: PLC0415 — from the project's root

    dice = random.Random(1)  # noqa: S311 — the same stories each time
    words = ["".join(chr(0x4E00 + int(dice.random() ** 3 * 6000)) for _ in range(2)) for _ in range(12000)]
    for name, numbers in (("small", range(SMALL)), ("large", range(SMALL, LARGE))):
        made = []
        for number in numbers:
            lines = ["，".join(words[int(dice.random() ** 4 * 12000)] * 2 for _ in range(25)) + "。" for _ in range(8)]
            body = "\n".join(f"<p>{line}</p>" for line in lines)
            made.append(stories.story(number, text="\n".join(lines), body_html=body, tags=[words[number % 300]]))
        yield stories.write(root / f"{name}.jsonl", made)
