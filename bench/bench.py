"""`make bench`: speed as ratios within one run, since machines differ and are noisy.

Parsing: `parse_article` against trafilatura and lxml's bare parse, on the same pages.
Crawling: `scrapy crawl rfi_cn` into the store against a bare spider that follows the same links and stores nothing.
Remembering: a run on a frontier of 200,000 known addresses against one on an empty store: memory, time to the first answer.

Going out: import, feeds, reader and exports of 1,007 and of 2,887 stories: time and its growth, memory, the search index.

Without options the pages are fixtures/site, multiplied into a site of `--stories` stories on loopback. With
`--origin URL --since DAY` both spiders crawl that site instead, and the pages to parse are taken from it too. With
`--feedx FILE FILE…` stories of feedx records go out in place of invented ones; `--only out` measures just that.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lxml.html
import pymongo
import trafilatura
from scrapy.http import HtmlResponse

from rfi_news.site.article import parse_article
from rfi_news.store.embedded import EmbeddedServer
from rfi_news.store.schema import INDEXES

BENCH = Path(__file__).parent
EXTENSIONS = 'EXTENSIONS={"measure.Measure":1,"rfi_news.extensions.account.Account":100}'
FAST = ["-s", "DOWNLOAD_DELAY=0", "-s", "AUTOTHROTTLE_ENABLED=False", "-s", "LOG_LEVEL=ERROR"]


def median_ms(work: Callable[[HtmlResponse], object], pages: list[tuple[str, bytes]]) -> float:
    """Median of one call a page, each on a response that has not been parsed before."""
    times = []
    for url, body in pages:
        response = HtmlResponse(url, body=body, headers={"Content-Type": "text/html; charset=UTF-8"})
        begin = time.perf_counter()
        work(response)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def bench_parsing(pages: list[tuple[str, bytes]]) -> None:
    parse_article(HtmlResponse(*pages[0][:1], body=pages[0][1]))  # what is loaded on first use is not what is measured
    trafilatura.bare_extraction(pages[0][1])
    rounds = [
        (
            median_ms(parse_article, pages),
            median_ms(lambda response: trafilatura.bare_extraction(response.body, with_metadata=True), pages),
            median_ms(lambda response: lxml.html.document_fromstring(response.body), pages),
        )
        for _ in range(3)
    ]
    ours, theirs, floor = (statistics.median(column) for column in zip(*rounds, strict=True))
    size = statistics.median(len(body) for _, body in pages) / 1000
    print(f"parsing {len(pages)} pages of {size:.0f} kB (medians, ms): ", end="")
    print(f"parse_article {ours:.2f}, trafilatura {theirs:.2f}, lxml alone {floor:.2f}")
    print(f"  parse_article / trafilatura = {ours / theirs:.2f} (wanted: at most 0.5)")


def crawl(command: list[str], data: Path, stats: Path) -> dict[str, float]:
    environment = os.environ | {
        "RFI_NEWS_DATA_DIR": str(data),
        "BENCH_STATS": str(stats),
        "BENCH_BEGAN": str(time.time()),
        "PYTHONPATH": str(BENCH),
    }
    environment.pop("MONGODB_URI", None)
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(stats.read_text())


def bench_crawling(origin: str, since: str) -> None:
    results = []
    with tempfile.TemporaryDirectory() as folder:
        data, stats = Path(folder) / "data", Path(folder) / "stats.json"
        rfi_cn = [
            sys.executable,
            "-m",
            "rfi_news",
            "crawl",
            "rfi_cn",
            "-a",
            f"origin={origin}",
            "-s",
            EXTENSIONS,
            *FAST,
        ]
        bare_spider = [
            sys.executable,
            "-m",
            "scrapy",
            "runspider",
            str(BENCH / "bare.py"),
            "-a",
            f"origin={origin}",
            *FAST,
        ]
        # Starts the embedded server, which is no part of a crawl's speed.
        crawl([*rfi_cn, "-a", "topics=中国", "-a", "limit=1"], data, stats)
        for number in range(3):
            bare = crawl(bare_spider, data, stats)
            everything = ["-a", f"since={since}", "-a", "related=all", "-s", f"MONGODB_DATABASE=bench{number}"]
            ours = crawl([*rfi_cn, *everything], data, stats)
            results.append((ours, bare))
            print(
                f"crawl {number + 1}: rfi_cn {ours['pages']:.0f} pages at {ours['pages'] / ours['seconds']:.1f}/s, "
                f"bare {bare['pages']:.0f} at {bare['pages'] / bare['seconds']:.1f}/s"
            )
        ratio = statistics.median(
            (ours["pages"] / ours["seconds"]) / (bare["pages"] / bare["seconds"]) for ours, bare in results
        )
        print(f"  rfi_cn / bare = {ratio:.2f} (wanted: at least 0.6)")


KNOWN = 200_000


def remember(data: Path, database: str) -> None:
    """Fill a frontier with stories of long ago, all stored but one in a thousand."""
    server = EmbeddedServer(data / "mongodb")
    with pymongo.MongoClient(asyncio.run(server.acquire())) as client:
        frontier = client[database].frontier
        frontier.create_indexes(INDEXES["frontier"])
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        for first in range(0, KNOWN, 2000):
            entries = []
            for number in range(first, first + 2000):
                url = f"https://www.rfi.fr/cn/%E4%B8%AD%E5%9B%BD/20200101-{'%E4%BA%91' * 20}-{number}"
                is_pending = number % 1000 == 0
                entries.append(
                    {
                        "_id": url, "edition": "cn", "kind": "article", "source": "topics", "depth": 2 if is_pending else 0,
                        "first_seen_at": long_ago, "fresh": long_ago + timedelta(minutes=number), "tries": 0, "lease": None,
                        "state": "pending" if is_pending else "stored", "due_at": long_ago if is_pending else None,
                        "article": None if is_pending else url, "etag": '"0123456789abcdef"',
                    }
                    | ({"queue": "cn"} if is_pending else {})
                )  # fmt: skip
            frontier.insert_many(entries, ordered=False)
    server.release()


def bench_remembering(origin: str, since: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data, stats = Path(folder) / "data", Path(folder) / "stats.json"
        crawl_of = [sys.executable, "-m", "rfi_news", "crawl", "rfi_cn", "-a", f"origin={origin}", *FAST,
                    "-s", EXTENSIONS, "-a", f"since={since}", "-a", "sources=rss,topics"]  # fmt: skip
        crawl([*crawl_of, "-a", "limit=1", "-s", "MONGODB_DATABASE=first"], data, stats)
        remember(data, "known")
        empty = crawl([*crawl_of, "-s", "MONGODB_DATABASE=empty"], data, stats)
        known = crawl([*crawl_of, "-s", "MONGODB_DATABASE=known"], data, stats)
    print(
        f"remembering {KNOWN:,} addresses, a run of {known['pages']:.0f} pages: peak memory {known['peak_mb']:.0f} MB, ",
        end="",
    )
    print(f"on an empty store {empty['peak_mb']:.0f} MB; first answer after {known['start_seconds']:.1f} s, ", end="")
    print(f"on an empty store {empty['start_seconds']:.1f} s")
    print(f"  more memory: {known['peak_mb'] - empty['peak_mb']:.0f} MB (wanted: at most 60); start within 3 s wanted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--origin", help="a site on loopback to crawl, in place of the multiplied fixtures")
    parser.add_argument("--since", default="2018-01-01", help="first day to crawl there")
    parser.add_argument("--stories", type=int, default=1000, help="stories of the multiplied fixtures")
    parser.add_argument(
        "--feedx", nargs="+", default=[], help="feedx records that go out, the first file as small store"
    )
    parser.add_argument("--only", choices=["out"], help="measure this alone")
    options = parser.parse_args()
    sys.path.insert(0, str(BENCH.parent))
    from many import Many, fetch_stories  # noqa: PLC0415 — beside this file
    from out import bench_going_out  # noqa: PLC0415 — beside this file

    bench_going_out(options.feedx)
    if options.only:
        return
    if options.origin:
        bench_parsing(fetch_stories(options.origin))
        bench_crawling(options.origin, options.since)
        bench_remembering(options.origin, options.since)
        return
    with Many(options.stories) as origin:
        bench_parsing(fetch_stories(origin))
        bench_crawling(origin, options.since)
        bench_remembering(origin, options.since)


if __name__ == "__main__":
    main()
