"""The console script `rfi-news`: Scrapy's own command line, with this project's settings, from any directory."""

import os
import sys

from scrapy.cmdline import execute


def main() -> None:
    """Run `rfi-news COMMAND …` as `scrapy COMMAND …` would run inside the project. Exits with the command's status."""
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "rfi_news.settings")
    execute(["scrapy", *sys.argv[1:]])


if __name__ == "__main__":
    main()
