import json

import pytest

from tests.conftest import SITE, expected, recorded, story_page

SEED = "section-article"


def test_a_saved_page(run):
    truth = expected(SEED)
    done = run("article", str(SITE / f"{SEED}.html"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    shown = done.stdout.replace("\n", "")
    for part in (truth["title"], truth["kicker"], truth["lead"], truth["url"], *truth["text"].split("\n")):
        assert part.replace(" ", "") in shown.replace(" ", "")
    assert "同一主题" in done.stdout


def test_as_json_and_as_html(run):
    truth = expected(SEED)
    values = json.loads(run("article", "--json", str(SITE / f"{SEED}.html")).stdout)
    assert {name: values[name] for name in truth} == truth
    assert run("article", "--html", str(SITE / f"{SEED}.html")).stdout == truth["body_html"] + "\n"


def test_from_the_site(run, site):
    truth = expected(SEED)
    done = run("article", "--json", "--origin", site.origin, truth["url"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["url"] == truth["url"]
    assert site.asked["/robots.txt"] == 1
    missing = run("article", "--origin", site.origin, "https://www.rfi.fr/cn/中国/20240305-nothing")
    assert missing.returncode == 1
    (line,) = missing.stderr.splitlines()
    assert "http_404" in line


def test_from_the_store(run, site):
    run.crawl(site, "-a", "since=2018-01-01", "-a", "topics=中国", "-a", "related=0")
    newest = run("article", "--stored", "--json")
    assert newest.returncode == 0, newest.stderr
    url = json.loads(newest.stdout)["url"]
    again = json.loads(run("article", "--stored", "--json", url).stdout)
    assert again["url"] == url
    absent = run("article", "--stored", "https://www.rfi.fr/cn/中国/20240305-nothing")
    assert absent.returncode == 1
    assert "not in" in absent.stderr


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("no-such-file.html",), 1, "neither a file nor an address"),
        (("https://evil.example/cn/x",), 1, "neither a file nor an address"),
        ((), 2, "name one URL or file, not none"),
        (("/",), 1, "neither a file nor an address"),
        (("--origin", "foo", "/cn/x"), 2, "origin=foo is not accepted"),
    ],
)
def test_what_cannot_be_shown(run, args, status, said):
    done = run("article", *args)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_cannot_drive_the_terminal(run, tmp_path):
    page = tmp_path / "page.html"
    page.write_bytes(story_page("标题\x1b]0;x\x07\u202e转", "/cn/中国/20240305-a", "<p>\x1b[2J正文[red]红[/red]</p>"))
    done = run("article", str(page))
    assert done.returncode == 0, done.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)
    assert "[red]红[/red]" in done.stdout


def test_a_page_that_is_no_story(run):
    done = run("article", str(SITE / "not-an-article.html"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "no headline" in line
    assert recorded("not-an-article").url in line


def test_the_commands_are_listed(run):
    assert "article" in run().stdout
    assert "same" not in run("crawl", "-h").stderr
    assert "Exit status" in run("crawl", "-h").stdout
