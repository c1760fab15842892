"""Writes docs/fields.md from rfi_news/items.py: `make docs`."""

import ast
import re
from pathlib import Path

ITEMS = Path(__file__).parent.parent / "rfi_news" / "items.py"

BEFORE = """# Fields

*Written by `make docs` from `rfi_news/items.py`; change it there.*

What a feed (`-O out.jsonl`) and the store hold of a story. In JSON times are ISO 8601 with their offset; in MongoDB they
are dates. A field that may be empty says so: `None` is null, a list may have no entries. Documents in the store also have the
fields of `Record`, and `_id`: the canonical address under which the story was first seen, which never changes.
"""

AFTER = """
## What `body_html` may hold

Tags: `p h2 h3 h4 ul ol li blockquote br hr strong em u s sup sub a figure img figcaption table thead tbody tr td th`.
Attributes: `href` on `a`, `src` and `alt` on `img`, `colspan` and `rowspan` on cells; nothing else. Addresses are absolute,
http, https or mailto. One block a line.

- A picture: `<figure><img src="…" alt="…"><figcaption>caption credit</figcaption></figure>`.
- A player, tweet, iframe or recording: `<figure><a href="…">YouTube：title</a></figure>`, named by its provider. Whoever wants
  the text alone leaves out `figure`; that is what `text` does.
- A wholly bold paragraph of up to 60 characters is a subhead, `<h2>`: the editors write subheads so.
- Advertisements, promotion, share bars, copyright lines, scripts and forms are cut.
"""


def tables(source: str) -> str:
    out = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        out.append(f"\n## {node.name}\n\n{ast.get_docstring(node)}\n\n| field | type | meaning |\n| --- | --- | --- |")
        for first, second in zip(node.body, node.body[1:], strict=False):
            if isinstance(first, ast.AnnAssign) and isinstance(second, ast.Expr):
                kind = ast.unparse(first.annotation).replace(" | ", " or ")
                note = re.sub(r"\s+", " ", second.value.value).replace("|", "\\|")
                out.append(f"| `{first.target.id}` | {kind} | {note} |")
    return "\n".join(out) + "\n"


def page() -> str:
    kinds = "\nTypes: `Text` is a string that is never empty, `Count` a whole number from 0, `Moment` an aware time in UTC.\n"
    return BEFORE + kinds + tables(ITEMS.read_text(encoding="utf-8")) + AFTER


if __name__ == "__main__":
    (Path(__file__).parent / "fields.md").write_text(page(), encoding="utf-8")
