"""The page of the command line has every verb."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from pocketsr.cli.main import _parser

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def _verbs(parser: argparse.ArgumentParser, before: str = "") -> list[str]:
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, other in action.choices.items():
                found += _verbs(other, f"{before}{name} ") or [f"{before}{name}"]
    return found


def test_every_verb_has_its_help_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    verbs = _verbs(_parser())
    assert len(verbs) > 15
    assert sorted(re.findall(r"<!-- help: (.+?) -->", text)) == sorted(verbs)
    assert sorted(re.findall(r"^## (.+)$", text, re.MULTILINE)) == sorted(verbs)
