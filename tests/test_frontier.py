"""Every story, once, with its corrections: what is found, when it is looked at again, what came of it."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import quote

import pytest

from rfi_news.site.addresses import HOST
from tests.standin import FIRST, StandIn

END = FIRST + timedelta(days=4)
ALL = ("-a", f"since={FIRST:%Y-%m-%d}", "-a", "related=all", "-a", "sources=rss,topics,related,archive")


def at(moment: datetime) -> tuple[str, ...]:
    return ("-s", f"NOW={moment.isoformat()}")


def address(path: str) -> str:
    return HOST + quote(path)


def stored(database):
    return sorted(document["url"] for document in database.articles.find({}, {"url": 1}))


def asked_stories(standin):
    return {path: count for path, count in standin.asked.items() if address(path) in set(standin.truth())}


def move(standin, verb, **query):
    standin.control(verb, {name: value if isinstance(value, list) else [value] for name, value in query.items()})


def test_everything_then_nothing(run, standin, database):
    done = run.crawl(standin, *ALL, *at(END))
    assert done.returncode == 0, done.stderr
    assert stored(database) == standin.truth()
    assert max(asked_stories(standin).values()) == 1
    entry = database.frontier.find_one({"_id": standin.truth()[0]})
    assert {"edition", "kind", "state", "discovered_from", "source", "first_seen_at", "depth", "tries"} <= set(entry)
    assert (entry["state"], entry["lease"], entry["last_status"]) == ("stored", None, 200)

    standin.asked.clear()
    again = run.crawl(standin, *at(END))
    assert again.returncode == 0, again.stderr
    assert asked_stories(standin) == {}
    sources = [path for path in standin.asked if path != "/robots.txt"]
    assert len(sources) <= 3, sources


@pytest.mark.parametrize("sources", ["sitemap", "archive", "rss,topics", "rss,related", "topics,sitemap"])
def test_each_source_by_itself(run, standin, database, sources):
    move(standin, "now", t=(FIRST + timedelta(days=1)).isoformat())
    done = run.crawl(
        standin, "-a", f"sources={sources}", "-a", f"since={FIRST:%Y-%m-%d}", *at(FIRST + timedelta(days=1))
    )
    assert done.returncode == 0, done.stderr
    listed = {address(story.path) for story in standin.listed}
    wanted = listed if sources != "rss,related" else {address(story.path) for story in standin.listed[:30]}
    assert wanted <= set(stored(database))
    told = {entry["source"] for entry in database.frontier.find({"kind": "article"})}
    assert told <= {*sources.split(","), "related"}


def test_a_back_fill_brings_exactly_those_days(run, standin, database):
    days = ("2024-03-02", "2024-03-03")
    done = run.crawl(
        standin,
        "-a",
        "sources=archive",
        "-a",
        f"since={days[0]}",
        "-a",
        f"until={days[1]}",
        *at(END),
        "-O",
        "out.jsonl",
    )
    assert done.returncode == 0, done.stderr
    wanted = {address(s.path) for day in days for s in standin.days[day.replace("-", "/")]}
    assert set(stored(database)) == wanted
    assert any("快讯" in item["title"] or "/cn/%E4%BA%91" in item["url"] for item in lines(run)), "no undated address"


def lines(run):
    return [json.loads(line) for line in (run.directory / "out.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_source_that_fails_is_told_and_the_others_go_on(run, standin, database):
    move(standin, "fail", n="99", status="500", path="/cn/rss")
    done = run.crawl(standin, "-a", "sources=rss,topics,sitemap", *ALL[:2], *at(END), "-s", "RETRY_TIMES=0")
    assert done.returncode == 0, done.stderr
    assert "feed/http_500 1" in done.stderr
    assert {address(story.path) for story in standin.listed} <= set(stored(database))


def test_two_crawls_share_the_work(run, standin, database):
    started = [
        run.start("crawl", "rfi_cn", "-a", f"origin={standin.origin}", *ALL, *at(END), *run.FAST) for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    run.crawl(standin, *ALL, *at(END))
    assert stored(database) == standin.truth()
    assert max(asked_stories(standin).values()) == 1


def test_what_rss_does_not_reach_the_topics_bring(run, standin, database):
    move(standin, "now", t=(FIRST + timedelta(hours=12)).isoformat())
    run.crawl(standin, *at(FIRST + timedelta(hours=12)))
    later = FIRST + timedelta(days=3)
    move(standin, "now", t=later.isoformat())
    standin.asked.clear()
    done = run.crawl(standin, *at(later))
    assert done.returncode == 0, done.stderr
    assert {address(s.path) for s in standin.listed} <= set(stored(database))
    assert standin.asked["/cn/中国/rss"] == 1, "a section's feed is cheaper than its pages"


# Revisits and revisions ----------------------------------------------------------------------


def first_listed(standin, *numbers):
    found = sorted((s for s in standin.stories.values() if s.is_listed), key=lambda s: s.published)
    return [found[number] for number in numbers]


def visits(run, standin, database, hours, *more):
    """A run so many hours after the beginning; which stories it fetched, and what the server said."""
    now = FIRST + timedelta(hours=hours)
    move(standin, "now", t=now.isoformat())
    standin.asked.clear()
    standin.statuses.clear()
    done = run.crawl(standin, *at(now), *more)
    assert done.returncode == 0, done.stderr
    return {path for path in standin.asked if path in standin.stories or path in standin.moves}, dict(standin.statuses)


@pytest.mark.slow
def test_young_stories_are_looked_at_again(run, standin, database):
    (story,) = first_listed(standin, 0)
    seen = [hours for hours in (0.2, 0.7, 1.2, 2, 6.5, 23, 25, 24 * 7 + 1, 24 * 7 + 2)
            if story.path in visits(run, standin, database, hours)[0]]  # fmt: skip
    assert seen == [0.2, 1.2, 6.5, 25, 24 * 7 + 1]
    assert database.articles.find_one({"_id": address(story.path)})["revisions"] == []


@pytest.mark.parametrize("validators", [True, False])
def test_edits_moves_and_removals(run, database, validators):
    standin = StandIn(days=1, a_day=40, validators=validators)
    visits(run, standin, database, 2)
    edited, moved, gone, same = first_listed(standin, 0, 1, 2, 3)
    old = moved.path
    before = {document["_id"]: document for document in database.articles.find()}
    move(standin, "edit", path=edited.path, replace="港口一切如常", by="港口暂停开放")
    move(standin, "edit", path=edited.path, add="补充：渡轮明天恢复。")
    move(standin, "move", path=old, to=old + "-更正")
    move(standin, "gone", path=gone.path)
    _, statuses = visits(run, standin, database, 7)
    after = {document["_id"]: document for document in database.articles.find()}

    document = after[address(edited.path)]
    (revision,) = document["revisions"]
    assert (revision["number"], revision["size"]) == (1, "paragraphs")
    assert revision["earlier"]["text"] == before[address(edited.path)]["text"]
    assert revision["seen_at"] > document["first_seen_at"]
    parts = [change["parts"] for change in revision["changes"]]
    assert [["+", "补充：渡轮明天恢复。"]] in parts
    assert any(["-", "一切如常"] in part and ["+", "暂停开放"] in part for part in parts)

    document = after[address(old)]
    assert (document["url"], document["aliases"]) == (address(old + "-更正"), [address(old)])
    assert address(old + "-更正") not in after, "one story became two documents"
    assert document["revisions"] == []

    assert after[address(gone.path)]["gone_at"] is not None
    assert after[address(gone.path)]["text"] == before[address(gone.path)]["text"]
    assert [d["_id"] for d in after.values() if d["revisions"]] == [address(edited.path)]
    assert after[address(same.path)]["gone_at"] is None
    assert bool(statuses.get(304)) == validators
    assert set(before) <= set(after), "the guid changed"

    move(standin, "back", path=gone.path)
    visits(run, standin, database, 26)
    assert database.articles.find_one({"_id": address(gone.path)})["gone_at"] is None
    standin.close()


@pytest.mark.parametrize(
    ("edit", "size"),
    [
        ({"replace": "完。", "by": "完！"}, "punctuation"),
        ({"replace": "乘坐渡轮", "by": "搭乘渡轮"}, "wording"),
        ({"replace": "101人", "by": "110人"}, "figures_or_names"),
        ({"add": "又一段。"}, "paragraphs"),
        ({"byline": "北湾岛特约记者 白露"}, "figures_or_names"),
    ],
)
def test_how_much_was_changed(run, standin, database, edit, size):
    visits(run, standin, database, 1.5)
    (story,) = first_listed(standin, 1)
    move(standin, "edit", path=story.path, **edit)
    visits(run, standin, database, 8)
    document = database.articles.find_one({"_id": address(story.path)})
    assert [revision["size"] for revision in document["revisions"]] == [size]
    history = run("history", document["url"])
    assert history.returncode == 0, history.stderr
    assert size in history.stdout
    assert json.loads(run("history", "--json", document["url"]).stdout)["revisions"][0]["size"] == size


def test_a_moved_story_met_first_under_its_new_address(run, standin, database):
    """The old one is only linked to, later: it becomes another name of the new one."""
    visits(run, standin, database, 0.5)
    (story,) = first_listed(standin, 0)
    old = "/cn/中国/20240229-旧址"
    standin.moves[old] = story.path
    (later,) = first_listed(standin, 3)
    later.related = [old]
    visits(run, standin, database, 4)
    document = database.articles.find_one({"_id": address(story.path)})
    assert document["aliases"] == [address(old)]
    assert database.articles.find_one({"_id": address(old)}) is None
    assert database.frontier.find_one({"_id": address(old)})["state"] == "moved"


@pytest.mark.slow
def test_two_documents_of_one_story_become_one(run, standin, database):
    """Both were stored before the old address began to redirect, and the text had changed in between."""
    visits(run, standin, database, 0.5)
    (story,) = first_listed(standin, 0)
    old, new = story.path, story.path + "-新"
    standin.stories[new] = type(story)(new, "新的标题", story.published, [*story.paragraphs, "新的一段。"])
    visits(run, standin, database, 0.9)
    assert {address(old), address(new)} <= {d["_id"] for d in database.articles.find()}
    standin.moves[old] = new
    del standin.stories[old]
    visits(run, standin, database, 7)
    document = database.articles.find_one({"_id": address(old)})
    assert database.articles.find_one({"_id": address(new)}) is None
    assert (document["url"], document["aliases"], document["title"]) == (address(new), [address(old)], "新的标题")
    assert [revision["size"] for revision in document["revisions"]] == ["paragraphs"]


def test_addresses_that_redirect_to_each_other(run, standin, database):
    visits(run, standin, database, 0.5)
    (story,) = first_listed(standin, 3)
    standin.moves |= {"/cn/中国/20240301-甲": "/cn/中国/20240301-乙", "/cn/中国/20240301-乙": "/cn/中国/20240301-甲"}
    story.related = ["/cn/中国/20240301-甲"]
    visits(run, standin, database, 4)
    assert database.last_run()["failed"] == {"article/redirect_loop": 1}


def test_a_403_or_a_500_marks_nothing_gone(run, standin, database):
    visits(run, standin, database, 0.9)
    (story,) = first_listed(standin, 0)
    move(standin, "fail", n="9", status="500", path=story.path)
    visits(run, standin, database, 1.2, "-s", "RETRY_TIMES=0")
    move(standin, "fail", n="9", status="403", path=story.path)
    visits(run, standin, database, 1.8, "-s", "REFUSAL_PAUSE=0.1", "-s", "RETRY_TIMES=0")
    document = database.articles.find_one({"_id": address(story.path)})
    assert document["gone_at"] is None
    entry = database.frontier.find_one({"_id": address(story.path)})
    assert (entry["state"], entry["tries"] > 0) == ("stored", True)
    assert entry["due_at"] > FIRST + timedelta(hours=1.2)


# Refusals ------------------------------------------------------------------------------------

CHINA = ("-a", "topics=中国", "-a", "sources=rss")
QUICK = ("-s", "REFUSAL_PAUSE=0.3", "-s", "REFUSAL_BLOCK=60")


@pytest.mark.slow
def test_a_ban_that_the_pace_tripped_is_waited_out(run, database):
    standin = StandIn(days=1, a_day=24)
    visits(run, standin, database, 0.5)
    move(standin, "ban", rate="5", seconds="2")
    visits(run, standin, database, 12, *QUICK, "-s", "REVISITS=")
    assert stored(database) == standin.truth()
    assert 0 < standin.statuses[403] <= 10
    standin.close()


@pytest.mark.slow
def test_a_permanent_ban_closes_the_run_and_loses_nothing(run, standin, database):
    move(standin, "now", t=(FIRST + timedelta(days=1)).isoformat())
    run.crawl(standin, *at(FIRST + timedelta(days=1)), "-a", "limit=3")
    pending = database.frontier.count_documents({"state": "pending", "kind": "article"})
    assert pending > 0
    move(standin, "permanent")
    standin.kinds.clear()
    now = FIRST + timedelta(days=1, minutes=30)
    done = run.crawl(standin, *at(now), *QUICK)
    assert done.returncode == 1
    assert database.last_run()["reason"] == "blocked"
    assert 5 <= standin.kinds["banned"] <= 10
    assert "refused 5 requests in a row" in done.stderr
    assert database.frontier.count_documents({"state": "pending", "kind": "article"}) == pending
    assert database.frontier.count_documents({"lease": {"$ne": None}}) == 0

    standin.reset()
    waits = run.crawl(standin, *at(now + timedelta(seconds=2)), *QUICK, "-s", "REFUSAL_PATIENCE=1")
    assert waits.returncode == 1
    assert "is to be left alone until 2024-03-02" in waits.stderr
    assert sum(standin.kinds.values()) == 0, "the site was asked before its time"
    forced = run.crawl(standin, *at(now + timedelta(seconds=4)), *QUICK, "-a", "force=1")
    assert forced.returncode == 0, forced.stderr
    assert {address(story.path) for story in standin.listed} <= set(stored(database))


@pytest.mark.slow
def test_the_next_run_waits_for_the_time_that_is_written(run, standin, database):
    move(standin, "permanent")
    run.crawl(standin, *CHINA, *at(END), "-s", "REFUSAL_PAUSE=0.1", "-s", "REFUSAL_BLOCK=6")
    until = database.state.find_one({"_id": f"hold {standin.origin}"})["until"]
    standin.reset()
    began = END + timedelta(seconds=2)
    done = run.crawl(standin, *CHINA, *at(began), "-L", "INFO")
    assert done.returncode == 0, done.stderr
    assert "Waiting" in done.stderr
    assert stored(database)
    assert database.last_run()["figures"]["refused"] == 0
    first = database.last_run()["finished_at"]
    assert first >= until.replace(microsecond=0)


@pytest.mark.slow
def test_nothing_is_asked_before_retry_after_is_over(run, database):
    standin = StandIn(days=1, a_day=12)
    move(standin, "fail", n="7", status="503", after="1")
    for _ in range(3):
        run.crawl(standin, *CHINA, *at(FIRST + timedelta(days=1)))
    early = [
        (here, after) for (here, status), (after, _) in pairwise(standin.times) if status == 503 and after < here + 1
    ]
    assert early == []
    assert standin.statuses[503] == 7
    assert stored(database) == sorted(address(story.path) for story in standin.listings["/cn/中国/"])
    standin.close()


def test_an_interstitial_is_no_story(run, database):
    standin = StandIn(days=1, a_day=12)
    move(standin, "interstitial", n="2")
    done = run.crawl(standin, *CHINA, *at(FIRST + timedelta(days=1)), *QUICK)
    assert done.returncode == 0, done.stderr
    assert "interstitial 2" in done.stderr
    assert stored(database) == sorted(address(story.path) for story in standin.listings["/cn/中国/"])
    standin.close()


def test_a_stop_does_not_wait_for_a_pause(run, standin):
    move(standin, "fail", n="99", status="503", after="600")
    crawl = run.start("crawl", "rfi_cn", "-a", f"origin={standin.origin}", *at(END), *run.FAST)
    while not standin.statuses[503]:
        assert crawl.poll() is None
        time.sleep(0.05)
    began = time.monotonic()
    crawl.send_signal(signal.SIGTERM)
    crawl.communicate(timeout=60)
    assert time.monotonic() - began < 30


# Accounts and proofs -------------------------------------------------------------------------


def test_the_account_of_a_run(run, standin, database):
    now = FIRST + timedelta(hours=12)
    move(standin, "now", t=now.isoformat())
    done = run.crawl(standin, *at(now))
    account = database.last_run()
    assert account["requests"]["article"] == account["figures"]["new"] == database.articles.count_documents({})
    assert {"feed", "listing"} <= set(account["requests"])
    assert 0 < account["figures"]["delay"] <= account["figures"]["longest_delay"]
    assert account["figures"]["pending"] == 0
    assert "from publication to discovery" in done.stderr
    listed = run("runs")
    assert account["_id"] in listed.stdout
    shown = run("runs", account["_id"][:20])
    assert shown.returncode == 0, shown.stderr
    assert "requests" in shown.stdout
    assert json.loads(run("runs", account["_id"], "--json").stdout)["figures"]["new"] == account["figures"]["new"]
    assert run("runs", "nothing").returncode == 1


def test_audit_names_what_is_missing_and_fills_it(run, standin, database):
    run.crawl(standin, *ALL, *at(END))
    listed = sorted(address(s.path) for day in ("2024/03/02", "2024/03/03") for s in standin.days[day])
    removed = listed[:30]
    database.articles.delete_many({"_id": {"$in": removed}})
    gone = next(url for url in listed[30:])
    database.articles.update_one({"_id": gone}, {"$set": {"gone_at": datetime(2024, 3, 5, tzinfo=UTC)}})
    days = ("--since", "2024-03-02", "--until", "2024-03-03", "--origin", standin.origin, *at(END), *run.FAST)
    before = database.frontier.count_documents({})
    standin.asked.clear()
    audit = run("audit", "rfi_cn", "--json", *days)
    assert audit.returncode == 1, audit.stderr
    told = json.loads(audit.stdout)
    assert sorted(url for day in told["days"] for url in day["missing"]) == removed
    assert sum(day["listed"] for day in told["days"]) == len(listed)
    assert [url for day in told["days"] for url in day["gone"]] == [gone]
    assert asked_stories(standin) == {}, "an audit without --fill fetched a story"
    assert database.frontier.count_documents({}) - before <= 2

    table = run("audit", "rfi_cn", *days)
    assert table.returncode == 1
    assert "2024-03-02" in table.stdout
    filled = run("audit", "rfi_cn", "--fill", *days)
    assert filled.returncode == 0, filled.stdout + filled.stderr
    assert {address(path) for path in asked_stories(standin)} == set(removed)
    assert set(removed) <= {d["_id"] for d in database.articles.find()}
    assert run("audit", "rfi_cn", *days).returncode == 0


def test_an_audit_that_could_not_read_a_day_proves_nothing(run, standin, database):
    run.crawl(standin, *ALL, *at(END))  # what was read before is no proof now
    move(standin, "fail", n="99", status="500", path="/cn/档案资料库/2024/03/02")
    days = ("--since", "2024-03-02", "--until", "2024-03-02", "--origin", standin.origin, *at(END), *run.FAST)
    done = run("audit", "rfi_cn", *days, "-s", "RETRY_TIMES=0")
    assert done.returncode == 1
    assert "not read" in done.stdout
    assert "20" not in done.stdout.replace("2024-03-02", "")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("audit", "rfi_cn"), "--since"),
        (("audit", "rfi_cn", "--since", "yesterday"), "since=yesterday is not accepted"),
        (("audit", "--since", "2024-03-02", "rfi_xx"), "no spider 'rfi_xx'"),
        (("history",), "name one"),
        (("history", "https://example.org/x"), "no address of"),
        (("crawl", "rfi_cn", "-a", "sources=rss,moon"), "sources=rss,moon is not accepted"),
        (("crawl", "rfi_cn", "-s", "REVISITS=soon"), "soon is not accepted"),
        (("crawl", "rfi_cn", "-s", "NOW=soon"), "NOW=soon is not accepted"),
    ],
)
def test_a_wrong_word_is_told_in_a_line(run, args, said):
    done = run(*args)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
