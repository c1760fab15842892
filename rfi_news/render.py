"""Rendering with a browser, where a story is missing from the plain HTML.

Off by default: the site renders on its server, and a browser costs a hundred times a request. `-s RENDER=auto` fetches
each page plainly first, and only a story's page without a story in it again, through scrapy-playwright.
"""

import logging
import os
import shutil
from importlib.util import find_spec
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.settings import BaseSettings

from rfi_news.exceptions import RfiNewsError
from rfi_news.site.addresses import Kind
from rfi_news.site.article import has_story

logger = logging.getLogger(__name__)

_HANDLER = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
_UNWANTED = frozenset({"image", "font", "media", "stylesheet"})


class RenderError(RfiNewsError):
    """Rendering was asked for and cannot be had."""


def check(settings: BaseSettings) -> bool:
    """Whether rendering is asked for. Raises RenderError for a wrong value, or when a part of it is not installed."""
    wanted = settings["RENDER"]
    if wanted not in ("off", "auto"):
        raise RenderError(f"RENDER={wanted} is not accepted: off or auto")
    if wanted == "auto" and find_spec("scrapy_playwright") is None:
        raise RenderError("RENDER=auto needs a package that is not installed: pip install 'rfi-news[render]'")
    return bool(wanted == "auto")


def is_unwanted(request: Any) -> bool:
    """Whether the browser asks for something that holds no text: a picture, a font, a sound, a style."""
    return request.resource_type in _UNWANTED


class RenderAddon:
    """Adds browser and RenderMiddleware to a crawl whose RENDER is `auto`."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Bring in scrapy-playwright; a setting given on the command line stays. Raises NotConfigured when off."""
        if not check(settings):
            raise NotConfigured
        browser = settings["RENDER_BROWSER"] or shutil.which("chromium")
        flags = ["--disable-gpu", "--disable-background-networking"]
        if os.geteuid() == 0:  # Chromium has no sandbox for root, and would not start
            flags.append("--no-sandbox")
        options: dict[str, Any] = {"args": flags}
        if browser:
            options["executable_path"] = browser
        for name, value in {
            "PLAYWRIGHT_LAUNCH_OPTIONS": options,
            "PLAYWRIGHT_ABORT_REQUEST": "rfi_news.render.is_unwanted",
            "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": 30_000,  # milliseconds
            "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": 1,
        }.items():
            settings.set(name, value, priority="addon")
        for scheme in ("http", "https"):
            settings["DOWNLOAD_HANDLERS"][scheme] = _HANDLER
        settings["DOWNLOADER_MIDDLEWARES"]["rfi_news.render.RenderMiddleware"] = 70


class RenderMiddleware:
    """Asks once more, through the browser, for a story's page that holds no story."""

    def __init__(self, crawler: Crawler) -> None:
        self.stats = crawler.stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One for each crawl."""
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Return the response, or the request for its rendered form."""
        address = request.cb_kwargs.get("address")
        is_story = address is not None and address.kind is Kind.ARTICLE
        if not is_story or response.status != 200 or request.meta.get("playwright") or has_story(response):  # noqa: PLR2004
            return response
        self.stats.inc_value("render/requests")
        logger.info("No story in the plain HTML, rendering: %s", request.url)
        return request.replace(
            dont_filter=True, meta=request.meta | {"playwright": True, "playwright_context": "render"}
        )
