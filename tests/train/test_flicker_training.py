"""Training with frames that stand still: the loss counts, flicker falls, the last weights stay, and it resumes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pocketsr.data import NextFrame, Pair
from pocketsr.data.pairs import pair_from
from pocketsr.errors import UserError
from pocketsr.pixels import imresize
from pocketsr.train import Recipe, loop, train
from pocketsr.train.checkpoint import load_checkpoint, load_network
from pocketsr.train.folder import RunFolder
from pocketsr.train.sources import Loaded, load_pairs

Make = Callable[..., Recipe]
_CODEC = {"codec": {"clips": "clips"}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "draw", lambda _: None)
    monkeypatch.setattr(RunFolder, "export", lambda _: None)
    monkeypatch.setattr(loop, "check_needs", lambda *_, **__: None)  # the clips are made here


def _pair(seed: int) -> Pair:
    """A texture that stands still, whose next frame has other noise."""
    rng = np.random.default_rng(seed)
    large = np.clip(imresize(rng.uniform(30, 220, (12, 16)), 4), 16, 235).astype(np.uint8)
    pair = pair_from(f"{seed}.mkv#00001", large)
    one, other = (np.clip(pair.lr + rng.normal(0, 2, pair.lr.shape), 16, 235).astype(np.uint8) for _ in range(2))
    return Pair(pair.name, large, one, 0.0, NextFrame(other, np.ones(large.shape, np.bool_)))


@pytest.fixture
def loaded() -> Loaded:
    return [_pair(seed) for seed in range(4)], [_pair(9)], []


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "curve.csv").open() as file:
        return list(csv.DictReader(file))


def _flicker(out: Path, pair: Pair) -> float:
    """Levels that the kept network changes from the pair's frame to the next."""
    assert pair.following is not None
    frames = torch.from_numpy(np.stack([pair.lr, pair.following.lr]))[:, None] / 255
    with torch.no_grad():
        one, other = load_network(out / "best.pt").valid(frames)
    return float(255 * (one - other).abs().mean())


def test_frames_that_stand_still_are_learned(
    tmp_path: Path, recipe: Make, content: dict[str, Any], loaded: Loaded
) -> None:
    data = content["data"] | _CODEC
    for name, losses in (("plain", {"l1": 1.0}), ("still", {"l1": 1.0, "flicker": 0.5})):
        made = recipe(data=data, losses=losses, steps=60, validate_every=20)
        outcome = train(made, tmp_path / name, pairs=loaded)
    assert outcome.best_step == 60  # the last weights, which flicker least
    assert load_checkpoint(tmp_path / "still" / "best.pt")["step"] == 60
    assert float(_rows(tmp_path / "still")[-1]["flicker"]) > 0
    assert _flicker(tmp_path / "still", loaded[1][0]) < 0.9 * _flicker(tmp_path / "plain", loaded[1][0])


def test_a_run_with_frames_resumes_exactly(
    tmp_path: Path, recipe: Make, content: dict[str, Any], loaded: Loaded
) -> None:
    made = recipe(data=content["data"] | _CODEC, losses={"l1": 1.0, "flicker": 0.5}, schedule={"kind": "constant"})
    train(made, tmp_path / "whole", pairs=loaded)
    train(recipe(**{**_plain(made), "steps": 3}), tmp_path / "parts", pairs=loaded)
    train(made, tmp_path / "parts", resume=True, changed=("steps",), pairs=loaded)
    whole, parts = (load_checkpoint(tmp_path / name / "last.pt")["net"] for name in ("whole", "parts"))
    for name in whole:
        assert torch.equal(whole[name], parts[name]), name


def _plain(made: Recipe) -> dict[str, Any]:
    return {
        "data": {"folder": made.data.folder, "valid_share": 0.25} | _CODEC,
        "losses": made.losses, "schedule": {"kind": "constant"},
    }  # fmt: skip


def test_without_clips_the_loss_is_refused(recipe: Make) -> None:
    with pytest.raises(UserError, match=r"'flicker' compares frames of clips: set data\.codec, or leave it out"):
        recipe(losses={"l1": 1.0, "flicker": 0.5})


def test_pictures_alone_know_no_next_frame(recipe: Make) -> None:
    assert all(pair.following is None for pair in load_pairs(recipe().data)[0])
