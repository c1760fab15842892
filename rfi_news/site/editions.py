"""The language editions of www.rfi.fr, as data.

Words and counts were read off published addresses of 2020-09 to 2024-04; see docs/site-history.md.
"""

from dataclasses import dataclass

# The site's own hreflang list, where it differs from the code in the address.
_LANGUAGES = {"cn": "zh-Hans", "tw": "zh-Hant", "br": "pt-BR", "ma": "bm", "km": "km"}

CODES = frozenset("fr en es pt br ha sw ma ff ru uk vi cn tw km fa".split())
"""First path part of every edition that lives on www.rfi.fr."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The words one edition puts in its addresses and over its blocks."""

    code: str
    """First part of the path: `cn`."""
    columns_index: str = ""
    """Path part under which columns live: 专栏检索."""
    tags: str = "tag"
    """Path part of tag pages."""
    authors: str = "author"
    """Path part of author pages."""
    archive: str = "archives"
    """Path part of the day archive."""
    sections: tuple[str, ...] = ()
    """Sections with a topic page, most read first."""
    columns: tuple[str, ...] = ()
    """Columns known from published addresses; the site's own index of columns adds to them."""
    services: frozenset[str] = frozenset()
    """Path parts that hold no stories: radio, podcasts, about."""

    @property
    def language(self) -> str:
        """BCP 47 tag."""
        return _LANGUAGES.get(self.code, self.code)


CN = Edition(
    code="cn",
    columns_index="专栏检索",
    tags="关键词",
    authors="作者",
    archive="档案资料库",
    sections=tuple(
        "中国 国际 欧洲 亚洲 法国 港澳台 美洲 政治 中东 非洲 台湾 经贸 美国 生态 社会 科技与文化 香港 人权 首页 "
        "体育 健康 名流 国际报道 财经快讯 运动天地 科学新知 法新社经济 魅力法兰西 法语教学".split()
    ),
    columns=tuple(
        "法国报纸摘要 要闻解说 要闻分析 法国世界报 生态-健康与科技 今日经济 微言微语 欧洲思想文化长廊 东京专栏 "
        "公民论坛 "
        "印太纵览 聚焦非洲 曼谷专栏 法国文艺欣赏 台北一周 法国风土人情 文化遗产 特别节目 环境与发展 法国风光 美国专栏 "
        "国际纵横 北美来鸿 柏林飞鸿 法语世界 法国美食 观察中国 中华世界 聚焦台海 环保天地 法国生活 文化艺术 "
        "法语课程-les-voisins-du-12-bis 健康时间 今日体育 思潮与政见 旅游与消闲 科技时空 今日欧洲".split()
    ),
    services=frozenset(
        "直播 视频 滚动新闻 再次收听 特别专题 我们是谁 如何收听法广 应用 法广合作伙伴 最新消息 联系我们".split()
    ),
)

TW = Edition(
    code="tw",
    tags="關鍵詞",
    sections=tuple("中國 港澳台 法國 亞洲 非洲 中東 歐洲 美洲 人權 政治 經貿 社會 生態 科技與文化 國際".split()),
)

EDITIONS = {code: Edition(code=code) for code in CODES} | {"cn": CN, "tw": TW}
"""Every edition by its code; only those with words of their own are spelled out above."""

RELATED_HEADINGS = frozenset({"同一主题", "同一主題", "Sur le même thème", "Sur le même sujet", "Related"})
"""What stands over the same-topic block."""
