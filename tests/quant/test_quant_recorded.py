"""benchmarks/quant.json: three networks in every spec, by three ways, and what is said of them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from record_quant import WAYS, as_markdown

from pocketsr.quant import SPECS

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
ROWS: list[dict[str, Any]] = json.loads((FOLDER / "quant.json").read_text())["rows"]
MODELS = list(dict.fromkeys(row["model"] for row in ROWS))
SETS = ("Set5", "Set14", "B100", "Urban100")


def _psnr(model: str, spec: str, way: str, name: str) -> float:
    (row,) = (row for row in ROWS if (row["model"], row["spec"], row["way"]) == (model, spec, way))
    return float(row[name])


def test_every_spec_by_every_way() -> None:
    assert {"tiny", "small"} < set(MODELS)
    assert len(MODELS) >= 3
    expected = [(model, "fp32", "trained") for model in MODELS] + list(itertools.product(MODELS, SPECS, WAYS))
    assert [(row["model"], row["spec"], row["way"]) for row in ROWS] == expected
    assert all(set(SETS) < set(row) for row in ROWS)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("model", MODELS)
def test_what_training_is_worth(model: str, name: str) -> None:
    """In every spec more than ranges well chosen; and nothing comes for free."""
    full = _psnr(model, "fp32", "trained", name)
    for spec in SPECS:
        if spec != "w8a8":  # where both cost next to nothing
            assert _psnr(model, spec, "ptq", name) + 0.05 < _psnr(model, spec, "qat", name)
        assert _psnr(model, spec, "qat", name) < full


@pytest.mark.parametrize("name", SETS)
def test_eight_bits_of_small(name: str) -> None:
    """Without training within 0.15 dB, trained on within 0.05."""
    full = _psnr("small", "fp32", "trained", name)
    assert full - _psnr("small", "w8a8", "ptq", name) < 0.15
    assert full - _psnr("small", "w8a8", "qat", name) < 0.05


def test_the_table_is_that_of_the_rows() -> None:
    assert (FOLDER / "quant.md").read_text() == as_markdown(ROWS, list(SETS))
