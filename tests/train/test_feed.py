"""The batches of a run: a function of seed and step, shared by processes, with the teacher's at the same places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from pocketsr.data import NextFrame, Pair
from pocketsr.train import Recipe
from pocketsr.train.feed import Batch, Feed
from pocketsr.train.sources import load_pairs


@pytest.fixture
def pairs(recipe: Callable[..., Recipe]) -> list[Pair]:
    return load_pairs(recipe().data)[0]


def _all(
    recipe: Recipe, pairs: list[Pair], taught: list[Pair] | None = None, start: int = 0, rank: int = 0, of: int = 1,
    frames: bool = False,
) -> list[Batch]:  # fmt: skip
    feed = Feed(recipe.batching(), pairs, taught, start, rank, of, torch.device("cpu"), frames=frames)
    try:
        return list(feed)
    finally:
        feed.close()


def test_a_later_start_sees_the_same_batches(recipe: Callable[..., Recipe], pairs: list[Pair]) -> None:
    made = recipe(patch=[[0, 8], [3, 12]], steps=5)
    whole = _all(made, pairs)
    assert [batch[0].shape[-1] for batch in whole] == [8, 8, 8, 12, 12]
    for start in (2, 4):
        rest = _all(made, pairs, start=start)
        assert len(rest) == 5 - start
        for (lr, hr, *_), (again_lr, again_hr, *_) in zip(whole[start:], rest, strict=True):
            assert torch.equal(lr, again_lr)
            assert torch.equal(hr, again_hr)


def test_processes_share_each_batch(recipe: Callable[..., Recipe], pairs: list[Pair]) -> None:
    made = recipe(steps=3)
    shares = [_all(made, pairs, rank=rank, of=2) for rank in (0, 1)]
    for (lr, hr, *_), *parts in zip(_all(made, pairs), *shares, strict=True):
        assert torch.equal(lr, torch.cat([part[0] for part in parts]))
        assert torch.equal(hr, torch.cat([part[1] for part in parts]))


def test_the_teachers_picture_is_cut_where_hr_is(recipe: Callable[..., Recipe], pairs: list[Pair]) -> None:
    negative = [replace(pair, hr=255 - pair.hr) for pair in pairs]
    for _, hr, taught, _ in _all(recipe(steps=3), pairs, negative):
        assert taught is not None
        torch.testing.assert_close(taught, 1 - hr)  # the negative of what was cut


def test_frames_are_shared_and_come_again_at_a_later_start(recipe: Callable[..., Recipe], pairs: list[Pair]) -> None:
    moved = [replace(pair, following=NextFrame(255 - pair.lr, pair.hr > 0)) for pair in pairs]
    made = recipe(steps=4)
    whole = _all(made, moved, frames=True)
    halves = [_all(made, moved, start=1, rank=rank, of=2, frames=True) for rank in (0, 1)]
    assert all(batch[3] is None for batch in _all(made, moved))
    for (*_, frames), *parts in zip(whole[1:], *halves, strict=True):
        assert frames is not None
        shown, still = frames
        assert shown.shape == (made.batch, 2, 1, made.patch, made.patch)
        torch.testing.assert_close(shown[:, 1], 1 - shown[:, 0])
        for k, one in enumerate(frames):
            assert torch.equal(one, torch.cat([part[3][k] for part in parts if part[3] is not None]))
        assert still.min() >= 0
        assert still.mean() > 0.5
