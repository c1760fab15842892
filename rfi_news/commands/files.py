"""Files that commands read and write: plain, gzip or zstd by their names, whole or not at all."""

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from rfi_news.exceptions import RfiNewsError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSED = {".gz": gzip.open, ".zst": zstd.open}
"""What opens a file, by the end of its name."""


def kind_of(path: Path) -> str:
    """The suffix that tells what is in a file, without that of its compression: `.jsonl` of `a.jsonl.gz`."""
    return Path(path.stem if path.suffix in COMPRESSED else path.name).suffix.lower()


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a text file, with their ends. Raises RfiNewsError for what cannot be read as UTF-8 text."""
    opener: Any = COMPRESSED.get(path.suffix, open)
    try:
        with opener(path, "rt", encoding="utf-8", newline="\n") as file:
            yield from file
    except UnicodeDecodeError as error:
        raise RfiNewsError(f"{path}: no UTF-8 text (byte {error.start} of a block)") from None
    except (OSError, EOFError, zstd.ZstdError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RfiNewsError(f"{path}: not readable: {reason}") from None


def expand(paths: list[str]) -> Iterator[Path]:
    """These files, and those in these folders, by name; hidden ones are left out."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
        else:
            yield path


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, compressed as its name says, that takes the place of an earlier one when it is whole.

    `-` is standard output. Raises RfiNewsError when it cannot be written.
    """
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opener: Any = COMPRESSED.get(path.suffix)
        with cast("IO[bytes]", opener(part, "wb")) if opener else part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise RfiNewsError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            part.unlink()
