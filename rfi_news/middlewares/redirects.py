"""Redirects that lead nowhere are failures, not silences."""

from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from w3lib.url import canonicalize_url, safe_url_string

from rfi_news.exceptions import MovedError
from rfi_news.site.addresses import Kind, parse


class RedirectsMiddleware:
    """Tells the spider of a redirect that is not to be followed: in a circle, away from the site, or to another story.

    Scrapy itself would drop the first as a duplicate and the second as offsite, neither with a word to the spider. A
    moved story is not followed but told of: its new address may be stored, or in another run's hands.
    """

    def process_response(self, request: Request, response: Response) -> Response:
        """Pass a response on.

        Raises IgnoreRequest for a redirect in a circle or to a foreign host, MovedError for one to another story.
        """
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
        here = request.cb_kwargs.get("address")
        if here is not None and here.kind is address.kind is Kind.ARTICLE and here.url != address.url:
            raise MovedError(response.url, address.url)
        return response
