"""Tests import helpers and tools by name alone, so that of two modules with one name the first to be imported wins."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_no_two_modules_share_a_name() -> None:
    files = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("tools/*.py")]
    assert len(files) > 100
    count = Counter(file.stem for file in files if file.stem not in ("conftest", "__init__"))
    assert not [name for name, times in count.items() if times > 1]
