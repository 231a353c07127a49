"""Patches: aligned, turned every way, and drawn where there is texture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pocketsr.data import Pair, PatchPool, pair_from
from pocketsr.errors import UserError
from pocketsr.pixels import imresize


def _noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(16, 236, (height, width), dtype=np.uint8)


def _levels(planes: Tensor) -> np.ndarray:
    return (planes[:, 0] * 255).round().to(torch.uint8).numpy()


def _draw(pool: PatchPool, size: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    return pool.batch(np.random.default_rng(seed), size)


def test_a_batch_is_float_in_0_to_1_and_exactly_the_levels() -> None:
    hr = np.full((40, 40), 51, np.uint8)  # 51 / 255 = 0.2
    lr_batch, hr_batch = _draw(PatchPool([pair_from("grey", hr)], 9), 3)
    assert lr_batch.shape == (3, 1, 9, 9)
    assert hr_batch.shape == (3, 1, 18, 18)
    for planes in (lr_batch, hr_batch):
        assert planes.dtype == torch.float32
        assert planes.is_contiguous()
        assert torch.equal(planes, torch.full_like(planes, np.float32(51) / np.float32(255)))


def test_lr_is_the_shrunk_hr_away_from_the_rim() -> None:
    pool = PatchPool([pair_from("a", _noise(80, 120)), pair_from("b", _noise(70, 64, 1))], 20)
    lr, hr = _draw(pool, 32)
    for small, large in zip(_levels(lr), _levels(hr), strict=True):
        # Mirrored orientations too: the kernel is symmetric. Its 8 taps reach 2 LR pixels; rounding happens after each
        # pass, rows first, and a transposed patch had it the other way round: one level.
        difference = imresize(large, 0.5).astype(int)[2:-2, 2:-2] - small[2:-2, 2:-2]
        assert np.abs(difference).max() <= 1


def test_all_eight_orientations_occur_and_agree_between_lr_and_hr() -> None:
    # One place only (the picture is the patch). Corners of HR are read off the four corners of each patch.
    hr = np.kron(np.array([[10, 20], [30, 40]], np.uint8), np.ones((8, 8), np.uint8))
    lr, large = (_levels(planes) for planes in _draw(PatchPool([pair_from("quarters", hr)], 8), 200))
    seen = [tuple(map(tuple, patch[::15, ::15].tolist())) for patch in large]
    quarters = np.array([[10, 20], [30, 40]])
    turned = [np.rot90(flipped, k) for flipped in (quarters, quarters.T) for k in range(4)]
    assert set(seen) == {tuple(map(tuple, way.tolist())) for way in turned}
    counts = [seen.count(way) for way in set(seen)]
    assert min(counts) > 8  # 25 expected each of 200
    assert seen == [tuple(map(tuple, patch[::7, ::7].tolist())) for patch in lr]


def _half_flat() -> Pair:
    hr = np.full((256, 512), 100, np.uint8)
    hr[:, 256:] = _noise(256, 256)
    return pair_from("half", hr)


def test_favoured_pictures_are_drawn_as_often_as_they_are_favoured_whatever_their_size() -> None:
    # Levels tell the pictures apart; a ramp of 20 levels makes places that differ in nothing but their picture.
    sizes = {"many/large": (300, 300, 100), "many/small": (40, 40, 150), "few/good": (60, 60, 200)}
    pairs = [
        pair_from(name, (level + np.arange(width) % 20 * np.ones((height, 1))).astype(np.uint8))
        for name, (height, width, level) in sizes.items()
    ]
    _, hr = _draw(PatchPool(pairs, 16, weights={"few/*": 3.0}), 4000)
    found = hr.flatten(1).mean(1) * 255
    shares = [float(((found > level - 5) & (found < level + 25)).float().mean()) for _, _, level in sizes.values()]
    np.testing.assert_allclose(shares, [0.2, 0.2, 0.6], atol=0.035)  # 1 : 1 : 3; over 4 standard deviations


def test_a_favoured_picture_is_still_seen_where_it_has_texture() -> None:
    _, hr = _draw(PatchPool([_half_flat()], 16, weights={"half": 2.0}), 400)
    assert float((hr.flatten(1).std(1) == 0).float().mean()) < 0.05


def test_a_favour_that_matches_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="sampling_weights 'ful\\*' matches no picture"):
        PatchPool([_half_flat()], 16, weights={"ful*": 2.0})


def test_patches_come_from_the_textured_half_unless_flat_ones_are_asked_for() -> None:
    def flat(share: float) -> float:
        _, hr = _draw(PatchPool([_half_flat()], 16, share), 400)
        return float((hr.flatten(1).std(1) == 0).float().mean())

    assert flat(0) == 0
    # Places start at columns 0, 16, .. 240 of 256; a patch of 16 LR columns is flat up to column 110 or so
    assert 0.3 < flat(1) < 0.55
    assert 0.1 < flat(0.5) < 0.35


def test_a_picture_without_any_texture_is_drawn_from_all_the_same() -> None:
    lr, _ = _draw(PatchPool([pair_from("flat", np.full((64, 64), 7, np.uint8))], 8), 4)
    assert (_levels(lr) == 7).all()


def test_patches_reach_every_pixel() -> None:
    # Sides are no multiple of the grid of places: the last rows and columns have to be met too.
    number = np.arange(37 * 50, dtype=np.int64).reshape(37, 50)
    low, high = (np.kron(part, np.ones((2, 2))).astype(np.uint8) for part in (number % 256, number // 256))
    seen = set()
    for first, second in zip(*(_picked(plane).astype(int) for plane in (low, high)), strict=True):
        seen |= set((first + 256 * second).ravel().tolist())
    assert seen == set(number.ravel().tolist())


def _picked(plane: np.ndarray) -> np.ndarray:
    pair = Pair("numbers", plane, np.zeros((37, 50), np.uint8))  # LR alone decides where patches lie
    return _levels(_draw(PatchPool([pair], 12), 8000)[1])


def test_pools_over_the_same_lr_draw_the_same_places() -> None:
    pair = _half_flat()
    taught = Pair(pair.name, 255 - pair.hr, pair.lr)
    one, other = _draw(PatchPool([pair], 16), 8), _draw(PatchPool([taught], 16), 8)
    assert torch.equal(one[0], other[0])
    np.testing.assert_array_equal(255 - _levels(one[1]), _levels(other[1]))


def test_pictures_too_small_are_left_out_and_named() -> None:
    pairs = [pair_from("small", _noise(38, 80)), pair_from("large", _noise(40, 40, 1))]
    pool = PatchPool(pairs, 20)  # 40 HR rows are needed
    assert pool.too_small == ("small",)
    assert len(pool) == 1
    with pytest.raises(UserError, match=r"no picture has 42 pixels .* large comes closest with 40: .* at most 20"):
        PatchPool(pairs, 21)


def test_a_share_of_the_patches_is_even_at_any_strength() -> None:
    pairs = [pair_from("a", _noise(64, 64), 2)]
    pool = PatchPool(pairs, 16, strengths=True, even_share=0.25)
    lr, hr = _draw(pool, 400)
    levels = _levels(lr[:, :1])
    even = np.ptp(levels.reshape(400, -1), axis=1) == 0
    assert 60 < even.sum() < 140
    np.testing.assert_array_equal(_levels(hr)[even][:, 0, 0], levels[even][:, 0, 0])
    assert (np.ptp(_levels(hr).reshape(400, -1), axis=1) == 0).tolist() == even.tolist()
    assert levels[even].min() >= 16
    assert levels[even].max() <= 235
    assert np.ptp(levels[even]) > 150
    strengths = lr[:, 1, 0, 0].numpy()
    assert np.ptp(strengths[even]) > 0.8
    assert (strengths[~even] == 0).all()


def test_pools_without_even_patches_draw_as_ever() -> None:
    pairs = [pair_from("a", _noise(64, 64), 2)]
    with_none, ordinary = PatchPool(pairs, 16, even_share=0.0), PatchPool(pairs, 16)
    np.testing.assert_array_equal(_draw(with_none, 8)[0], _draw(ordinary, 8)[0])
