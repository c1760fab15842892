"""Pictures in a body: shown from a file at hand, or named and linked, so that nothing is asked of anybody."""

from collections.abc import Mapping

import lxml.html
from lxml import etree
from lxml.html import HtmlElement
from lxml.html.builder import E
from w3lib.url import safe_url_string

LABEL = "图片"


def local(html: str, pictures: Mapping[str, str]) -> HtmlElement:
    """Sanitized markup as an element, its pictures taken from `pictures` (address to path), else linked to."""
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    for link in root.iter("a"):
        try:
            link.set("href", safe_url_string(link.get("href") or ""))  # as printed it may hold spaces
        except ValueError:
            link.attrib.pop("href", None)
    for image in list(root.iter("img")):
        url = image.get("src") or ""
        path = pictures.get(url)
        if path:
            image.set("src", path)
            image.set("alt", image.get("alt") or "")
            continue
        label = image.get("alt") or LABEL
        inside_link = any(node.tag == "a" for node in image.iterancestors())
        other = (
            E.span(label) if inside_link or not url else E.a(f"{LABEL}：{label}" if label != LABEL else LABEL, href=url)
        )
        other.tail = image.tail
        parent = image.getparent()
        assert parent is not None
        parent.replace(image, other)
    return root


def inner_html(root: HtmlElement) -> str:
    """What is in an element, as HTML."""
    return _inner(root, "html")


def inner_xhtml(root: HtmlElement) -> str:
    """What is in an element, as XHTML."""
    return _inner(root, "xml")


def _inner(root: HtmlElement, method: str) -> str:
    before = etree.tostring(root, encoding="unicode", method=method)
    start, end = before.index(">") + 1, before.rindex("<")
    return before[start:end] if end >= start else ""
