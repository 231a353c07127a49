"""What mkdocs puts into pages while it builds the site: tables of figures, and the verbs' help.

`<!-- table: quality -->` becomes the README's table of that name, from benchmarks/; `<!-- help: upscale -->` what
`pocketsr upscale --help` prints. So neither can differ from what it is made of.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from typing import Any

import readme_tables  # beside this file, where mkdocs looks while it loads a hook

from pocketsr.cli.main import _parser

__all__ = ["on_page_markdown"]

_FIGURES = Path(__file__).resolve().parents[1] / "benchmarks"
os.environ["COLUMNS"] = "100"  # argparse's width, whatever the terminal's


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs' event: the page as it will be rendered. Raises KeyError for a table or verb that there isn't."""
    markdown = re.sub(r"<!-- table: (\w+) -->", lambda found: _table(found[1]), markdown)
    return re.sub(r"<!-- help: ([\w ]+) -->", lambda found: _help(found[1].split()), markdown)


def _table(name: str) -> str:
    makers = {
        "speed": readme_tables.speed_table,
        "quality": readme_tables.quality_table,
        "field": readme_tables.field_table,
    }
    return makers[name](json.loads((_FIGURES / f"{name}.json").read_text(encoding="utf-8")))


def _help(words: list[str]) -> str:
    parser = _parser()
    for word in words:
        (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parser = verbs.choices[word]
    return f"```text\n{parser.format_help().rstrip()}\n```"
