"""`make demo`: the crawl, offline, over the bundled site of invented news; ends with an article, feeds and a reader."""

import os
import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures" / "site"
OFFLINE = {
    "HTTPCACHE_ENABLED": "1",
    "HTTPCACHE_STORAGE": "rfi_news.recordings.Recordings",
    "HTTPCACHE_DIR": str(FIXTURES),
    "DOWNLOAD_DELAY": "0",
    "AUTOTHROTTLE_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
}

ARGUMENTS = ("-a", "since=2018-01-01", "-a", "related=all", "-a", "refresh=1")  # the same work each time


def main() -> int:
    """Crawl into data/demo, print the newest article stored there, write its feeds and reader; 0 when all went well."""
    environment = {name: value for name, value in os.environ.items() if name != "MONGODB_URI"} | {
        "RFI_NEWS_DATA_DIR": os.path.join(os.environ.get("RFI_NEWS_DATA_DIR", "data"), "demo"),  # noqa: PTH118
        "SCRAPY_SETTINGS_MODULE": "rfi_news.settings",
    }
    settings = [part for name, value in OFFLINE.items() for part in ("-s", f"{name}={value}")]
    print(
        "Crawling the bundled site of invented news (fixtures/site), offline. One of its pages is no article, to\n"
        "show how a failure is told.\n",
        flush=True,
    )
    command = [sys.executable, "-m", "rfi_news", "crawl", "rfi_cn", *ARGUMENTS, *settings]
    status = subprocess.run(command, env=environment, check=False).returncode
    print("\nOne article, as stored:\n", flush=True)
    for line, *command in (
        ("", "article", "--stored"),
        ("\nThe same as full-text feeds, and as a site to be read offline:\n", "feeds"),
        ("", "reader"),
    ):
        print(line, flush=True)
        status = (
            status
            or subprocess.run([sys.executable, "-m", "rfi_news", *command], env=environment, check=False).returncode
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
