"""What fused frames are worth, and what they must not do."""

from __future__ import annotations

import numpy as np
import pytest
from burst_scenes import burst_of, moved, scene

import pocketsr
from pocketsr.bursts.fuse import fuse
from pocketsr.engine import Upscaler
from pocketsr.image import upscale_image
from pocketsr.pixels import imresize, psnr, rgb_to_luma


def _db(made: np.ndarray, hr: np.ndarray) -> float:
    return psnr(rgb_to_luma(made)[8:-8, 8:-8], rgb_to_luma(hr)[8:-8, 8:-8])


@pytest.mark.parametrize(("sigma", "least_db"), [(0.0, 2.0), (5.0, 1.5)])
def test_eight_frames_know_more_than_one(small: Upscaler, bicubic: Upscaler, sigma: float, least_db: float) -> None:
    hr = scene(160, 192)
    frames = burst_of(hr, 8, sigma=sigma)
    made = fuse(frames, small, bicubic)
    assert made.pixels.shape == hr.shape
    assert min(made.shares) > 0.8
    assert _db(made.pixels, hr) > _db(upscale_image(frames[0], small), hr) + least_db


def test_chroma_gains_too(small: Upscaler, bicubic: Upscaler) -> None:
    hr = scene(128, 128)
    frames = burst_of(hr, 6)
    before, after = (
        np.square((each.astype(float) - hr) @ [0.5, -0.419, -0.081])[8:-8, 8:-8].mean()
        for each in (upscale_image(frames[0], small), fuse(frames, small, bicubic).pixels)
    )
    assert after < 0.7 * before


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [2, 3])
def test_one_frame_is_upscaled_as_ever(small: Upscaler, dtype: type, scale: int) -> None:
    frame = scene(48, 40).astype(dtype)
    np.testing.assert_array_equal(pocketsr.burst([frame], small, scale=scale), upscale_image(frame, small, size=scale))


def test_where_nothing_agrees_the_result_is_that_of_one_frame(small: Upscaler, bicubic: Upscaler) -> None:
    first, other = scene(80, 96), scene(80, 96, seed=8)
    made = fuse([first, other], small, bicubic)
    assert made.shares[0] < 0.02
    with pytest.warns(pocketsr.PocketsrWarning, match="frame 1 shows something else than frame 0"):
        np.testing.assert_array_equal(pocketsr.burst([first, other], small), made.pixels)
    np.testing.assert_array_equal(made.pixels, upscale_image(first, small))


@pytest.mark.parametrize("corrected", [False, True])
def test_a_moving_object_leaves_no_ghost(
    small: Upscaler, bicubic: Upscaler, refining: Upscaler, corrected: bool
) -> None:
    """A bright disc crosses the picture: its places in the other frames must look as if it had never been there."""
    hr = scene(192, 224)
    y, x = np.mgrid[:192, :224]
    frames, ghosts = [], np.zeros((192, 224), bool)
    for index, (dx, dy) in enumerate([(0, 0), (1.3, -0.7), (-0.6, 1.1), (0.9, 0.4), (-1.2, -1.4), (0.3, 1.8)]):
        seen = moved(hr, dx, dy)
        disc = (x - 40 - 28 * index) ** 2 + (y - 90) ** 2 < 13**2
        seen[disc] = (245, 240, 60)
        if index == 0:
            hr = seen.copy()
            own = disc
        else:
            ghosts |= disc
        frames.append(imresize(seen, 0.5))
    ghosts &= ~((x - 40) ** 2 + (y - 90) ** 2 < 24**2)
    one = upscale_image(frames[0], small)
    made = fuse(frames, small, bicubic, refining=refining if corrected else None).pixels
    truth, alone, together = (rgb_to_luma(each) for each in (hr, one, made))
    assert ghosts.sum() > 2000
    for where in (ghosts, own):
        assert abs((together - truth)[where].mean()) < abs((alone - truth)[where].mean()) + 0.5
        assert np.square(together - truth)[where].mean() < 1.1 * np.square(alone - truth)[where].mean()
        # a ghost would be far off somewhere, were it faint on the whole
        assert np.abs(together - truth)[where].max() < np.abs(alone - truth)[where].max() + 12


def test_large_motion_and_turning_are_found(small: Upscaler, bicubic: Upscaler) -> None:
    hr = scene(208, 224)
    frames = [imresize(each, 0.5) for each in (hr, moved(hr, 37.3, -21.6, 3.0), moved(hr, -18.2, 30.9, -2.5))]
    made = fuse(frames, small, bicubic)
    assert min(made.shares) > 0.5
    inner = slice(48, -48)
    gain = [
        psnr(rgb_to_luma(e)[inner, inner], rgb_to_luma(hr)[inner, inner])
        for e in (made.pixels, upscale_image(frames[0], small))
    ]
    assert gain[0] > gain[1] + 0.5


def test_tiles_leave_no_seams(small: Upscaler, bicubic: Upscaler, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = burst_of(scene(176, 176), 3)
    whole = fuse(frames, small, bicubic).pixels.astype(int)
    monkeypatch.setattr("pocketsr.bursts.fuse._TILE", 40)
    differences = np.abs(fuse(frames, small, bicubic).pixels - whole).max(axis=2)
    assert differences.mean() < 0.5
    seams = np.concatenate([differences[79::80].ravel(), differences[80::80].ravel()])
    assert seams.mean() < differences.mean() + 0.1  # no more there than anywhere


@pytest.mark.parametrize("scale", [3, 4])
def test_other_scales(small: Upscaler, bicubic: Upscaler, scale: int) -> None:
    hr = scene(144, 156)
    frames = burst_of(hr, 6, scale=scale)
    made = fuse(frames, small, bicubic, scale=scale).pixels
    assert made.shape == hr.shape
    assert _db(made, hr) > _db(upscale_image(frames[0], small, size=scale), hr) + 0.15


def test_another_reference(small: Upscaler, bicubic: Upscaler) -> None:
    frames = burst_of(scene(96, 112), 3)
    np.testing.assert_array_equal(
        fuse(frames, small, bicubic, reference=2).pixels, fuse([frames[2], *frames[:2]], small, bicubic).pixels
    )


def test_grey_deep_and_flat_pictures(small: Upscaler, bicubic: Upscaler) -> None:
    frames = burst_of(scene(96, 112), 3)
    grey = fuse([each[..., 1] for each in frames], small, bicubic).pixels
    assert grey.shape == (96, 112)
    deep = fuse([each.astype(np.uint16) * 257 for each in frames], small, bicubic).pixels
    assert deep.dtype == np.uint16
    np.testing.assert_allclose(deep / 257, fuse(frames, small, bicubic).pixels, atol=1.01)
    flat = [np.full((40, 40, 3), level, np.uint8) for level in (90, 90)]
    np.testing.assert_array_equal(fuse(flat, small, bicubic).pixels, upscale_image(flat[0], small))


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 5), (23, 64)])
def test_tiny_pictures(small: Upscaler, bicubic: Upscaler, size: tuple[int, int]) -> None:
    frames = [scene(64, 96, seed)[: size[0], : size[1]] for seed in (1, 1, 2)]
    assert fuse(frames, small, bicubic).pixels.shape == (2 * size[0], 2 * size[1], 3)


def test_transparency_is_that_of_the_reference(small: Upscaler, bicubic: Upscaler) -> None:
    frames = burst_of(scene(64, 64), 3)
    alpha = np.zeros((32, 32), np.uint8)
    alpha[8:24, 8:] = 255
    made = fuse([np.dstack([frames[0], alpha]), *frames[1:]], small, bicubic).pixels
    np.testing.assert_array_equal(made[..., 3], upscale_image(np.dstack([frames[0], alpha]), small)[..., 3])


def test_a_brighter_frame_does_no_harm(small: Upscaler, bicubic: Upscaler) -> None:
    hr = scene(96, 112)
    frames = burst_of(hr, 4)
    brighter = [frames[0], *(np.clip(each * 1.15, 0, 255).astype(np.uint8) for each in frames[1:])]
    made = fuse(brighter, small, bicubic).pixels
    assert _db(made, hr) > _db(upscale_image(frames[0], small), hr) - 0.1
