"""Commands beside Scrapy's own. Each says in `long_desc` what it is for."""
