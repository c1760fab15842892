"""Files that commands read and write: plain, gzip or zstd by their names, whole or not at all."""

import gzip
import os
import shutil
import sys
import zlib
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
    except UnicodeDecodeError:
        raise RfiNewsError(f"{path}: no UTF-8 text; from GBK: iconv -f GBK -t UTF-8") from None
    except (OSError, EOFError, zlib.error, zstd.ZstdError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RfiNewsError(f"{path}: not readable: {reason}") from None


def expand(paths: list[str]) -> Iterator[Path | RfiNewsError]:
    """These files, and those in these folders, by name; hidden ones are left out.

    A folder that cannot be read comes as the error it is.
    """
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        failed: list[OSError] = []
        files = (
            Path(folder) / name
            for folder, _, names in os.walk(path, onerror=failed.append)
            for name in names
            if not any(part.startswith(".") for part in (Path(folder) / name).relative_to(path).parts)
        )
        yield from sorted(files)
        yield from (RfiNewsError(f"{error.filename}: not readable: {error.strerror}") for error in failed)


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, compressed as its name says, that takes the place of an earlier one when it is whole.

    `-` is standard output; what is no plain file, a pipe or a device, is written to as it is. Raises RfiNewsError when
    it cannot be written.
    """
    name = "standard output" if str(path) == "-" else str(path)
    try:
        if str(path) == "-":
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif path.parts[:2] in (("/", "dev"), ("/", "proc")) or (path.exists() and not path.is_file()):
            with path.open("ab") as device:
                yield device
        else:
            with _replacing(path.resolve()) as file, _compressing(file, path.suffix) as inner:
                yield inner
    except BrokenPipeError:
        raise
    except OSError as error:
        if str(path) == "-":
            with suppress(OSError):
                sys.stdout.close()
        raise RfiNewsError(f"{name}: cannot be written: {error.strerror or error}") from None


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            if path.exists():
                shutil.copymode(path, part)
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _compressing(file: IO[bytes], suffix: str) -> Iterator[IO[bytes]]:
    """Without name and time in what is written: the same is written each time."""
    if suffix == ".gz":
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as inner:
            yield cast("IO[bytes]", inner)
    elif suffix == ".zst":
        with zstd.ZstdFile(file, "wb") as inner:
            yield cast("IO[bytes]", inner)
    else:
        yield file
