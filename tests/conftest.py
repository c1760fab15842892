import asyncio
import json
import os
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pymongo
import pytest
from scrapy.settings import Settings

from rfi_news.recordings import read_folder, response_of
from rfi_news.site.addresses import HOST, parse
from rfi_news.store.embedded import EmbeddedServer
from tests.standin import StandIn

ROOT = Path(__file__).parent.parent
SITE = ROOT / "fixtures" / "site"


def recorded(name: str) -> Any:
    return response_of(SITE / f"{name}.meta.json")


def expected(name: str) -> Any:
    return json.loads((SITE / f"{name}.expected.json").read_text(encoding="utf-8"))


def names(kind: str) -> list[str]:
    """Fixtures with a hand-checked result: `article`, `listing`, `feed`, `sitemap` or `error`."""
    found = []
    for path in sorted(SITE.glob("*.expected.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        marks = {"entries": "listing"} | {name: name for name in ("feed", "sitemap", "error")}
        if kind == next((named for mark, named in marks.items() if mark in truth), "article"):
            found.append(path.name.removesuffix(".expected.json"))
    return found


def story_page(title: str, path: str, body: str = "<p>正文。</p>", head: str = "", after: str = "") -> bytes:
    """A story's page with the least the site always sends."""
    return (
        f'<!DOCTYPE html><html lang="zh-Hans"><head><meta charset="UTF-8"><link rel="canonical" href="{HOST}{path}">{head}</head>'
        f'<body><main><article class="t-content__article-wrapper" data-article-content><h1 class="t-content__title">{title}</h1>'
        f'<p class="m-pub-dates"><time datetime="2024-03-05T10:00:00+00:00" pubdate="pubdate">05/03/2024 - 11:00</time></p>'
        f'<div class="t-content__body u-clearfix">{body}</div></article>{after}</main></body></html>'
    ).encode()


def listing_page(*links: str, pager: str = "") -> bytes:
    cards = "".join(
        f'<div class="m-item-list-article" data-article-list><a href="{link}" data-article-item-link><h2>题</h2></a></div>'
        for link in links
    )
    return f"<!DOCTYPE html><html><head></head><body><main>{cards}{pager}</main></body></html>".encode()


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=UTF-8"})


class Site:
    """The recorded site, and what a test adds to it, over real HTTP on loopback."""

    def __init__(self, *, with_recordings: bool = True) -> None:
        self.pages: dict[str, Answer] = {
            "/robots.txt": Answer(b"User-agent: *\nDisallow:\n", headers={"Content-Type": "text/plain"})
        }
        self.asked: Counter[str] = Counter()
        self.agents: set[str] = set()
        self.released = threading.Event()
        self.held: set[str] = set()
        self.reached = threading.Event()
        if with_recordings:
            for url, meta in read_folder(SITE).items():
                page = response_of(meta)
                headers = {name.decode(): b", ".join(values).decode() for name, values in page.headers.items()}
                self.pages[unquote(url[len(HOST) :])] = Answer(page.body, page.status, headers)
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = unquote(self.path)
                site.asked[path] += 1
                site.agents.add(self.headers.get("User-Agent", ""))
                if path in site.held:
                    site.reached.set()
                    site.released.wait(30)
                address = parse(self.path)
                known = unquote(address.url[len(HOST) :]) if address else path
                answer = site.pages.get(path) or site.pages.get(known) or Answer(b"not found", 404)
                self.send_response(answer.status)
                headers = {"Content-Length": str(len(answer.body)), "Connection": "close"} | answer.headers
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def add(self, path: str, body: bytes = b"", **answer: Any) -> str:
        self.pages[path] = Answer(body, **answer)
        return path

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()
    yield served
    served.close()


@pytest.fixture
def empty_site() -> Iterator[Site]:
    served = Site(with_recordings=False)
    yield served
    served.close()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def mongodb_uri(data_dir: Path) -> Iterator[str]:
    """The server the tests run on: MONGODB_URI's where it is set, else one embedded server for all of them."""
    given = os.environ.get("MONGODB_URI")
    if given:
        yield given
        return
    server = EmbeddedServer(data_dir / "mongodb")
    yield asyncio.run(server.acquire())
    server.release()


@pytest.fixture(scope="session")
def client(mongodb_uri: str) -> Iterator[pymongo.MongoClient[dict[str, Any]]]:
    with pymongo.MongoClient(mongodb_uri, tz_aware=True) as opened:
        yield opened


@dataclass
class Database:
    """One test's own database: how the product finds it, and a client to look at what is in it."""

    name: str
    uri: str
    client: pymongo.MongoClient[dict[str, Any]]
    environment: dict[str, str]

    def __post_init__(self) -> None:
        self.articles, self.links, self.runs, self.frontier, self.state = (
            self.client[self.name][part] for part in ("articles", "links", "runs", "frontier", "state")
        )

    def settings(self, **more: Any) -> Settings:
        settings = Settings()
        settings.setmodule("rfi_news.settings", priority="project")
        settings.setdict({"MONGODB_URI": self.uri, "MONGODB_DATABASE": self.name} | more, priority="cmdline")
        return settings

    def last_run(self) -> dict[str, Any]:
        found = self.runs.find_one(sort=[("started_at", -1)])
        assert found
        return found


@contextmanager
def new_database(uri: str, client: pymongo.MongoClient[dict[str, Any]], data_dir: Path) -> Iterator[Database]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    environment = os.environ | {
        "RFI_NEWS_DATA_DIR": str(data_dir),
        "MONGODB_DATABASE": name,
        "PYTHONWARNINGS": "default",
        "COLUMNS": "200",
    }
    yield Database(name, uri, client, environment)
    client.drop_database(name)


@pytest.fixture
def database(mongodb_uri: str, client: pymongo.MongoClient[dict[str, Any]], data_dir: Path) -> Iterator[Database]:
    with new_database(mongodb_uri, client, data_dir) as own:
        yield own


class Run:
    """Runs `rfi-news …` as a user does, in an empty directory."""

    FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "AUTOTHROTTLE_ENABLED=False")

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.environment = environment

    def __call__(self, *args: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rfi_news", *args],
            cwd=self.directory,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def crawl(self, site: Site | StandIn, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self("crawl", "rfi_cn", "-a", f"origin={site.origin}", *self.FAST, *args, **environment)

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "rfi_news", *args],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def run(tmp_path: Path, database: Database) -> Run:
    return Run(tmp_path, database.environment)


@pytest.fixture(scope="module")
def shared_database(
    mongodb_uri: str, client: pymongo.MongoClient[dict[str, Any]], data_dir: Path
) -> Iterator[Database]:
    """One store for all tests of a module, which must leave it as it is."""
    with new_database(mongodb_uri, client, data_dir) as own:
        yield own


@pytest.fixture(scope="module")
def shared_run(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Commands on the store that all tests of a module share."""
    return Run(tmp_path_factory.mktemp("shared"), shared_database.environment)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """Four days of invented news that come out by a clock of their own."""
    served = StandIn(days=4, a_day=20)
    yield served
    served.close()
