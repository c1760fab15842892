"""`scrapy crawl rfi_cn` as a user runs it: a real command, real HTTP, a real database."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from rfi_news.recordings import read_folder
from rfi_news.site.addresses import HOST
from tests.conftest import SITE, Answer, expected, listing_page, names, story_page

SINCE = ("-a", "since=2018-01-01")


def stories():
    return {expected(name)["url"] for name in names("article")}


def lines(run, name="out.jsonl"):
    return [json.loads(line) for line in (run.directory / name).read_text(encoding="utf-8").splitlines()]


def story(number: int, day: str = "20240305") -> str:
    return f"/cn/中国/{day}-story-{number}"


@pytest.fixture
def small(empty_site):
    """Three stories on one topic page; the first leads to a fourth, the fourth to a fifth."""
    related = '<aside><div role="heading">同一主题</div><a href="{}" data-article-item-link><h2>题</h2></a></aside>'
    for number in range(1, 6):
        after = {1: related.format(story(4)), 4: related.format(story(5))}.get(number, "")
        empty_site.add(story(number), story_page(f"标题{number}", story(number), after=after))
    empty_site.add("/cn/中国/", listing_page(story(1), story(2), story(3)))
    return empty_site


def stored(database):
    return {document["_id"] for document in database.articles.find({}, {"_id": 1})}


def address(path: str) -> str:
    return HOST + quote(path)


def test_the_whole_recorded_site(run, site, database):
    done = run.crawl(site, *SINCE, "-a", "related=all", "-O", "out.jsonl")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert stored(database) == stories() == {item["url"] for item in lines(run)}
    assert max(site.asked.values()) == 1, "an address was fetched twice"
    assert database.last_run()["verdict"] == "good"
    assert database.last_run()["failed"] == {"article/no_title": 1}
    assert "  new      43\n" in done.stderr
    assert done.stdout == ""

    seed = expected("section-article")
    item = next(item for item in lines(run) if item["url"] == seed["url"])
    assert item["published_at"] == seed["published_at"]
    assert item["images"] == seed["images"]
    document = database.articles.find_one({"_id": seed["url"]})
    assert document["first_seen_at"] == document["last_seen_at"] == document["fetched_at"]
    links = database.links.find({"from": seed["url"]}).sort("position")
    assert [(link["to"], link["kicker"]) for link in links] == [
        (part["url"], part["kicker"]) for part in seed["related"]
    ]

    site.asked.clear()
    again = run.crawl(site, *SINCE, "-a", "related=all")
    assert again.returncode == 0, again.stderr
    fetched = {path for path in site.asked if address(path) in stories()}
    assert fetched == set(), "a second run fetched articles"
    assert "  known    43 met, not fetched again\n" in again.stderr


def test_who_asks(run, small):
    run.crawl(small, "-a", "topics=中国", *SINCE, RFI_NEWS_CONTACT="mailto:me@example.org")
    (agent,) = small.agents
    assert agent.startswith("rfi-news/")
    assert "mailto:me@example.org" in agent
    assert small.asked["/robots.txt"] == 1


def test_robots_are_obeyed(run, small, database):
    small.pages["/robots.txt"].body = f"User-agent: *\nDisallow: {quote(story(2))}\n".encode()
    done = run.crawl(small, "-a", "topics=中国", *SINCE)
    assert address(story(2)) not in stored(database)
    assert small.asked[story(2)] == 0
    assert "article/robots 1" in done.stderr


@pytest.mark.parametrize(("hops", "count"), [("0", 3), ("1", 4), ("2", 5), ("all", 5)])
def test_hops(run, small, database, hops, count):
    run.crawl(small, "-a", "topics=中国", *SINCE, "-a", f"related={hops}")
    assert database.articles.count_documents({}) == count


def test_what_a_known_story_leads_to_is_not_forgotten(run, small, database):
    run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "related=0")
    run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "related=all")
    assert database.articles.count_documents({}) == 5
    assert max(small.asked[story(number)] for number in range(1, 6)) == 1


def test_a_story_met_far_then_near_is_followed_as_from_near(run, empty_site, database):
    """The first listed story leads to the second listed one, which leads to a third."""
    related = '<aside><div role="heading">同一主题</div><a href="{}" data-article-item-link><h2>题</h2></a></aside>'
    paths = [story(1, "20240309"), story(2, "20240305"), story(3, "20200101")]
    for number, path in enumerate(paths):
        after = related.format(paths[number + 1]) if number < 2 else ""
        empty_site.add(path, story_page("标题", path, after=after))
    pager = '<a class="m-pagination__item__link--next" href="/cn/中国/2/#pager">›</a>'
    empty_site.add("/cn/中国/", listing_page(paths[0], pager=pager))
    empty_site.add("/cn/中国/2/", listing_page(paths[1]))
    run.crawl(empty_site, "-a", "topics=中国", *SINCE)
    assert stored(database) == {address(path) for path in paths}
    database.articles.delete_one({"_id": address(paths[2])})
    run.crawl(empty_site, "-a", "topics=中国", *SINCE)
    assert stored(database) == {address(path) for path in paths}


def test_until_alone_looks_past_what_is_newer(run, empty_site, database):
    days = [datetime.now(UTC) - timedelta(days=number) for number in range(3)]
    paged(empty_site, [f"{day:%Y%m%d}" for day in days])
    run.crawl(empty_site, "-a", "topics=中国")
    assert database.last_run()["verdict"] == "good"
    database.articles.delete_one({"_id": address(story(3, f"{days[2]:%Y%m%d}"))})
    run.crawl(empty_site, "-a", "topics=中国", "-a", f"until={days[2]:%Y-%m-%d}")
    assert database.articles.count_documents({}) == 3


def test_a_topic_page_that_failed_once_is_read_the_next_time(run, empty_site, database):
    today = f"{datetime.now(UTC):%Y%m%d}"
    paged(empty_site, [today, today, today])
    second = empty_site.pages.pop("/cn/中国/2/")
    run.crawl(empty_site, "-a", "topics=中国")
    assert database.articles.count_documents({}) == 1
    empty_site.pages["/cn/中国/2/"] = second
    run.crawl(empty_site, "-a", "topics=中国")
    assert database.articles.count_documents({}) == 3


def test_a_mirror_that_sends_back_to_the_site_is_a_failure(run, small, database):
    small.add(story(2), status=302, headers={"Location": address(story(2))})
    done = run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "related=0")
    assert "article/redirect_loop 1" in done.stderr
    assert stored(database) == {address(story(1)), address(story(3))}


def test_limit_gives_the_place_of_an_unreadable_story_to_the_next(run, small, database):
    small.add(story(1), story_page("标题", story(1)).replace(b"t-content__body", b"x"))
    run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "limit=2", "-a", "related=0")
    assert stored(database) == {address(story(2)), address(story(3))}


def test_limit(run, small, database):
    done = run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "limit=2")
    assert done.returncode == 0, done.stderr
    assert database.articles.count_documents({}) == 2
    assert database.last_run()["reason"] == "limit"
    run.crawl(small, "-a", "topics=中国", *SINCE)
    assert database.articles.count_documents({}) == 4


def test_limit_gives_the_place_of_a_missing_story_to_the_next(run, small, database):
    small.add(story(1), b"gone", status=410)
    run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "limit=2", "-a", "related=0")
    assert stored(database) == {address(story(2)), address(story(3))}


def test_refresh(run, small, database):
    run.crawl(small, "-a", "topics=中国", *SINCE)
    before = database.articles.find_one({"_id": address(story(1))})
    small.add(story(1), story_page("改过的标题", story(1)))
    run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "refresh=1")
    after = database.articles.find_one({"_id": address(story(1))})
    assert after["title"] == "改过的标题"
    assert after["content_hash"] != before["content_hash"]
    assert after["first_seen_at"] == before["first_seen_at"]


def paged(site, days: list[str]) -> None:
    """One story a page, newest first."""
    for number, day in enumerate(days, start=1):
        path = story(number, day)
        site.add(path, story_page(f"标题{number}", path))
        pager = f'<a class="m-pagination__item__link--next" href="/cn/中国/{number + 1}/#pager">›</a>'
        site.add(
            "/cn/中国/" + (f"{number}/" if number > 1 else ""),
            listing_page(path, pager=pager if number < len(days) else ""),
        )


def listings(site):
    return sorted(path for path in site.asked if path.endswith("/"))


def test_days(run, empty_site, database):
    paged(empty_site, ["20240305", "20240304", "20240303", "20240302", "20240301", "20240228"])
    run.crawl(empty_site, "-a", "topics=中国", "-a", "since=2024-03-03", "-a", "until=2024-03-04")
    # A story's address may carry the day before it was published, so the day before counts.
    assert {url[-16:-8] for url in stored(database)} == {"20240304", "20240303", "20240302"}
    assert empty_site.asked["/cn/中国/6/"] == 0


def test_three_days_back_on_an_empty_store_then_until_nothing_is_new(run, empty_site, database):
    now = datetime.now(UTC)
    today = f"{now:%Y%m%d}"
    paged(empty_site, [today, today, today, "20200101", "20191231", "20191230"])
    run.crawl(empty_site, "-a", "topics=中国")
    assert database.articles.count_documents({}) == 3
    assert listings(empty_site) == ["/cn/中国/", "/cn/中国/2/", "/cn/中国/3/", "/cn/中国/4/"]
    empty_site.asked.clear()
    run.crawl(empty_site, "-a", "topics=中国")
    assert listings(empty_site) == ["/cn/中国/"]


def test_a_topic_the_site_does_not_have(run, small):
    done = run.crawl(small, "-a", "topics=欧洲,中国", *SINCE)
    assert done.returncode == 0
    assert "listing/http_404 1" in done.stderr


def test_absolute_links_and_redirects_stay_at_the_origin(run, empty_site, database):
    moved, target = story(1), story(2)
    empty_site.add(
        "/cn/中国/", listing_page("http://www.rfi.fr//cn/中国/20240305-story-1?ref=x", f"{HOST}{story(3)}#top")
    )
    empty_site.add(moved, status=301, headers={"Location": address(target)})
    empty_site.add(target, story_page("搬走了", target))
    empty_site.add(story(3), story_page("没动", story(3)))
    done = run.crawl(empty_site, "-a", "topics=中国", *SINCE)
    assert done.returncode == 0, done.stderr
    assert stored(database) == {address(target), address(story(3))}


def test_one_story_under_two_addresses_is_stored_once(run, empty_site, database):
    empty_site.add("/cn/中国/", listing_page(story(1), story(2)))
    empty_site.add(story(1), story_page("同一篇", story(1)))
    empty_site.add(story(2), story_page("同一篇", story(1)))
    done = run.crawl(empty_site, "-a", "topics=中国", *SINCE)
    assert stored(database) == {address(story(1))}
    assert "Traceback" not in done.stderr


def test_bad_pages_among_good_ones(run, empty_site, database):
    good = [story(number) for number in range(1, 21)]
    for path in good:
        empty_site.add(path, story_page("好", path))
    html = {"Content-Type": "text/html; charset=UTF-8"}
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
    bad = {
        "binary": Answer(png, headers={"Content-Type": "image/png"}),
        "lying": Answer(png),
        "empty": Answer(b""),
        "truncated": Answer(story_page("断", "/x")[:300]),
        "cut": Answer(story_page("断", "/x"), headers=html | {"Content-Length": "999999"}),
        "charset": Answer(story_page("乱" * 100, story(99)).decode().encode("gb18030")),
        "loop": Answer(status=302, headers={"Location": quote("/cn/中国/20240304-loop")}),
        "away": Answer(status=302, headers={"Location": "http://evil.example/x"}),
        "huge": Answer(story_page("大", "/x", "x" * 11_000_000)),
        "gone": Answer(b"gone", 410),
        "no-title": Answer(b"<html><body><p>x</p></body></html>"),
    }
    links = list(good)
    for name, answer in bad.items():
        path = f"/cn/中国/20240304-{name}"
        empty_site.pages[path] = answer
        links.append(path)
    big, script = "/cn/中国/20240304-big", "/cn/中国/20240304-script"
    empty_site.add(big, story_page("五兆", big, "<p>正文一句。</p>" * 250_000))
    empty_site.add(script, story_page("<script>alert(1)</script>脚本来了", script))
    itself = '<a class="m-pagination__item__link--next" href="/cn/中国/#pager">›</a>'
    foreign = [
        "javascript:alert(1)",
        "https://evil.example/cn/中国/20240305-x",
        "mailto:a@b.fr",
        "//evil.example/x",
        "http://[",
    ]
    empty_site.add("/cn/中国/", listing_page(*links, big, script, *foreign, pager=itself))

    done = run.crawl(empty_site, "-a", "topics=中国", *SINCE, "-s", "RETRY_TIMES=0")
    assert "Traceback" not in done.stderr, done.stderr
    assert stored(database) == {address(path) for path in [*good, big, script]}
    assert database.last_run()["failed"] == {
        "article/not_html": 2,
        "article/empty": 1,
        "article/truncated": 1,
        "article/cut_off": 1,
        "article/charset": 1,
        "article/redirect_loop": 1,
        "article/offsite": 1,
        "article/too_large": 1,
        "article/no_title": 1,
    }
    assert database.last_run()["figures"]["not_there"] == 1
    assert database.articles.find_one({"_id": address(script)})["title"] == "脚本来了"


def test_what_a_server_says_does_not_reach_the_terminal(run, small, database):
    bad = (
        story_page("标题2", story(2))
        .replace(b"2024-03-05T10:00:00+00:00", b"9999-12-31T23:59:59-14:00")
        .replace(b"05/03/2024 - 11:00", b"")
    )
    small.add(story(2), bad)
    small.add(story(3), status=302, headers={"Location": "http://evil.example/\x1b[2J"})
    done = run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "related=0")
    assert stored(database) == {address(story(1))}
    assert database.last_run()["failed"] == {"article/no_time": 1, "article/offsite": 1}
    assert "\x1b" not in done.stderr
    assert "正文" not in done.stderr


def test_mostly_unreadable_is_a_bad_run(run, empty_site, database):
    paths = [story(number) for number in range(1, 11)]
    empty_site.add("/cn/中国/", listing_page(*paths))
    for number, path in enumerate(paths):
        page = story_page("标题", path)
        empty_site.add(path, page.replace(b"t-content__body", b"t-content__corps") if number < 2 else page)
    done = run.crawl(empty_site, "-a", "topics=中国", *SINCE)
    assert done.returncode == 1
    assert "2 of 10 fetched articles could not be read" in done.stderr
    assert database.last_run()["verdict"] == "bad"
    assert database.articles.count_documents({}) == 8


def test_nothing_seen_is_a_bad_run(run, empty_site):
    done = run.crawl(empty_site)
    assert done.returncode == 1
    assert "Nothing was seen" in done.stderr


def test_a_site_out_of_reach(run):
    done = run("crawl", "rfi_cn", "-a", "origin=http://127.0.0.1:9", *run.FAST, "-L", "WARNING")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "http://127.0.0.1:9 cannot be reached" in line


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("since=yesterday", "since=yesterday is not accepted: a Paris day"),
        ("topics=火星", "topics=火星 is not accepted: no topic '火星'. Known: 中国、国际"),
        ("topic=中国", "topic=中国: no such argument. Known: topics, since"),
        ("related=-1", "related=-1 is not accepted: hops"),
        ("origin=rfi.fr", "origin=rfi.fr is not accepted: where pages are fetched"),
    ],
)
def test_a_wrong_argument(run, argument, said):
    done = run("crawl", "rfi_cn", "-a", argument)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_store_out_of_reach(run, small):
    done = run.crawl(
        small, *SINCE, "-s", "STORE_PATIENCE=0", "-L", "ERROR", MONGODB_URI="mongodb://me:secret@127.0.0.1:9/"
    )
    assert done.returncode == 1
    assert "127.0.0.1:9 did not answer" in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_killed_crawl_is_taken_up(run, small, database):
    small.held.add(story(3))
    crawl = run.start(
        "crawl",
        "rfi_cn",
        "-a",
        f"origin={small.origin}",
        "-a",
        "topics=中国",
        *SINCE,
        *run.FAST,
        "-s",
        "STORE_BULK_SECONDS=0.1",
    )
    assert small.reached.wait(60)
    while database.articles.count_documents({}) < 2:  # what was fetched before is acknowledged sooner or later
        assert crawl.poll() is None
    os.kill(crawl.pid, signal.SIGKILL)
    crawl.communicate()
    small.released.set()
    small.held.clear()
    done = run.crawl(small, "-a", "topics=中国", *SINCE, "-a", "related=all")
    assert done.returncode == 0, done.stderr
    assert database.articles.count_documents({}) == 5
    assert {number: small.asked[story(number)] for number in range(1, 6) if small.asked[story(number)] > 1} == {3: 2}


def test_a_run_stopped_by_hand_stores_what_it_fetched(run, small, database):
    small.held.add(story(3))
    crawl = run.start("crawl", "rfi_cn", "-a", f"origin={small.origin}", "-a", "topics=中国", *SINCE, *run.FAST)
    assert small.reached.wait(60)
    crawl.send_signal(signal.SIGTERM)
    small.released.set()
    output, _ = crawl.communicate(timeout=60)
    assert "Traceback" not in output, output
    assert {address(story(1)), address(story(2))} <= stored(database)
    assert database.last_run()["reason"] == "shutdown"


def test_recordings_hold_every_listed_story():
    assert stories() <= set(read_folder(SITE))
