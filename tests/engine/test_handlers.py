"""Handlers of ONNX operators are registered once each."""

from __future__ import annotations

from typing import Any

import pytest

import pocketsr.engine.onnx.importer  # noqa: F401  where handlers are registered
from pocketsr.engine.onnx.state import HANDLERS, handles


def test_an_operator_has_one_handler() -> None:
    before = dict(HANDLERS)

    def another(*_: Any) -> None:
        raise AssertionError

    for operators in (("Conv",), ("Unheard", "Unheard"), ("Unheard", "Conv")):
        with pytest.raises(ValueError, match="is registered twice"):
            handles(*operators)(another)
    assert before == HANDLERS
