"""The browser, a real one, for a page that needs it."""

import shutil

import pytest

from rfi_news.render import RenderError, check
from rfi_news.site.addresses import HOST
from tests.conftest import listing_page, story_page

NEEDS_SCRIPT = "/cn/中国/20240305-needs-a-script"
PLAIN = "/cn/中国/20240305-plain"
SCRIPTED = """<!DOCTYPE html><html lang="zh-Hans"><head><meta charset="UTF-8"></head><body><main id="root">载入中…</main>
<img src="/picture.png"><script>
document.getElementById("root").innerHTML = `<article data-article-content><h1 class="t-content__title">脚本写出的标题</h1>
<p class="m-pub-dates"><time datetime="2024-03-05T10:00:00+00:00" pubdate="pubdate">05/03/2024 - 11:00</time></p>
<div class="t-content__body"><p>脚本写出的正文。</p></div></article>`;
</script></body></html>"""


@pytest.fixture
def scripted(empty_site):
    empty_site.add("/cn/中国/", listing_page(NEEDS_SCRIPT, PLAIN))
    empty_site.add(NEEDS_SCRIPT, SCRIPTED.encode())
    empty_site.add(PLAIN, story_page("不用脚本", PLAIN))
    return empty_site


def test_only_the_page_without_its_story_is_rendered(run, scripted, database):
    assert shutil.which("chromium"), "this test needs Debian's chromium: apt-get install chromium"
    done = run.crawl(scripted, "-a", "topics=中国", "-a", "since=2024-01-01", "-s", "RENDER=auto")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    titles = {document["title"]: document["_id"] for document in database.articles.find()}
    assert set(titles) == {"脚本写出的标题", "不用脚本"}
    assert titles["脚本写出的标题"].startswith(HOST)
    assert (scripted.asked[NEEDS_SCRIPT], scripted.asked[PLAIN]) == (2, 1)
    assert scripted.asked["/picture.png"] == 0


def test_off_by_default(run, scripted, database):
    done = run.crawl(scripted, "-a", "topics=中国", "-a", "since=2024-01-01")
    assert "article/no_title 1" in done.stderr
    assert scripted.asked[NEEDS_SCRIPT] == 1


def test_what_is_asked_for_wrongly_is_said(database):
    assert check(database.settings()) is False
    assert check(database.settings(RENDER="auto")) is True
    with pytest.raises(RenderError, match="off or auto"):
        check(database.settings(RENDER="always"))
