"""A folder of files of which only those are written that say something new."""

import fcntl
import json
import re
import unicodedata
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from rfi_news.exceptions import RfiNewsError

MANIFEST = ".rfi-news.json"
JOURNAL = ".rfi-news.log"
_LONGEST = 120  # bytes of a name: file systems take 255, and archives and addresses triple it
_UNSAFE = re.compile(r'[/\\:*?"<>|%#&\s\x00-\x1f\x7f]+')


def file_name(name: str) -> str:
    """A name as one part of a path, on any file system; a hash tells apart what cannot stand in it as it is."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).lstrip(".").rstrip(". ")
    if plain and plain == name and name == name.casefold() and len(name.encode()) <= _LONGEST:
        return name
    short = plain.encode()[: _LONGEST - 10].decode(errors="ignore")
    return f"{short}-{digest(name)[:8]}"


def digest(*values: Any) -> str:
    """A short hash of values, for telling whether they changed."""
    return blake2b(
        json.dumps(values, ensure_ascii=False, default=str).encode("utf-8", "replace"), digest_size=10
    ).hexdigest()


class Tree:
    """A folder, and what was written there before.

    Each file may have a key that stands for all it is made of: while that stays, it need not even be made. Files take
    their predecessor's place at once; one that comes out the same keeps its bytes and its time. What an earlier build
    wrote and this one did not is removed. Raises RfiNewsError when it cannot be written, or another build is at it.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        """`owner` is the command whose folder it is: another one's is left alone, as is one that holds other files."""
        self.folder = folder
        self.owner = owner
        self.written = self.kept = self.removed = 0
        self._before: dict[str, list[Any]] = {}
        self._now: dict[str, list[Any]] = {}
        self._lock: IO[bytes] | None = None
        self._journal: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._claim()
        except BlockingIOError:
            self._unlock()
            raise RfiNewsError(f"{self.folder}: another command is writing there; try again when it is done") from None
        except OSError as error:
            self._unlock()
            raise RfiNewsError(f"{self.folder}: cannot be written: {error.strerror or error}") from None
        except RfiNewsError:
            self._unlock()
            raise
        return self

    def _claim(self) -> None:
        """Take the folder, if it is ours or nobody's, and read what an earlier build wrote."""
        self.folder.mkdir(parents=True, exist_ok=True)
        manifest = self.folder / MANIFEST
        if not manifest.exists() and any(not file.name.startswith(".") for file in self.folder.iterdir()):
            raise RfiNewsError(
                f"{self.folder}: holds files that scrapy {self.owner} did not write, or its {MANIFEST} is gone; "
                "name another folder, or empty this one"
            )
        self._lock = (self.folder / ".lock").open("ab")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not manifest.exists():
            self._note({})
            return
        owner, self._before = _read(manifest)
        if owner != self.owner:
            raise RfiNewsError(f"{self.folder}: is the folder of scrapy {owner}; name another one")
        self._before |= {path: ["", -1] for path in self._journaled()}

    def _journaled(self) -> list[str]:
        """What a build wrote that did not come to its end."""
        with suppress(OSError):
            text = (self.folder / JOURNAL).read_text(encoding="utf-8", errors="replace")
            return [path for path in text.split("\n") if path and _is_below(path)]
        return []

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:  # what was written stands, and so does the rest, until a build comes to its end
                rest = self._before if self._journal is None else _without_keys(self._before)
                self._now = rest | self._now
            self._finish()
        except OSError as error:
            if kind is None:
                raise RfiNewsError(f"{self.folder}: cannot be written: {error.strerror or error}") from None
        finally:
            self._unlock()

    def _unlock(self) -> None:
        for file in (self._journal, self._lock):
            if file is not None:
                file.close()

    def has(self, path: str, key: str) -> bool:
        """Whether a file made of `key` is there, as it was written; it then counts as part of this build."""
        known = self._before.get(path)
        if known is None or known[0] != key or not key:
            return False
        if not self._is_there(path, known[1]):
            return False
        self._now[path] = known
        self.kept += 1
        return True

    def is_whole(self, path: str, key: str) -> bool:
        """Whether all of an earlier build is there, and its file `path` was made of `key`; all of it then stays."""
        if self._before.get(path, [""])[0] != key:
            return False
        if not all(self._is_there(name, size) for name, (_, size) in self._before.items()):
            return False
        self._now = dict(self._before)
        self.kept = len(self._now)
        return True

    def _is_there(self, path: str, size: int) -> bool:
        try:
            return (self.folder / path).stat().st_size == size
        except OSError:
            return False

    def write(self, path: str, data: bytes, key: str = "") -> None:
        """Write a file, unless it holds these bytes already."""
        file = self.folder / path
        self._now[path] = [key, len(data)]
        try:
            if file.is_file() and file.stat().st_size == len(data) and file.read_bytes() == data:
                self.kept += 1
                return
            self._announce(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f".{digest(path)}.part")
            part.write_bytes(data)
            part.replace(file)
        except OSError as error:
            raise RfiNewsError(f"{file}: cannot be written: {error.strerror or error}") from None
        self.written += 1

    def _announce(self, path: str) -> None:
        """Write down that a file is about to change, so that a build that is killed leaves nothing taken for whole."""
        if self._journal is None:
            self._note(_without_keys(self._before))
            self._journal = (self.folder / JOURNAL).open("a", encoding="utf-8")
        self._journal.write(path + "\n")
        self._journal.flush()

    def _finish(self) -> None:
        for path in self._before.keys() - self._now.keys():
            file = self.folder / path
            with suppress(OSError):
                file.unlink()
                self.removed += 1
            for parent in file.parents:
                if parent == self.folder:
                    break
                with suppress(OSError):
                    parent.rmdir()  # where it was the last
        if self._now != self._before or self._journal is not None:
            self._note(self._now)
        (self.folder / JOURNAL).unlink(missing_ok=True)

    def _note(self, files: dict[str, list[Any]]) -> None:
        part = self.folder / f"{MANIFEST}.part"
        held = {"owner": self.owner, "files": files}
        part.write_text(json.dumps(held, ensure_ascii=False, indent=0), encoding="utf-8")
        part.replace(self.folder / MANIFEST)


def _read(manifest: Path) -> tuple[str, dict[str, list[Any]]]:
    """Whose folder it is, and the files an earlier build wrote, with key and size; nothing that leads out of it.

    Raises RfiNewsError for a manifest that is none.
    """
    try:
        held = json.loads(manifest.read_text(encoding="utf-8"))
        files = {str(path): [str(key), int(size)] for path, (key, size) in held["files"].items() if _is_below(path)}
        return str(held["owner"]), files
    except (ValueError, TypeError, LookupError, AttributeError):
        raise RfiNewsError(f"{manifest}: cannot be read; empty the folder, or name another one") from None


def _without_keys(files: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {path: ["", size] for path, (_, size) in files.items()}


def _is_below(path: str) -> bool:
    return not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts
