"""How the crawl behaves: values and reasons. What is not here is Scrapy's default."""

import os
from typing import Any

from rfi_news import __version__

BOT_NAME = "rfi_news"
SPIDER_MODULES = ["rfi_news.spiders"]
COMMANDS_MODULE = "rfi_news.commands"

# Manners. The site belongs to a public broadcaster; a reader behind a slow line asks for about this much.
ROBOTSTXT_OBEY = True
CONTACT = os.environ.get("RFI_NEWS_CONTACT", "https://github.com/rfi-news/rfi-news")  # who answers for this crawler
USER_AGENT = f"rfi-news/{__version__} (+{CONTACT})"
CONCURRENT_REQUESTS = 1  # also keeps the order: topic pages first, then the freshest story known at that moment
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0  # seconds; AutoThrottle only ever adds to it
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_MAX_DELAY = 60.0
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "zh-CN,zh;q=0.9,fr;q=0.5",
}
COOKIES_ENABLED = False  # no page needs one, and a crawler wants no session
REFERRER_POLICY = "no-referrer"  # how a story was found is in the store, and nobody else's business
METAREFRESH_ENABLED = False  # a refresh is meant for a person's open tab
REDIRECT_MAX_TIMES = 5  # the site's own chains have one or two steps
DOWNLOAD_TIMEOUT = 60  # seconds; pages come within two
DOWNLOAD_MAXSIZE = 10_000_000  # bytes; the largest real page seen has 400 kB
DOWNLOAD_WARNSIZE = 0  # pages above DOWNLOAD_MAXSIZE are counted as failed instead
RETRY_PRIORITY_ADJUST = 1  # what failed is tried again next, so that a site out of reach shows within seconds
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # the spider says it once, with the reason

# Doors shut: nothing listens.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# Order of work.
CONCURRENT_ITEMS = 4  # a page holds one article; Scrapy's 100 means a hundred idle tasks for each page
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 20_000_000  # bytes of pages that may wait for the store: some 300, six bulks
SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"

FRONTIER_BATCH = 25  # stories in one run's hands; what comes in meanwhile and is fresher waits for so many
TOPICS_PER_RUN = 2  # topic pages asked in turn while RSS misses nothing: with it, as many requests as default sources
REVISITS = "1h,6h,24h,7d"  # ages at which a story is looked at again: corrections mostly come within hours
NOW = ""  # a time for drills against a stand-in; empty: the machine's clock

# Refusals: 403, 429, 503, interstitials. The site is asked less, later, then not at all.
REFUSALS_IN_A_ROW = 5  # then the run closes as `blocked`
REFUSAL_PAUSE = 5.0  # seconds after one without Retry-After, doubled with each in a row: 75 s in all before giving up
REFUSAL_BLOCK = 1800.0  # seconds the next run is to wait, doubled with each blocked run in a row
REFUSAL_LONGEST_BLOCK = 43200.0  # seconds: twice a day somebody should knock
REFUSAL_PATIENCE = 3600.0  # seconds a run waits for the end of that time; where it is further away, it ends at once

# Components.
ADDONS = {"rfi_news.render.RenderAddon": 500}
SPIDER_MIDDLEWARES = {"rfi_news.middlewares.frontier.FrontierMiddleware": 100}
DOWNLOADER_MIDDLEWARES = {
    "rfi_news.middlewares.origin.OriginMiddleware": 40,  # before OffsiteMiddleware, at 50
    "rfi_news.middlewares.refusals.RefusalsMiddleware": 560,  # an answer reaches it before RetryMiddleware, at 550
    "rfi_news.middlewares.redirects.RedirectsMiddleware": 610,  # before RedirectMiddleware, at 600
}
ITEM_PIPELINES = {
    "rfi_news.pipelines.validate.ValidatePipeline": 100,
    "rfi_news.pipelines.deduplicate.DeduplicatePipeline": 200,
    "rfi_news.pipelines.store.StorePipeline": 300,
}
EXTENSIONS: dict[str, Any] = {
    "rfi_news.extensions.account.Account": 100,
    "rfi_news.extensions.plain_errors.PlainErrors": 100,
    "rfi_news.extensions.progress.Progress": 100,
    "rfi_news.extensions.traffic.Traffic": 100,
}

# The store. Without a MONGODB_URI an embedded server keeps its data under DATA_DIR.
MONGODB_URI = os.environ.get("MONGODB_URI")
MONGODB_DATABASE = os.environ.get("MONGODB_DATABASE", "rfi_news")
DATA_DIR = os.environ.get("RFI_NEWS_DATA_DIR", "data")
STORE_BULK_SIZE = 50  # operations; about 1 MB of articles
STORE_BULK_SECONDS = 1.0
STORE_PATIENCE = 300.0  # seconds; a database restarts within them

# Feeds of items: Chinese as Chinese.
FEED_EXPORT_ENCODING = "utf-8"
FEED_EXPORTERS = {
    "rss": "rfi_news.exporters.RssExporter",
    "atom": "rfi_news.exporters.AtomExporter",
    "jsonfeed": "rfi_news.exporters.JsonFeedExporter",  # also what ends in .feed.json
    "md": "rfi_news.exporters.MarkdownExporter",
    "feedx": "rfi_news.exporters.FeedxExporter",
}

# Full-text feeds, `scrapy feeds`.
FEEDS_BASE_URL = os.environ.get("RFI_NEWS_FEEDS_BASE_URL", "")  # where the tree is served; empty: relative addresses
PICTURE_DOMAINS = ["rfi.fr"]  # where `--images` may fetch from: a page can name any address, the network's own too
WEBSUB_HUB = ""  # the hub that is told of news, named in every feed
FEEDX_PROMOTION = ""  # markup at the end of a feedx record; feedx.net's own names its addresses, we name none

# Rendering with a browser: "auto" for a page whose story is missing from its plain HTML.
RENDER = "off"
RENDER_BROWSER = os.environ.get(
    "RFI_NEWS_BROWSER", ""
)  # an executable; empty: Debian's chromium, else Playwright's own

# Logs.
LOG_FORMATTER = "rfi_news.extensions.log_lines.LogLines"
LOG_LEVEL = "INFO"
LOG_SHORT_NAMES = True
LOGSTATS_INTERVAL = 300.0
DEFAULT_DROPITEM_LOG_LEVEL = "INFO"  # a drop is counted by reason in the run's account

# A run is bad when more than this share of the stories it fetched could not be read, and more than one: a single odd
# page among the few of a half-hourly run says nothing of the site.
MAX_PARSE_FAILURES = 0.15
