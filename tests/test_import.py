"""`scrapy import`: records from files, checked and stored as a crawl would."""

import gzip
import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from backports import zstd

from rfi_news.feeds import feedx
from rfi_news.feeds.story import Story
from rfi_news.site.article import parse_article
from rfi_news.store.store import Store
from tests import invented
from tests.conftest import ROOT, recorded

FEEDX = ROOT / "fixtures" / "feedx"


def record_of(name):
    article = parse_article(recorded(name))
    article.fetched_at = datetime(2024, 4, 1, tzinfo=UTC)
    return article, feedx.write(Story(id=article.url, article=article))


def test_files_folders_lines_and_what_cannot_be_read(run, database, tmp_path):
    folder = tmp_path / "old"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "one.txt.gz").write_bytes(gzip.compress((FEEDX / "column.txt").read_bytes()))
    _, first = record_of("section-article")
    _, second = record_of("comma-slug")
    (folder / "two.txt").write_text(first + second, encoding="utf-8")
    (folder / "bad.txt").write_text("not a record", encoding="utf-8")
    (folder / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    (folder / "torn.gz").write_bytes(gzip.compress((FEEDX / "column.txt").read_bytes())[:400])
    plain = (FEEDX / "plain.txt").read_text(encoding="utf-8")
    head, _, html = plain.partition("------\n\n")
    title, url = head.strip()[1:-1].split("](")
    rows = [json.dumps({"feedx": html, "url": url, "title": title}), "{", json.dumps({"url": url}), "[]"]
    (folder / "rows.jsonl.zst").write_bytes(zstd.compress("\n".join(rows).encode()))

    done = run("import", "feedx", str(folder), "--failed", str(tmp_path / "failed.tsv"))
    assert "10 read: 4 new, 0 known, 6 unreadable" in done.stderr, done.stderr
    assert done.returncode == 1, "more than 15 % were unreadable"
    assert "Traceback" not in done.stderr
    assert "from GBK" in done.stderr
    failed = (tmp_path / "failed.tsv").read_text(encoding="utf-8")
    for place, reason in {
        "bad.txt:1": "not_feedx",
        "bytes.txt": "unreadable",
        "torn.gz": "unreadable",
        "rows.jsonl.zst:2": "not_json",
        "rows.jsonl.zst:3": "not_feedx",
        "rows.jsonl.zst:4": "not_json",
    }.items():
        assert any(place in line and f"\t{reason}\t" in line for line in failed.splitlines()), place

    stored = database.articles.find_one({"column": "要闻解说"})
    assert stored["source"] == "feedx"
    assert stored["fetched_at"] == datetime(2024, 3, 8, 9, 0, 3, tzinfo=UTC)
    assert stored["first_seen_at"] > datetime(2025, 1, 1, tzinfo=UTC), "first stored now, whenever it was read"
    assert database.links.count_documents({"from": stored["url"]}) == 2
    assert database.frontier.find_one({"_id": stored["url"]})["state"] == "stored"

    again = run("import", "feedx", str(folder / "two.txt"))
    assert again.returncode == 0, again.stderr
    assert "2 read: 0 new, 2 known" in again.stderr


def test_a_crawl_upgrades_what_was_imported_and_doubles_nothing(run, site, database, tmp_path):
    article, text = record_of("section-article")
    other, changed = record_of("comma-slug")
    (tmp_path / "a.txt").write_text(text + changed.replace(other.title, "旧标题"), encoding="utf-8")
    assert run("import", "feedx", str(tmp_path / "a.txt")).returncode == 0
    imported = database.articles.find_one({"_id": article.url})
    assert (imported["kicker"], imported["tags"]) == (None, [])

    done = run.crawl(site, "-a", "since=2018-01-01", "-a", "related=all", "-a", "refresh=1")
    assert done.returncode in (0, 1), done.stderr
    upgraded = database.articles.find_one({"_id": article.url})
    assert upgraded["kicker"] == article.kicker
    assert upgraded["tags"] == article.tags
    assert upgraded["source"] == "site"
    assert upgraded["revisions"] == [], "a kicker that the feed did not carry is no correction"
    assert upgraded["first_seen_at"] == imported["first_seen_at"]
    assert database.articles.count_documents({"url": article.url}) == 1
    revised = database.articles.find_one({"_id": other.url})
    assert {change["name"] for change in revised["revisions"][0]["changes"]} == {"title"}

    back = run("import", "feedx", str(tmp_path / "a.txt"))
    assert "0 new, 2 known" in back.stderr
    assert database.articles.find_one({"_id": article.url}) == upgraded, "a feed does not take back what its page said"


def test_what_was_imported_is_not_fetched_again(run, site, database, tmp_path):
    article, text = record_of("section-article")
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    run("import", "feedx", str(tmp_path / "a.txt"))
    run.crawl(site, "-a", "since=2018-01-01", "-a", "topics=中国", "-a", "related=0")
    path = article.url.removeprefix("https://www.rfi.fr")
    assert not any(asked for asked in site.asked if asked == path), "known is known, however it came"
    assert database.articles.count_documents({"url": article.url}) == 1


def test_what_was_exported_comes_back_equal(run, site, database, tmp_path):
    run.crawl(site, "-a", "since=2018-01-01", "-a", "topics=中国", "-a", "related=all")
    moved = database.articles.find_one({})
    change = {"name": "title", "paragraph": None, "parts": [["-", "旧"], ["+", "新"]]}
    revision = {
        "number": 1,
        "seen_at": datetime(2024, 5, 1, tzinfo=UTC),
        "modified_at": None,
        "size": "wording",
        "earlier": {"title": "旧", "modified_at": datetime(2024, 4, 1, tzinfo=UTC)},
        "changes": [change],
    }
    aliases = ["https://www.rfi.fr/cn/%E4%B8%AD%E5%9B%BD/20240301-alt"]
    database.articles.update_one({"_id": moved["_id"]}, {"$set": {"revisions": [revision], "aliases": aliases}})
    before = {one["_id"]: one for one in database.articles.find()}
    out = tmp_path / "all.jsonl.gz"
    assert run("export", "-o", str(out)).returncode == 0

    database.client.drop_database(database.name)
    done = run("import", "jsonl", str(out))
    assert done.returncode == 0, done.stderr
    assert {one["_id"]: one for one in database.articles.find()} == before
    assert database.frontier.find_one({"_id": aliases[0]})["article"] == moved["_id"]
    assert "0 new" in run("import", "jsonl", str(out)).stderr


def test_items_of_a_crawl_can_be_imported_too(run, database, tmp_path):
    path = invented.write(tmp_path / "items.jsonl", [invented.story(1), invented.story(2)])
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        del row["_id"]
    rows[1]["title"] = ""
    rows.append(rows[0] | {"url": "https://example.org/"})
    rows.append(rows[0] | {"published_at": "gestern"})
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    done = run("import", "jsonl", str(path))
    assert "4 read: 1 new, 0 known, 3 unreadable" in done.stderr, done.stderr
    assert "invalid 2, no_story_address 1" in done.stderr
    assert database.articles.count_documents({}) == 1


def test_a_torn_archive_is_told_by_the_exit_status(run, database, tmp_path):
    rows = invented.write(tmp_path / "a.jsonl", [invented.story(n) for n in range(200)]).read_bytes()
    torn = bytearray(gzip.compress(rows))
    (tmp_path / "cut.jsonl.gz").write_bytes(torn[: len(torn) - 60])
    done = run("import", "jsonl", str(tmp_path / "cut.jsonl.gz"))
    assert done.returncode == 1
    assert "unreadable 1" in done.stderr, done.stderr
    for place in range(30, len(torn), len(torn) // 6):
        flipped = bytearray(torn)
        flipped[place] ^= 0xFF
        (tmp_path / "flipped.jsonl.gz").write_bytes(flipped)
        done = run("import", "jsonl", str(tmp_path / "flipped.jsonl.gz"))
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


async def test_a_feed_never_takes_the_place_of_a_page(database):
    """Not even when the page comes in between looking and writing."""
    store = Store(database.settings())
    await store.open()
    page, feed = invented.story(1).article, invented.story(1, title="从订阅来的", kicker=None).article
    await store.save(page)
    store.first_visits.add(feed.url)
    assert not (await store.save(feed, source="feedx", seen=datetime.now(UTC))).is_new
    await store.close()
    stored = database.articles.find_one({"_id": page.url})
    assert (stored["title"], stored["source"]) == (page.title, "site")


def test_what_is_stored_under_any_of_its_addresses_is_known(run, database, tmp_path):
    new, old = invented.story(1), invented.story(2)
    run("import", "jsonl", str(invented.write(tmp_path / "a.jsonl", [new])))
    moved = invented.story(1)
    moved.id = old.id
    path = tmp_path / "b.jsonl"
    done = run("import", "jsonl", str(invented.write(path, [moved], aliases=[old.id])))
    assert "0 new, 1 known" in done.stderr, done.stderr
    other = invented.story(3)
    done = run("import", "jsonl", str(invented.write(path, [other, moved], aliases=[new.id])))
    assert "0 new, 2 known" in done.stderr, done.stderr
    assert database.articles.count_documents({}) == 1
    assert database.frontier.find_one({"_id": new.id})["state"] == "stored"


def test_what_is_young_is_visited_again(run, database, tmp_path):
    path = invented.write(tmp_path / "a.jsonl", [invented.story(1)])
    for now, due in {"2024-03-02T00:00:00Z": True, "2024-06-01T00:00:00Z": False}.items():
        run("import", "jsonl", str(path), "-s", f"NOW={now}")
        entry = database.frontier.find_one({"_id": invented.story(1).id})
        assert (entry["due_at"] is not None, "queue" in entry) == (due, due)
        database.articles.drop()
        database.frontier.drop()


@pytest.mark.parametrize(
    "change",
    [
        {"edition": "zz"},
        {"aliases": ["https://example.org/"]},
        {"_id": "javascript:alert(1)"},
        {"_id": {"$oid": "65f"}},
        {"images": [{"url": "javascript:alert(1)"}]},
        {"related": [{"url": "data:text/html,x", "title": "题"}]},
        {"audio": [{"url": "https://x.fr/\uffff.mp3"}]},
    ],
)
def test_addresses_that_are_none_do_not_come_in(run, database, tmp_path, change):
    path = invented.write(tmp_path / "a.jsonl", [invented.story(1)])
    row = json.loads(path.read_text(encoding="utf-8")) | change
    path.write_text(json.dumps(row), encoding="utf-8")
    done = run("import", "jsonl", str(path))
    assert done.returncode == 1
    assert "1 read: 0 new, 0 known, 1 unreadable" in done.stderr, done.stderr


def test_the_other_kind_is_named(run, database, tmp_path):
    exported = invented.write(tmp_path / "a.jsonl", [invented.story(1)])
    assert "scrapy import jsonl" in run("import", "feedx", str(exported)).stderr
    records = tmp_path / "b.jsonl"
    records.write_text(json.dumps({"feedx": "x", "url": "x", "title": "x"}))
    assert "scrapy import feedx" in run("import", "jsonl", str(records)).stderr
    (tmp_path / "empty").mkdir()
    assert "there was no record" in run("import", "feedx", str(tmp_path / "empty")).stderr


def test_wrong_arguments(run):
    for args, said in {
        ("feedx", str(ROOT / "docs"), "--failed", str(ROOT / "docs" / "x")): "is among what is read",
        ("feedx", str(ROOT / "README.md"), "--failed", "/proc/none/x"): "--failed /proc/none/x",
        ("feedx",): "name files or folders",
        ("other", "x"): "feedx or jsonl",
        ("feedx", "nowhere"): "no such file or folder: nowhere",
    }.items():
        done = run("import", *args)
        assert done.returncode == 2, args
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_hostile_fields_cannot_drive_the_terminal(run, tmp_path):
    path = tmp_path / "a.jsonl"
    row = asdict(invented.story(1).article) | {"title": "", "url": invented.url_of(1) + "\x1b[2J"}
    path.write_text(json.dumps(row, default=str), encoding="utf-8")
    done = run("import", "jsonl", str(path))
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
