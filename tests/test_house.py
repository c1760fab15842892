"""Rules over the whole project; each failure says what to do."""

import ast
import itertools
import re
import runpy
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from scrapy.settings import Settings

from rfi_news import items
from rfi_news.items import Article
from rfi_news.spiders.arguments import Arguments
from rfi_news.store.schema import INDEXES, validator
from tests.conftest import ROOT

PACKAGE = ROOT / "rfi_news"
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


# What each room may know of the others: imports go one way.
ALLOWED = {
    "site": {"site", "items", "exceptions", "words", "markup"},
    "items": set(),
    "words": set(),
    "markup": set(),
    "feeds": {"feeds", "items", "markup", "revisions"},
    "clock": {"site"},
    "revisions": {"items"},
    "exceptions": set(),
    "spiders": {"spiders", "site", "items", "exceptions", "clock"},
    "store": {"store", "site", "items", "exceptions", "revisions"},
    "pipelines": {"pipelines", "store", "spiders", "site", "items", "exceptions"},
    "middlewares": {"store", "spiders", "site", "items", "exceptions", "clock"},
    "extensions": {"store", "spiders", "items", "exceptions"},
    "commands": {
        "commands",
        "markup",
        "store",
        "feeds",
        "exporters",
        "spiders",
        "site",
        "items",
        "exceptions",
        "extensions",
        "render",
        "clock",
    },
    "exporters": {"feeds", "store", "site", "items"},
    "render": {"site", "exceptions"},
    "recordings": {"site"},
    "settings": set(),
    "demo": set(),
    "__main__": set(),
    "__init__": set(),
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    own = {name.split(".")[1] for name in imports(path) if name.startswith("rfi_news.")}
    extra = own - ALLOWED[room(path)] - {"words"}
    assert not extra, f"{path.name} imports {extra}; docs/architecture.md says which room may know which"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_store_speaks_to_mongodb(path):
    if room(path) != "store":
        assert not any(name.startswith(("pymongo", "bson", "secantus")) for name in imports(path)), (
            "go through rfi_news.store"
        )
    assert not any(name.startswith("secantus") for name in imports(path)), "SecantusDB is GPL: run it, never import it"


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) == "spiders"], ids=lambda path: path.name)
def test_no_selector_in_a_spider(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\.(css|xpath|re|jmespath)\(", text), "selectors live in rfi_news/site"


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) == "site"], ids=lambda path: path.name)
def test_the_site_room_is_pure(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"datetime\.now|time\.time|get_project_settings|urlopen|requests\.", text), (
        "response in, values out"
    )


def test_doors_are_shut():
    settings = Settings()
    settings.setmodule("rfi_news.settings")
    assert not settings.getbool("TELNETCONSOLE_ENABLED")
    assert not settings.getbool("REMOTE_CONTROL_ENABLED")
    assert settings.getbool("ROBOTSTXT_OBEY")
    assert settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN") == 1
    assert settings.getfloat("DOWNLOAD_DELAY") >= 1
    assert re.match(r"rfi-news/[\d.]+ \(\+.+\)$", settings["USER_AGENT"]), "name and contact, never a browser's"


ITEMS = [part for part in vars(items).values() if is_dataclass(part) and part.__module__ == items.__name__]


def documented(item: type) -> dict[str, str]:
    """Field to the string under it."""
    source = ast.parse((PACKAGE / "items.py").read_text(encoding="utf-8"))
    body = next(node.body for node in source.body if isinstance(node, ast.ClassDef) and node.name == item.__name__)
    return {
        first.target.id: second.value.value
        for first, second in itertools.pairwise(body)
        if isinstance(first, ast.AnnAssign) and isinstance(second, ast.Expr)
    }


@pytest.mark.parametrize("item", ITEMS)
def test_every_field_is_documented(item):
    notes = documented(item)
    for field in fields(item):
        assert notes.get(field.name), f"{item.__name__}.{field.name} needs a string under it"


def test_the_page_of_fields_is_up_to_date():
    writer = runpy.run_path(str(ROOT / "docs" / "fields.py"))
    assert (ROOT / "docs" / "fields.md").read_text(encoding="utf-8") == writer["page"](), "run `make docs`"


def test_every_argument_is_in_both_readmes():
    for name in ("README.md", "README.zh.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for argument in set(Arguments.model_fields) - {"job", "list_only"}:
            assert f"`{argument}`" in text, f"{name} does not tell of -a {argument}=…"


def test_both_readmes_have_the_same_commands():
    english, chinese = (
        re.findall(r"```(?:\w*)\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
        for name in ("README.md", "README.zh.md")
    )

    def commands(blocks):
        return [
            line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.split("#")[0].strip()
        ]

    assert commands(english) == commands(chinese)


def test_every_setting_of_ours_is_documented():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in re.findall(
        r"^([A-Z_]+)(?::.*)? = ", (PACKAGE / "settings.py").read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert f"`{name}`" in text, f"docs/settings.md does not tell of {name}"


def test_every_room_has_its_line_in_the_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in PACKAGE.iterdir():
        if path.name not in ("__pycache__", "__init__.py", "__main__.py"):
            assert f"`rfi_news/{path.name}{'/' if path.is_dir() else ''}`" in text, (
                f"docs/architecture.md needs a line for {path.name}"
            )


def test_the_database_schema_follows_the_dataclass():
    schema = validator()
    assert schema["required"] == [field.name for field in fields(Article)]
    properties = schema["properties"]
    assert properties["title"] == {"bsonType": "string", "minLength": 1}
    assert properties["lead"] == {"bsonType": ["string", "null"]}
    assert properties["published_at"] == {"bsonType": "date"}
    assert properties["modified_at"] == {"bsonType": ["date", "null"]}
    assert properties["char_count"] == {"bsonType": "int", "minimum": 0}
    assert properties["authors"]["items"]["properties"]["name"] == {"bsonType": "string", "minLength": 1}
    assert properties["translations"] == {"bsonType": "object", "additionalProperties": {"bsonType": "string"}}
    assert properties["revisions"]["items"]["properties"]["earlier"] == {"bsonType": "object"}
    assert "aliases" not in schema["required"], "a document of an earlier version lacks it"
    assert set(INDEXES) == {"articles", "links", "runs", "frontier", "state"}


def test_requirements_are_pinned_and_hashed_and_name_no_registry():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text), (
        "run `make lock`, which leaves addresses out"
    )
    wanted = re.findall(r'^  "([\w-]+)', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    pinned = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    for name in ("scrapy", "pymongo", "nh3", "secantusdb", "scrapy-playwright"):
        assert name in pinned
        assert name in wanted or name in ("secantusdb", "scrapy-playwright")


def test_settings_import_nothing_of_ours():
    assert imports(PACKAGE / "settings.py") <= {"os", "typing", "rfi_news"}


def test_scrapy_check_and_list_work():
    listed = subprocess.run([sys.executable, "-m", "rfi_news", "list"], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["rfi_cn"]
