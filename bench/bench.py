"""`make bench`: speed as ratios within one run, since machines differ and are noisy.

Parsing: `parse_article` against trafilatura and lxml's bare parse, on the same pages.
Crawling: `scrapy crawl rfi_cn` into the store against a bare spider that follows the same links and stores nothing.

Without options the pages are fixtures/site, multiplied into a site of `--stories` stories on loopback. With
`--origin URL --since DAY` both spiders crawl that site instead, and the pages to parse are taken from it too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lxml.html
import trafilatura
from scrapy.http import HtmlResponse

from rfi_news.site.article import parse_article

BENCH = Path(__file__).parent
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
    environment = os.environ | {"RFI_NEWS_DATA_DIR": str(data), "BENCH_STATS": str(stats), "PYTHONPATH": str(BENCH)}
    environment.pop("MONGODB_URI", None)
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(stats.read_text())


def bench_crawling(origin: str, since: str) -> None:
    results = []
    with tempfile.TemporaryDirectory() as folder:
        data, stats = Path(folder) / "data", Path(folder) / "stats.json"
        extensions = 'EXTENSIONS={"measure.Measure":1,"rfi_news.extensions.account.Account":100}'
        rfi_cn = [
            sys.executable,
            "-m",
            "rfi_news",
            "crawl",
            "rfi_cn",
            "-a",
            f"origin={origin}",
            "-s",
            extensions,
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--origin", help="a site on loopback to crawl, in place of the multiplied fixtures")
    parser.add_argument("--since", default="2018-01-01", help="first day to crawl there")
    parser.add_argument("--stories", type=int, default=1000, help="stories of the multiplied fixtures")
    options = parser.parse_args()
    from many import Many, fetch_stories  # noqa: PLC0415 — beside this file

    if options.origin:
        bench_parsing(fetch_stories(options.origin))
        bench_crawling(options.origin, options.since)
        return
    with Many(options.stories) as origin:
        bench_parsing(fetch_stories(origin))
        bench_crawling(origin, options.since)


if __name__ == "__main__":
    main()
