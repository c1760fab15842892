"""What a run stored, in the forms of `feeds/`, as Scrapy's exporters: `-O new.rss -O new.atom -O new.feed.json …`."""

from typing import IO, Any, Self

from scrapy.crawler import Crawler
from scrapy.exporters import BaseItemExporter

from rfi_news.feeds import feedx, json_feed, markdown
from rfi_news.feeds.channel import Channel, Links
from rfi_news.feeds.story import Story
from rfi_news.feeds.syndication import Syndication
from rfi_news.items import Article
from rfi_news.site.addresses import HOST
from rfi_news.store.store import Store


class StoryExporter(BaseItemExporter):
    """Writes articles to a file, each under the `_id` it was stored by."""

    def __init__(self, file: IO[bytes], *, crawler: Crawler, **options: Any) -> None:
        super().__init__(**options, dont_fail=True)
        self.file = file
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler, file: IO[bytes], **options: Any) -> Self:
        """One for each file of a crawl."""
        return cls(file, crawler=crawler, **options)

    def export_item(self, item: Any) -> None:
        """Write an article; anything else is not for these formats."""
        if isinstance(item, Article):
            store = Store.of(self.crawler)
            revision = store.revision_of(item.url)
            self.export_story(Story(id=store.id_of(item.url), article=item, revisions=[revision] if revision else []))

    def export_story(self, story: Story) -> None:
        """Write one story."""
        raise NotImplementedError


class ChannelExporter(StoryExporter):
    """Gathers the stories of a run and writes them as one document, the newest first."""

    suffix = ""

    def start_exporting(self) -> None:
        """Nothing is written before the end."""
        self.stories: list[Story] = []

    def export_story(self, story: Story) -> None:
        """Keep it."""
        self.stories.append(story)

    def finish_exporting(self) -> None:
        """Write all."""
        self.stories.sort(key=lambda story: (story.published_at, story.id), reverse=True)
        language = self.stories[0].article.language if self.stories else "zh-Hans"
        edition = self.stories[0].article.edition if self.stories else "cn"
        channel = Channel(title="法广新闻", description="本次抓取的全文", link=f"{HOST}/{edition}/", language=language)
        self.file.write(self.document(channel))

    def document(self, channel: Channel) -> bytes:
        """The whole document."""
        return Syndication().write(channel, self.stories, Links(), self.suffix)


class RssExporter(ChannelExporter):
    """RSS 2.0."""

    suffix = "rss"


class AtomExporter(ChannelExporter):
    """Atom."""

    suffix = "atom"


class JsonFeedExporter(ChannelExporter):
    """JSON Feed 1.1."""

    def document(self, channel: Channel) -> bytes:
        """The whole document."""
        return json_feed.write(channel, self.stories, Links())


class MarkdownExporter(StoryExporter):
    """Markdown, one story after the other, each with its front matter."""

    def export_story(self, story: Story) -> None:
        """Write it."""
        self.file.write((markdown.write(story) + "\n").encode())


class FeedxExporter(StoryExporter):
    """Records of feedx.net, with FEEDX_PROMOTION at their end."""

    def export_story(self, story: Story) -> None:
        """Write it."""
        self.file.write(feedx.write(story, promotion=self.crawler.settings["FEEDX_PROMOTION"]).encode())
