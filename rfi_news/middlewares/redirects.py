"""Redirects that lead nowhere are failures, not silences."""

from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from w3lib.url import canonicalize_url, safe_url_string

from rfi_news.site.addresses import parse


class RedirectsMiddleware:
    """Refuses a redirect to where the request has been, or away from the site, so that the spider's errback counts it.

    Scrapy itself would drop the first as a duplicate and the second as offsite, neither with a word to the spider.
    """

    def process_response(self, request: Request, response: Response) -> Response:
        """Pass a response on. Raises IgnoreRequest for a redirect in a circle or to a foreign host."""
        location = response.headers.get("Location")
        if location is None or not 300 <= response.status < 400:  # noqa: PLR2004
            return response
        target = safe_url_string(urljoin(response.url, location.decode("latin-1")))  # it goes into the log
        address = parse(target, origin=response.url)
        if address is None:
            raise IgnoreRequest(f"redirected offsite, to {target}")
        been = [*request.meta.get("redirect_urls", []), request.url]
        at_origin = urljoin(response.url, urlsplit(target).path)  # where OriginMiddleware would send it
        if canonicalize_url(at_origin) in map(canonicalize_url, been):
            raise IgnoreRequest(f"redirections in a circle, back to {target}")
        return response
