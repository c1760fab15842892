"""`scrapy feeds`, and a crawl's exporters."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import feedparser
import pytest
from lxml import etree

from rfi_news.commands.feeds import write_feeds
from rfi_news.commands.stored import mark
from rfi_news.commands.tree import JOURNAL, MANIFEST, Tree, file_name
from rfi_news.exceptions import RfiNewsError
from rfi_news.site import feedx
from tests import invented
from tests.feeds.test_documents import valid

MANY = 57


@pytest.fixture
def filled(run, tmp_path):
    """A store of 57 stories, of which four have a tag of their own and five another."""
    stories = [
        invented.story(number, tags=["四"] * (number < 5) + ["五/六"] * (number < 6)) for number in range(1, MANY + 1)
    ]
    path = invented.write(tmp_path / "stories.jsonl", stories)
    done = run("import", "jsonl", str(path))
    assert done.returncode == 0, done.stderr
    return stories


def seen(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()
    }


def test_the_tree(run, database, filled, tmp_path):
    out = tmp_path / "feeds"
    done = run(
        "feeds",
        "-o",
        str(out),
        "-s",
        "FEEDS_BASE_URL=https://example.org/f",
        "-s",
        "WEBSUB_HUB=https://hub.example.org/",
    )
    assert done.returncode == 0, done.stderr
    assert "57 stories in 6 channels" in done.stderr, done.stderr
    tag = file_name("五/六")
    documents = {path for path in seen(out) if not path.startswith(".")}
    for stem in (
        "all",
        "all/1",
        "sections/中国",
        "sections/国际",
        "sections/法国",
        "authors/河田",
        "authors/河田/1",
        f"tags/{tag}",
    ):
        for suffix in ("rss", "atom", "json"):
            assert f"{stem}.{suffix}" in documents
            documents.discard(f"{stem}.{suffix}")
            valid((out / f"{stem}.{suffix}").read_bytes(), suffix)
    assert documents == {"index.html", "index.opml"}

    whole = feedparser.parse((out / "all.rss").read_bytes())
    assert [entry.id for entry in whole.entries] == [story.id for story in filled[::-1][:50]]
    assert whole.feed.ttl == "30"
    archive = json.loads((out / "all.json").read_text())["next_url"]
    assert archive == "https://example.org/f/all/1.json"
    first = json.loads((out / "all" / "1.json").read_text())
    assert {item["id"] for item in first["items"]} == {story.id for story in filled[:50]}
    listed = etree.parse(out / "index.opml").xpath("//outline[@type='rss']/@xmlUrl")
    assert "https://example.org/f/sections/%E4%B8%AD%E5%9B%BD.rss" in listed
    page = (out / "index.html").read_text()
    assert "中国" in page
    assert "全部新闻" in page

    before = seen(out)
    for _ in range(3):
        again = run(
            "feeds",
            "-o",
            str(out),
            "-s",
            "FEEDS_BASE_URL=https://example.org/f",
            "-s",
            "WEBSUB_HUB=https://hub.example.org/",
        )
        assert "0 written" in again.stderr
    assert seen(out) == before, "no news, not a byte, not a time"


def test_news_change_what_they_must(run, database, filled, tmp_path):
    out = tmp_path / "feeds"
    run("feeds", "-o", str(out))
    before = seen(out)
    (out / "sections" / "法国.rss").write_text("torn")
    gone = filled[-1].id
    database.articles.update_one(
        {"_id": filled[0].id}, {"$set": {"title": "改过", "content_hash": "x", "last_seen_at": datetime.now(UTC)}}
    )
    database.articles.delete_many({"tags": "五/六", "_id": {"$ne": filled[0].id}})
    database.articles.delete_one({"_id": gone})
    done = run("feeds", "-o", str(out))
    after = seen(out)
    assert "removed" in done.stderr
    assert not (out / "tags").exists(), "four stories have no feed of their own, and no folder"
    assert b"torn" not in after["sections/法国.rss"][0]
    assert after["all.rss"][0] != before["all.rss"][0]
    assert "改过" in (out / "sections" / "国际.rss").read_text()
    assert not list(out.rglob("*.part"))


def test_fifty_builds_without_news(database, filled, run, tmp_path):
    """In this process, as fifty commands would take their time."""
    out = tmp_path / "feeds"
    settings = database.settings(DATA_DIR=str(tmp_path))
    before = None
    for _ in range(50):
        with Tree(out, "feeds") as tree:
            asyncio.run(write_feeds(settings, tree, base="", hub=""))
        before = before or seen(out)
    assert tree.written == 0
    assert seen(out) == before


def test_relative_addresses_without_a_base(run, filled, tmp_path):
    out = tmp_path / "feeds"
    done = run("feeds", "-o", str(out))
    assert "FEEDS_BASE_URL is not set" in done.stderr
    assert json.loads((out / "all.json").read_text())["next_url"] == "all/1.json"
    root = etree.parse(out / "all" / "1.atom")
    held = {link.get("rel"): link.get("href") for link in root.iter("{http://www.w3.org/2005/Atom}link")}
    assert held["current"] == "../all.atom"
    assert "self" not in held


def test_a_document_that_is_no_article_is_told_of_each_time(run, database, filled, tmp_path):
    bad = filled[-1].id
    database.client[database.name].command({"collMod": "articles", "validator": {}})
    database.articles.update_one({"_id": bad}, {"$set": {"url": "javascript:alert(1)"}})
    for command in ("feeds", "reader"):
        for _ in range(2):
            done = run(command, "-o", str(tmp_path / command))
            assert done.returncode == 0, done.stderr
            assert f"left out, as it is no article: {bad}" in done.stderr


def test_what_cannot_be(run, tmp_path):
    empty = run("feeds", "-o", str(tmp_path / "feeds"))
    assert empty.returncode == 1
    assert "Traceback" not in empty.stderr
    assert "no article yet" in empty.stderr
    wrong = run("feeds", "-s", "FEEDS_BASE_URL=example.org")
    assert wrong.returncode == 2
    assert "FEEDS_BASE_URL=example.org is not accepted" in wrong.stderr
    (tmp_path / "file").write_text("")
    blocked = run("feeds", "-o", str(tmp_path / "file"))
    assert blocked.returncode == 1
    assert "Traceback" not in blocked.stderr


def test_a_folder_belongs_to_one_command(run, filled, tmp_path):
    out = tmp_path / "pub"
    assert run("feeds", "-o", str(out)).returncode == 0
    other = run("reader", "-o", str(out))
    assert other.returncode == 1
    assert "is the folder of scrapy feeds" in other.stderr
    assert (out / "all.rss").exists()

    home = tmp_path / "home"
    home.mkdir()
    (home / "index.html").write_text("mine")
    refused = run("feeds", "-o", str(home))
    assert refused.returncode == 1
    assert "holds files that scrapy feeds did not write" in refused.stderr
    assert [file.name for file in home.iterdir()] == ["index.html"]


def test_a_manifest_cannot_lead_out_of_its_folder(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("x")
    folder = tmp_path / "tree"
    folder.mkdir()
    held = {"owner": "feeds", "files": {str(victim): ["k", 1], "../victim": ["k", 1]}}
    (folder / MANIFEST).write_text(json.dumps(held))
    (folder / JOURNAL).write_text(f"{victim}\n../victim\n")
    with Tree(folder, "feeds") as tree:
        tree.write("a.txt", b"a")
    assert victim.exists()
    for text in ("[]", "", '{"owner": "feeds", "files": {"a": 1}}'):
        (folder / MANIFEST).write_text(text)
        with pytest.raises(RfiNewsError, match="cannot be read"), Tree(folder, "feeds"):
            pass
    (folder / MANIFEST).unlink()
    with pytest.raises(RfiNewsError, match="is gone"), Tree(folder, "feeds"):
        pass


def test_a_build_that_was_cut_off_is_not_whole(tmp_path):
    with Tree(tmp_path / "t", "reader") as tree:
        tree.write("page", b"1", "1")
        tree.write("kept", b"1", "1")
        tree.write("index", b"1", "first")
    with pytest.raises(KeyboardInterrupt), Tree(tmp_path / "t", "reader") as tree:  # noqa: PT012
        tree.write("page", b"2", "2")
        raise KeyboardInterrupt
    with Tree(tmp_path / "t", "reader") as tree:
        assert not tree.is_whole("index", "first")
        assert not tree.has("page", "1")
        tree.write("page", b"1", "1")
        tree.write("index", b"1", "first")
    assert not (tmp_path / "t" / "kept").exists(), "it is no part of the last whole build"


KILLED = """
import os, sys
from pathlib import Path
from rfi_news.commands.tree import Tree
with Tree(Path(sys.argv[1]), "feeds") as tree:
    tree.write("all", b"B", "b")
    tree.write("deep/only", b"B", "b")
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("is_first", [True, False])
def test_what_a_killed_build_wrote_is_put_right(tmp_path, is_first):
    folder = tmp_path / "t"

    def build():
        with Tree(folder, "feeds") as tree:
            if not tree.has("all", "a"):
                tree.write("all", b"A", "a")

    if not is_first:
        build()
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert (folder / "all").read_bytes() == b"B"
    build()
    assert (folder / "all").read_bytes() == b"A"
    assert not (folder / "deep").exists()


def test_what_changes_a_story_changes_its_mark():
    row = {"_id": "a", "aliases": [], "revisions": []}
    assert mark(row) != mark(row | {"aliases": ["b"]})
    assert mark(row) != mark(row | {"revisions": [{"seen_at": 1}]})


def test_names_that_no_file_may_have():
    names = ["中国", "a/b", "..", ".x", "AFP", "afp", "字" * 200, "a\\b", "x\x00y", "con?", " 空 格 ", ""]
    made = [file_name(name) for name in names]
    assert made[0] == "中国"
    assert made[5] == "afp"
    assert len({name.casefold() for name in made}) == len(made), "two names are never one file"
    for name in made:
        assert name
        assert len(name.encode()) <= 140
        assert not set(name) & set('/\\:*?"<>|\x00 ')
        assert not name.startswith(".")


def test_a_crawl_writes_every_form(run, site, tmp_path):
    names = ("new.rss", "new.atom", "new.feed.json", "new.md", "new.feedx", "new.jsonl")
    outputs = [part for name in names for part in ("-O", name)]
    done = run.crawl(site, "-a", "since=2018-01-01", "-a", "topics=中国", "-a", "related=0", *outputs)
    assert "Traceback" not in done.stderr, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines()]
    assert rows
    titles = {row["title"] for row in rows}
    for name, suffix in {"new.rss": "rss", "new.atom": "atom", "new.feed.json": "json"}.items():
        valid((tmp_path / name).read_bytes(), suffix)
    assert {entry.title for entry in feedparser.parse((tmp_path / "new.rss").read_bytes()).entries} == titles
    assert {item["title"] for item in json.loads((tmp_path / "new.feed.json").read_text())["items"]} == titles
    assert (tmp_path / "new.md").read_text().count("\nchar_count: ") == len(rows)
    text = (tmp_path / "new.feedx").read_text()
    records = ["<!--" + part for part in text.split("<!--")[1:] if part[:10].isdigit()]
    assert {feedx.parse_record(feedx.read_record(record)).title for record in records} == titles

    refused = run.crawl(site, "-o", "new.rss")
    assert refused.returncode == 2
    assert "nothing can be appended to new.rss" in refused.stderr
