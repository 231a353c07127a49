"""Patches of consecutive frames: which ones there are, that both are cut alike, and where the original stands still."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pocketsr.data import Clip, NextFrame, Pair, StillPool, codec_pairs, degrade_clip
from pocketsr.data.codec import CodecSetting
from pocketsr.data.pairs import pair_from
from pocketsr.errors import UserError


def _clip() -> Clip:
    """Noise whose left half stands still while the right half moves; five frames of 128x96."""
    rng = np.random.default_rng(1)
    still, moving = rng.integers(16, 236, (96, 64), np.uint8), rng.integers(16, 236, (96, 80), np.uint8)
    return Clip("half.mkv", [np.hstack([still, moving[:, n : n + 64]]) for n in range(5)])


def test_pairs_know_the_frame_behind_theirs() -> None:
    clip = _clip()
    pairs, (record,) = codec_pairs([clip], 3, codecs=("h264",), skip=1, take_every=2, following=True)
    setting = CodecSetting(**{key: record[key] for key in CodecSetting.__dataclass_fields__})
    decoded = degrade_clip([pair_from("", frame).lr for frame in clip.frames], setting)
    assert [pair.name.partition(" ")[0] for pair in pairs] == ["half.mkv#00001", "half.mkv#00003"]
    for pair, number in zip(pairs, (1, 3), strict=True):
        assert pair.following is not None
        np.testing.assert_array_equal(pair.lr, decoded[number])
        np.testing.assert_array_equal(pair.following.lr, decoded[number + 1])
        assert pair.following.still[:, :64].all()
        assert pair.following.still[:, 64:].mean() < 0.1
    last, _ = codec_pairs([clip], 3, codecs=("h264",), skip=4, following=True)
    assert [pair.following for pair in last] == [None]


def test_without_being_asked_pairs_are_as_ever() -> None:
    plain, records = codec_pairs([_clip()], 3, codecs=("h264",), skip=1, take_every=2)
    assert [pair.following for pair in plain] == [None, None]
    assert "following" not in records[0]


def _pair(strength: float = 0.25) -> Pair:
    """LR of a ramp; the next frame is 10 levels brighter; the left half of the original stands still."""
    lr = np.add.outer(np.arange(40), 2 * np.arange(48)).astype(np.uint8)
    still = np.zeros((80, 96), np.bool_)
    still[:, :48] = True
    return Pair("a", np.zeros((80, 96), np.uint8), lr, strength, NextFrame(lr + np.uint8(10), still))


def test_both_frames_are_cut_and_turned_alike() -> None:
    frames, still = StillPool([_pair()], 16, strengths=True).batch(np.random.default_rng(2), 64)
    assert frames.shape == (64, 2, 2, 16, 16)
    assert still.shape == (64, 1, 32, 32)
    torch.testing.assert_close(frames[:, 1, 0], frames[:, 0, 0] + 10 / 255)
    assert (frames[:, :, 1] == 0.25).all()
    levels = (255 * frames[:, 0, 0]).round()
    across, down = (levels.diff(dim=axis)[:, :15, :15] for axis in (2, 1))
    assert {tuple(each) for each in torch.stack([across[:, 0, 0], down[:, 0, 0]], 1).tolist()} == {
        (a, b) for a, b in ((1, 2), (2, 1)) for a, b in ((a, b), (-a, b), (a, -b), (-a, -b))
    }  # all eight ways
    assert set(still.unique().tolist()) <= {0.0, 1.0}
    assert (still.mean((1, 2, 3)) >= 0.1).all()


def test_places_that_move_or_did_not_change_are_left_out() -> None:
    lr = np.zeros((16, 48), np.uint8)
    after = lr.copy()
    after[:, :16] = 1  # only there anything changes
    still = np.ones((32, 96), np.bool_)
    pair = Pair("a", np.zeros((32, 96), np.uint8), lr, 0.0, NextFrame(after, still))
    frames, _ = StillPool([pair], 16).batch(np.random.default_rng(0), 8)
    assert frames.shape == (8, 2, 1, 16, 16)
    assert (frames[:, 1] == 1 / 255).all()
    still[:] = False
    with pytest.raises(UserError, match="patches of 16 LR pixels a side that stand still, and there is none"):
        StillPool([pair], 16)
    with pytest.raises(UserError, match="leave the loss out"):
        StillPool([Pair("a", pair.hr, lr)], 16)
