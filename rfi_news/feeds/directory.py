"""The list of all feeds: OPML for programs, a page for a person."""

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import quote

from lxml import etree

from rfi_news.feeds.channel import Channel
from rfi_news.feeds.pages import TEMPLATES
from rfi_news.words import printable

FORMATS = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}
"""Every format's name, by the end of its files' names."""

STYLE = """
:root{color-scheme:light dark;--line:#ddd;--faint:#595959}
@media(prefers-color-scheme:dark){:root{--line:#444;--faint:#b0b0b0}}
body{font:1rem/1.7 system-ui,"PingFang SC","Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei",sans-serif;
max-width:46rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}p,td.n{color:var(--faint)}
table{width:100%;border-collapse:collapse}td{padding:.35rem .5rem .35rem 0;border-bottom:1px solid var(--line)}
td.n{text-align:right;white-space:nowrap}td.f{text-align:right}td.f a{margin-left:.8rem;white-space:nowrap}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One channel of the list."""

    channel: Channel
    name: str
    count: int


def opml(groups: dict[str, list[Listed]], *, title: str, base: str) -> bytes:
    """Every channel's RSS, by group, as OPML 2.0. `base` is the public address, empty where there is none."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = printable(title)
    body = etree.SubElement(root, "body")
    for group, channels in groups.items():
        parent = etree.SubElement(body, "outline", text=group)
        for listed in channels:
            etree.SubElement(
                parent,
                "outline",
                type="rss",
                text=printable(listed.name),
                title=printable(listed.channel.title),
                xmlUrl=f"{base}{quote(listed.channel.path)}.rss",
                htmlUrl=listed.channel.link,
                language=listed.channel.language,
            )
    written: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return written


def page(groups: dict[str, list[Listed]], *, title: str) -> bytes:
    """The same for a person, with every format."""
    policy = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    rows = {
        group: [
            (listed, [(label, f"{quote(listed.channel.path)}.{suffix}") for suffix, label in FORMATS.items()])
            for listed in channels
        ]
        for group, channels in groups.items()
    }
    return TEMPLATES.get_template("feeds.html").render(title=title, groups=rows, style=STYLE, policy=policy).encode()
