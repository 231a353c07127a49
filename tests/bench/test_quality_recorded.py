"""The recorded figures belong to the networks that ship, and say the same wherever they are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import record_counts
import record_quality
import recording

from pocketsr.models import SHIPPED

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results() -> dict:
    return json.loads(record_quality.RESULTS.read_text())


def test_figures_of_the_models_are_those_of_the_bench(results: dict) -> None:
    assert json.loads(record_quality.FIGURES.read_text()) == record_quality.as_figures(results["rows"])


def test_counts_of_the_models_are_those_of_their_files() -> None:
    assert json.loads(record_counts.COUNTS.read_text()) == record_counts.counted()  # else: tools/record_counts.py


def test_figures_belong_to_the_networks_that_ship(results: dict) -> None:
    assert results["networks"] == recording.digests(SHIPPED)  # else: python tools/record_quality.py DATA


def test_every_network_was_measured_on_every_set(results: dict) -> None:
    images = {"Set5": 5, "Set14": 14, "B100": 100, "Urban100": 100}
    measured = {(row["model"], row["set"]): row["images"] for row in results["rows"]}
    assert measured == {(model, name): count for model in SHIPPED for name, count in images.items()}


@pytest.mark.parametrize(
    ("name", "psnr_db", "ssim"),
    [("Set5", 33.66, 0.9299), ("Set14", 30.24, 0.8688), ("B100", 29.56, 0.8431), ("Urban100", 26.88, 0.8403)],
)
def test_bicubic_was_as_published(results: dict, name: str, psnr_db: float, ssim: float) -> None:
    (row,) = (row for row in results["rows"] if (row["model"], row["set"], row["scale"]) == ("bicubic", name, 2))
    assert row["psnr_db"] == pytest.approx(psnr_db, abs=0.01)
    assert row["ssim"] == pytest.approx(ssim, abs=0.0005)


@pytest.mark.parametrize(
    ("model", "bars"),
    [
        ("tiny", {"Set5": 36.5431}),
        ("small", {"Set5": 37.21, "Set14": 32.70, "B100": 31.56, "Urban100": 29.92}),  # SESR-M3, by its paper
    ],
)
def test_networks_pass_what_was_asked(results: dict, model: str, bars: dict[str, float]) -> None:
    reached = {row["set"]: row["psnr_db"] for row in results["rows"] if row["model"] == model}
    assert all(reached[name] > bar for name, bar in bars.items()), reached
