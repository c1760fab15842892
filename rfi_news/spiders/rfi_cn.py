"""RFI 中文, in simplified characters."""

from rfi_news.site.editions import CN
from rfi_news.spiders.edition import EditionSpider


class RfiCnSpider(EditionSpider):
    """https://www.rfi.fr/cn/."""

    name = "rfi_cn"
    edition = CN
