"""Pictures, players and embeds: what they show and by whom, from the markup of 2020 to 2026."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lxml.html import HtmlElement

from rfi_news import words
from rfi_news.items import Audio, Image, Video
from rfi_news.site.dates import seconds

DEFAULT_PICTURE = "RFI_FB.png"
"""File of the picture the site shows where a story has none (all 800 AFP stories of 2021-05)."""

_DESCRIPTOR = re.compile(r"(\d{1,7}(?:\.\d{1,3})?)[wx](?:,(.*))?")
_UNPRINTABLE = re.compile("[\\s<>\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_VIDEO_PROVIDERS = {
    "youtube.com": "YouTube",
    "youtube-nocookie.com": "YouTube",
    "youtu.be": "YouTube",
    "dailymotion.com": "Dailymotion",
    "dai.ly": "Dailymotion",
    "vimeo.com": "Vimeo",
    "facebook.com": "Facebook",
}
_OTHER_PROVIDERS = {
    "twitter.com": "X",
    "x.com": "X",
    "instagram.com": "Instagram",
    "tiktok.com": "TikTok",
    "soundcloud.com": "SoundCloud",
    "spotify.com": "Spotify",
    "telegram.org": "Telegram",
    "t.me": "Telegram",
    "google.com": "Google",
    "rfi.fr": "RFI",
}
_PIXEL = {"0", "1"}  # a picture as wide or high as this counts visitors and shows nothing
_GENERIC_TITLES = {"YouTube video player", "YouTube player", ""}


def web_url(text: str | None, base: str) -> str | None:
    """An http(s) address as printed, made absolute against `base`; None for data:, javascript:, junk."""
    text = (text or "").strip()
    if text.startswith("//"):
        text = "https:" + text
    elif text.startswith("/"):
        text = "/".join(base.split("/", 3)[:3]) + text
    if not text.lower().startswith(("http://", "https://")) or _UNPRINTABLE.search(text):
        return None
    try:
        host = urlsplit(text).hostname or ""
    except ValueError:
        return None
    return text if "." in host else None


def largest(srcset: str) -> tuple[float, str]:
    """The widest candidate of a `srcset` and its width; (0, "") without one.

    An address may hold commas and raw JSON (`…/m:{"brand":"RFI",…}/x.webp 246w`), so a candidate ends at its
    descriptor, not at a comma.
    """
    best: tuple[float, str] = (0.0, "")
    url = ""
    for token in srcset.split():
        found = _DESCRIPTOR.fullmatch(token) if url else None
        if found is None:
            url = token.removeprefix(",")
            continue
        if float(found[1]) > best[0]:
            best = (float(found[1]), url)
        url = found[2] or ""
    return best


def picture_url(root: HtmlElement, base: str) -> str | None:
    """The original address of the picture under `root`: the largest candidate, else `src`; never a placeholder's.

    Between equals the `img` speaks before its `source`s. A lazy picture's twin in `noscript` counts where the picture
    itself has only a placeholder.
    """
    best: tuple[float, str] = (0.0, "")
    plain: list[str] = []
    nodes = [*root.iter("img"), *root.iter("source")]
    for node in [root] if root.tag == "img" else nodes:
        if _PIXEL & {node.get("width"), node.get("height")}:
            continue
        for name in ("srcset", "data-srcset"):
            found = largest(node.get(name) or "")
            if found[0] > best[0]:
                best = found
        plain += [node.get(name) or "" for name in ("src", "data-src")]
    for candidate in (best[1], *plain):
        url = web_url(candidate, base)
        if url:
            return None if url.endswith(DEFAULT_PICTURE) else url
    return None


def picture(root: HtmlElement, base: str, *, is_lead: bool = False) -> tuple[Image, str] | None:
    """The picture under `root` with its legend, and its alternative text; None for a placeholder or the site's default.

    Of two legend spans the first is the caption, the second the credit; a single figcaption text is the caption.
    """
    url = picture_url(root, base)
    if not url:
        return None
    image = next((node for node in root.iter("img") if not (node.get("src") or "").startswith("data:")), None)
    if image is None:
        image = next(root.iter("img"), None)
    caption, credit = legend(root)
    alt = words.clean(image.get("alt") or "") if image is not None else ""
    return Image(url=url, caption=caption, credit=credit, is_lead=is_lead), alt


def legend(root: HtmlElement) -> tuple[str | None, str | None]:
    """Caption and credit in the figcaption under `root`."""
    box = next(root.iter("figcaption"), None)
    return legend_of(box) if box is not None else (None, None)


def legend_of(box: HtmlElement) -> tuple[str | None, str | None]:
    """Caption and credit of a figcaption: of two spans the second, or the one named credit, is the credit."""
    spans = [span for span in box.iter("span") if "legend" in (name := span.get("class") or "") or "credit" in name]
    if not spans:
        bare = [span for span in box if span.tag == "span"]
        spans = bare if len(bare) == 2 and not (box.text or "").strip() else []  # noqa: PLR2004
    if not spans:
        return words.clean(box.text_content()) or None, None
    credit_span = next((span for span in spans if "credit" in (span.get("class") or "")), None)
    if credit_span is None and len(spans) > 1:
        credit_span = spans[1]
    caption = next((words.clean(span.text_content()) for span in spans if span is not credit_span), "")
    credit = words.clean(credit_span.text_content()) if credit_span is not None else ""
    return caption or None, credit or None


def provider_of(url: str) -> str:
    """Who serves an embed: a known name, else the host."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    known = _VIDEO_PROVIDERS | _OTHER_PROVIDERS
    return next((name for domain, name in known.items() if host == domain or host.endswith("." + domain)), host)


def watch_url(url: str) -> str:
    """Where a person can see what an embed plays, without the embed's own parameters."""
    parts = urlsplit(url)
    provider = provider_of(url)
    path = parts.path.rstrip("/")
    if provider == "YouTube":
        number = parse_qs(parts.query).get("v", [""])[0] or path.rsplit("/", 1)[-1]
        is_video = re.fullmatch(r"[\w-]{11}", number) and number != "videoseries"
        return f"https://www.youtube.com/watch?v={number}" if is_video else url
    if provider == "Dailymotion":
        number = parse_qs(parts.query).get("video", [""])[0] or path.rsplit("/", 1)[-1]
        return f"https://www.dailymotion.com/video/{number}"
    if provider == "Vimeo":
        key = parse_qs(parts.query).get("h", [""])[0]  # without it a private video does not play
        return f"https://vimeo.com/{path.rsplit('/', 1)[-1]}" + (f"/{key}" if key else "")
    return url.split("?", maxsplit=1)[0] if provider == "X" else url


def video(player: HtmlElement, base: str) -> Video | None:
    """The video of a `video-player`, `youtube-player` or `iframe`; None when it plays no known provider's video."""
    kind, number = player.get("video-type") or "", player.get("video-id") or ""
    source = web_url(player.get("source") or player.get("src") or player.get("data-src"), base)
    if kind == "youtube" and re.fullmatch(r"[\w-]{5,20}", number):
        source = f"https://www.youtube.com/embed/{number}"
    if not source:
        return None
    is_own = player.tag == "video-player" and kind != "youtube"
    provider = "RFI" if is_own else provider_of(source)
    if not is_own and provider not in _VIDEO_PROVIDERS.values():
        return None
    title = words.clean(player.get("title") or "")
    return Video(
        provider=provider,
        url=source if is_own else watch_url(source),
        title=None if title in _GENERIC_TITLES else title,
    )


def heading(block: HtmlElement) -> str | None:
    """The line over a player in its block (`m-em-video__title`, a bare `p`), which names what it plays."""
    for node in block.iter("p", "h2", "h3", "div", "span"):
        is_title = node.tag in ("p", "h2", "h3") or "__title" in (node.get("class") or "")
        if is_title and not any(
            parent.tag in ("figure", "figcaption", "blockquote") for parent in node.iterancestors()
        ):
            text = words.clean(node.text_content())
            if text:
                return text
    return None


def audio(block: HtmlElement, base: str) -> Audio | None:
    """The recording of an audio block: its JSON, and the duration shown beside it."""
    for script in block.iter("script"):
        if script.get("type") != "application/json":
            continue
        data = load(script.text or "")
        sources = data.get("sources") if isinstance(data, dict) else None
        for source in sources if isinstance(sources, list) else []:
            url = web_url(source.get("url"), base) if isinstance(source, dict) else None
            if url:
                titles = (data.get(part) for part in ("diffusion", "emission"))
                named = [words.clean(str(part.get("title") or "")) for part in titles if isinstance(part, dict)]
                clock = (seconds(span.text or "") for span in block.iter("span", "time"))
                return Audio(
                    url=url,
                    title=next((title for title in named if title), None),
                    duration=next((length for length in clock if length is not None), None),
                )
    return None


def slides(block: HtmlElement, base: str) -> Iterator[tuple[Image, str]]:
    """The pictures of a diaporama, from the JSON of its first container, each with its alternative text."""
    container = next(block.iter("diaporama-container"), None)
    found = load(container.get("inlined-images-data") or "") if container is not None else None
    if isinstance(found, dict):
        found = next((value for value in found.values() if isinstance(value, list)), [])
    for slide in found if isinstance(found, list) else []:
        if not isinstance(slide, dict):
            continue
        url = _slide_url(slide, base)
        if url:
            caption, credit, alt = (
                words.clean(str(next((slide[name] for name in names if slide.get(name)), "")))
                for names in (("legend", "caption", "title"), ("credit", "credits", "copyright"), ("alt",))
            )
            yield Image(url=url, caption=caption or None, credit=credit or None), alt


def _slide_url(slide: dict[str, Any], base: str) -> str | None:
    """The largest of a slide's addresses: by the width its path or key names, the last one where none does."""
    texts: list[tuple[int, str]] = []

    def collect(key: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                collect(str(name), part)
        elif isinstance(value, list):
            for part in value:
                collect(key, part)
        elif isinstance(value, str) and (url := web_url(value, base)):
            width = re.search(r"/w:(\d+)", url) or re.search(r"(\d{2,})", key)
            texts.append((int(width[1]) if width else 0, url))

    for name in ("urls", "url", "src", "srcset", "images", "image", "sources"):
        collect("", slide.get(name))
    return max(texts, key=lambda pair: pair[0])[1] if texts else None


def load(text: str) -> Any:
    """JSON as pages embed it, control characters tolerated; None when it is none."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
