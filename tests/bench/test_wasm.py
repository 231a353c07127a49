"""`pocketsr bench wasm`: the form of its JSON, and the recorded figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pocketsr.cli import main

KEYS = {"model", "runtime", "host", "threads", "median_ms", "equal_bits", "bytes_gzip"}
RECORDED = Path(__file__).parents[2] / "benchmarks" / "wasm.json"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    options = ["--size", "37x21", "--rounds", "1", "--chromium", "none", "--json"]
    assert main(["bench", "wasm", "-m", "small-w8a8", *options]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert [(row["runtime"], row["host"]) for row in result["rows"]] == [
        ("pocketsr-native", None),
        ("pocketsr-wasm", "node"),
    ]
    for row in result["rows"]:
        assert row.keys() >= KEYS
        assert row["equal_bits"] is True
        assert row["median_ms"] > 0
        assert row["threads"] == 1
    assert 10_000 < result["rows"][1]["bytes_gzip"] < 24_000  # exact Winograd beside direct sums
    assert "onnxruntime-web" in captured.err  # absent, and how to have it


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--node", "/nowhere/node"], "can't be run"),
        (["--size", "37"], "WIDTHxHEIGHT"),
        (["--rounds", "0"], "round"),
        (["-m", "huge"], "unknown model"),
    ],
)
def test_mistakes(options: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    assert main(["bench", "wasm", "-m", "bicubic", "--size", "16x16", "--chromium", "none", *options]) == 2
    assert word in capsys.readouterr().err


def test_recorded() -> None:
    """8-bit networks have the native bits, floats differ by a level in 1 of 10,000 pixels; ours are the faster ones."""
    rows = json.loads(RECORDED.read_text())["rows"]
    ours = [row for row in rows if row["runtime"] == "pocketsr-wasm"]
    assert {(row["model"], row["host"]) for row in ours} >= {
        (model, host) for model in ("tiny", "small", "small-w8a8", "medium") for host in ("node", "chromium")
    }
    for row in ours:
        assert row["max_levels"] <= 1
        assert row["differing_share"] <= 1e-4
        assert row["equal_bits"] or row["model"] not in ("small-w8a8", "medium")
        (theirs,) = (
            other["median_ms"]
            for other in rows
            if (other["model"], other["host"], other["runtime"]) == (row["model"], row["host"], "onnxruntime-web")
        )
        assert theirs > 2 * row["median_ms"]
