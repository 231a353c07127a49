"""What a stream keeps of sizes that come no more: what it counted, and no memory."""

from __future__ import annotations

import tracemalloc

import numpy as np

from pocketsr.codec.correction import Correction, Message, network_id, write
from pocketsr.engine import load, load_chroma
from pocketsr.frames import Frame, FrameFormat
from pocketsr.live import Stream
from pocketsr.video.upscaler import Enlarger

NETWORK = "bicubic"


def _frame(width: int, height: int = 64, pix_fmt: str = "nv12") -> Frame:
    frame = Frame.blank(pix_fmt, width, height)
    for plane in frame.planes:
        plane[...] = np.random.default_rng(0).integers(0, 256, plane.shape)
    return frame


def test_a_size_that_changes_all_the_time_takes_no_memory() -> None:
    coefficients = np.random.default_rng(1).integers(-9, 10, (4, 41)).astype(np.int8)
    held = []
    with Stream(NETWORK, threads=1) as stream:
        assert stream.hear(write(Message(network_id(NETWORK), Correction(coefficients))))
        tracemalloc.start()
        try:
            for width in range(64, 264, 2):
                stream(_frame(width))
                held.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    largest = 6 * 264 * 64  # bytes of the largest result: its luma and its chroma, which is made apart, are kept
    assert held[-1] - held[10] < 3 * largest


def test_the_share_counts_frames_of_all_sizes() -> None:
    frame, other = _frame(80, 60, "gray"), _frame(64, 60, "gray")
    with Stream(NETWORK, threads=1, reuse=True, size=(200, 150)) as stream:
        for _ in range(9):
            stream(frame)
        stream(other)
        wanted = (frame.width + other.width) / (9 * frame.width + other.width)
        assert stream.computed_share == wanted


def test_so_does_a_video_whose_format_changes() -> None:
    enlarge = Enlarger(load(NETWORK, 1), lambda siting: load_chroma(2, siting, 1))
    frames = [_frame(80, 60, "gray"), _frame(64, 60, "gray")]
    for _ in range(3):
        for frame in frames:
            made: FrameFormat = enlarge.follow(frame.format)
            assert (made.width, made.height) == (2 * frame.width, 2 * frame.height)
            for _ in range(2):
                enlarge(frame)
    assert enlarge.computed_share == 0.5
