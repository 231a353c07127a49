"""Frames of videos as studio luma, and pans over photographs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from pocketsr.data import load_clips, pan, read_clips, split
from pocketsr.errors import UserError
from pocketsr.pixels import imresize


def _frames(count: int, height: int = 32, width: int = 48) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width), dtype=np.uint8) for _ in range(count)]


def _write(path: Path, frames: list[np.ndarray], color_range: int = 1) -> None:
    """Lossless, in the order given."""
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25))
        stream.height, stream.width = frames[0].shape
        stream.pix_fmt, stream.codec_context.color_range = "yuv420p", color_range
        for luma in frames:
            planes = np.concatenate([luma, np.full((luma.shape[0] // 2, luma.shape[1]), 128, np.uint8)])
            frame = VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.color_range = color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_studio_luma_comes_as_it_is_in_order(tmp_path: Path) -> None:
    frames = _frames(5, width=50)  # no multiple of what rows are padded to
    _write(tmp_path / "b.mkv", frames)
    _write(tmp_path / "a.mkv", frames[::-1])
    first, second = read_clips(tmp_path, most_frames=4)
    assert (first.name, second.name) == ("a.mkv", "b.mkv")
    np.testing.assert_array_equal(second.frames, frames[:4])
    np.testing.assert_array_equal(first.frames, frames[:0:-1])


def test_full_range_becomes_studio_range(tmp_path: Path) -> None:
    levels = np.full((16, 16), 255, np.uint8)
    levels[:8], levels[8:12] = 0, 100  # 16 + 100 * 219 / 255 = 101.88
    _write(tmp_path / "full.mkv", [levels], color_range=2)
    (clip,) = read_clips(tmp_path)
    assert [clip.frames[0][row, 0] for row in (0, 8, 12)] == [16, 102, 235]


def test_pairs_of_clips_are_every_nth_frame_and_stay_together(tmp_path: Path) -> None:
    frames = _frames(7)
    _write(tmp_path / "a.mkv", frames)
    pairs = load_clips(tmp_path, take_every=3)
    assert [pair.name for pair in pairs] == ["a.mkv#00000", "a.mkv#00003", "a.mkv#00006"]
    np.testing.assert_array_equal(pairs[1].hr, frames[3])
    np.testing.assert_array_equal(pairs[1].lr, imresize(frames[3], 0.5))
    assert {pair.file for pair in pairs} == {"a.mkv"}
    # "a.mkv" is 97 + 46 + 109 + 107 + 118 = 477 = 9 * 53, so a share of 1/9 takes it whole, and leaves none
    with pytest.raises(UserError, match="none of 3 pictures is left to train with"):
        split(pairs, share=1 / 9)


def test_clips_held_out_do_not_come_in(tmp_path: Path) -> None:
    for name in ("for_test.mkv", "for_training.mkv"):
        _write(tmp_path / name, _frames(1))
    assert [clip.name for clip in read_clips(tmp_path, exclude=("for_test",))] == ["for_training.mkv"]
    with pytest.raises(UserError, match="'fortest' matches none of its videos"):
        read_clips(tmp_path, exclude=("fortest",))


def test_user_errors_name_the_path_and_the_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no videos"):
        read_clips(tmp_path)
    bad = tmp_path / "bad.mkv"
    bad.write_bytes(b"no video at all")
    with pytest.raises(UserError, match=r"bad\.mkv can't be read as a video .*: replace it, or exclude it"):
        read_clips(tmp_path)
    _write(bad, _frames(1))
    with av.open(bad, "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 16, 16, "yuv420p10le"
        container.mux(stream.encode(VideoFrame(16, 16, "yuv420p10le")))
        container.mux(stream.encode(None))
    with pytest.raises(UserError, match=r"bad\.mkv is yuv420p10le: convert it to yuv420p"):
        read_clips(tmp_path)


def test_a_pan_is_windows_of_the_photograph_that_move_steadily() -> None:
    rows, columns = np.mgrid[:100, :200]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        # the windows' top left pixels give their places away
        tops = [frame[0, 0] for frame in pan(rows.astype(np.uint8), (20, 30), 60, np.random.default_rng(seed))]
        frames = pan(columns.astype(np.uint8), (20, 30), 60, rng)
        lefts = [frame[0, 0] for frame in frames]
        assert {frame.shape for frame in frames} == {(20, 30)}
        for places, room in ((tops, 80), (lefts, 170)):
            assert 0 <= min(places) <= max(places) <= room
            steps = np.abs(np.diff(np.array(places, int)))
            assert steps.max() <= 9  # 8 HR pixels a frame at most, and rounding
            away = (np.array(places[1:-1]) > 8) & (np.array(places[1:-1]) < room - 8)
            assert np.abs(np.diff(steps))[away].max(initial=0) <= 1  # steady, but for rounding, away from the edges


def test_a_pan_over_a_photograph_of_the_windows_size_stands_still() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    for frame in pan(photo, (20, 30), 3, np.random.default_rng(1)):
        np.testing.assert_array_equal(frame, photo)
    with pytest.raises(UserError, match="of 30x20 can't hold a window of 40x20: take larger ones"):
        pan(photo, (20, 40), 3, np.random.default_rng(1))
