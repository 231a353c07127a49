"""Frames through another network from some time on; and what is seen stretch by stretch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clipmaker import Repeat
from coded_parts import coded_parts
from numpy.typing import NDArray

from pocketsr.errors import ArgumentError
from pocketsr.source import PLAIN_FROM, Choice, Hints, Seen, choose_stretches
from pocketsr.video import Part, upscale_video
from pocketsr.video.changing import Changing
from pocketsr.video.stretches import look_at_stretches

FPS, FRAMES = 10, 30


class Level(Repeat):
    """Makes everything as bright as it is told, or as its name says."""

    def __init__(self, level: int, strengths: int = 0) -> None:
        super().__init__()
        self.level, self.strengths = level, strengths

    def __call__(
        self, y: NDArray[Any], bits: int | None = None, out: NDArray[Any] | None = None, strength: float | None = None
    ) -> NDArray[Any]:  # fmt: skip
        made = super().__call__(y, bits, out)
        made[...] = self.level if strength is None else round(100 * strength)
        return made


def clip(path: Path, *, moving: bool = True, start: int = 0) -> Path:
    """Noise, in H.264."""
    noise = np.random.default_rng(1).integers(40, 200, (96, 512)).astype(np.uint8)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.options = {"preset": "ultrafast", "bf": "0", "qp": "20"}
        for number in range(FRAMES):
            at = 2 * number if moving else 0
            grey = np.ascontiguousarray(noise[:, at : at + 128])
            frame = av.VideoFrame.from_ndarray(np.vstack([grey, np.full((48, 128), 128, np.uint8)]), format="yuv420p")
            frame.pts = number + start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def coded(path: Path, parts: Sequence[tuple[int, int]]) -> Path:
    """Noise that moves: so many frames of a quantizer."""
    noise = np.random.default_rng(1).integers(40, 200, (96, 512)).astype(np.uint8)
    return coded_parts(path, noise, parts, width=128, fps=FPS, step=2)


def levels(path: Path) -> list[int]:
    """The luma in the middle of each frame."""
    with av.open(path) as container:
        return [int(frame.to_ndarray(format="yuv420p")[90, 120]) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("moving", "start"), [(True, 0), (False, 0), (True, 25)], ids=["moving", "still", "later"])
def test_each_frame_goes_through_the_network_of_its_time(tmp_path: Path, moving: bool, start: int) -> None:
    """A still picture too, of which nothing is computed anew as long as the network stays."""
    source, target = clip(tmp_path / "in.mkv", moving=moving, start=start), tmp_path / "out.mkv"
    told = Level(0, strengths=5)
    parts = (Part(0.0, Level(60)), Part(1.0, told, 0.9), Part(1.5, Level(200)), Part(2.5, told, 0.4))
    upscale_video(source, target, Level(1), lambda _: Repeat(), parts=parts)
    expected = [60] * 10 + [90] * 5 + [200] * 10 + [40] * 5
    assert np.abs(np.subtract(levels(target), expected)).max() <= 2


def test_parts_begin_at_the_first_frame_and_go_on() -> None:
    def never(*_: object) -> Any:
        raise AssertionError("nothing is to be made")

    for starts in ([], [1.0], [0.0, 2.0, 1.0]):
        with pytest.raises(ArgumentError, match="parts begin at 0"):
            Changing([Part(start, Repeat()) for start in starts], never)
    with pytest.raises(ArgumentError, match="one scale"):
        Changing([Part(0.0, Repeat()), Part(1.0, Repeat(3))], never)


def test_stretches_tell_how_coarsely_they_were_coded(tmp_path: Path) -> None:
    found = look_at_stretches(coded(tmp_path / "in.ts", [(60, 15), (130, 42)]))
    assert found is not None
    assert [stretch.start_s for stretch in found] == pytest.approx([0.0, 6.0, 16.0])  # a key frame, and the most
    first, middle, last = (stretch.seen for stretch in found)
    assert first.hints.qp is not None
    assert last.hints.qp is not None
    assert first.hints.qp < 20
    assert last.hints.qp > 35
    assert first.hints.bits_per_pixel is not None
    assert last.hints.bits_per_pixel is not None
    assert first.hints.bits_per_pixel > 4 * last.hints.bits_per_pixel > 0
    assert first.strength < middle.strength <= last.strength


def test_what_cannot_be_looked_at_is_left_to_who_reads_it(tmp_path: Path) -> None:
    for name, content in (
        ("empty.mp4", b""),
        ("text.mkv", b"no video"),
        ("half.mp4", b"\0\0\0\x18ftypisom" + bytes(50)),
    ):
        (tmp_path / name).write_bytes(content)
        assert look_at_stretches(tmp_path / name) is None
    whole = clip(tmp_path / "whole.ts").read_bytes()
    broken = bytearray(whole)
    broken[len(whole) // 3 : len(whole) // 2] = np.random.default_rng(0).bytes(len(whole) // 2 - len(whole) // 3)
    (tmp_path / "broken.ts").write_bytes(broken)
    found = look_at_stretches(tmp_path / "broken.ts")
    assert found is None or found[0].start_s == 0


def seen(strength: float, *, screen: bool = False, moving: bool = True) -> Seen:
    return Seen(Hints("h264", moving=moving, lossless=False, qp=40.0), strength, screen, 0.0)


def chosen(*seens: Seen) -> list[tuple[float, Choice]]:
    return choose_stretches([(4.0 * number, each) for number, each in enumerate(seens)])


def test_a_network_is_chosen_where_it_gains() -> None:
    assert chosen(seen(0.1))[0][1].network == "small"
    assert chosen(seen(0.5)) == [(0.0, Choice("small-call", 0.5, "H.264 of QP 40"))]
    assert chosen(seen(PLAIN_FROM - 0.01))[0][1].network == "small-call"
    assert chosen(seen(PLAIN_FROM))[0][1].words == "H.264 of QP 40: bicubic"
    assert chosen(seen(0.5, screen=True))[0][1].network == "screen"
    assert chosen(seen(1.0, moving=False))[0][1].network == "photo"


def test_text_and_windows_are_what_most_of_it_is() -> None:
    assert [choice.network for _, choice in chosen(seen(0.1), seen(0.8, screen=True), seen(0.1))] == [
        "small", "small-call", "small"
    ]  # fmt: skip
    assert [choice.network for _, choice in chosen(seen(0.1, screen=True), seen(0.1), seen(0.1, screen=True))] == [
        "screen"
    ]


def test_stretches_alike_are_one() -> None:
    strengths = (0.5, 0.52, 0.58, 0.1, PLAIN_FROM, 1.0, 0.1, 0.1)
    assert [start for start, _ in chosen(*map(seen, strengths))] == [0, 8, 12, 16, 24]
    assert chosen() == []
