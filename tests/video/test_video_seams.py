"""Any source into any sink: files are one pair of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clipmaker import Clip, Repeat, decode, samples, times, upscale

from pocketsr import (  # fmt: skip
    ArgumentError,
    Colour,
    Frame,
    FrameFormat,
    Report,
    UserError,
    VideoFileSink,
    VideoFileSource,
    upscale_video,
)
from pocketsr.video import upscale_video as upscale_any

BASE = Fraction(1, 30)


class Kept:
    """A sink that keeps what it is told and given."""

    def __init__(self) -> None:
        self.begun: list[FrameFormat] = []
        self.frames: list[Frame] = []

    def begin(self, form: FrameFormat) -> None:
        self.begun.append(form)

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)


def frames(count: int = 5, pix_fmt: str = "yuv420p", width: int = 32, height: int = 24, **about: Any) -> list[Frame]:
    made = []
    for index in range(count):
        frame = Frame.blank(pix_fmt, width, height)
        for part, stored in zip(frame.layout.components, frame.components, strict=True):
            stored[...] = (40 + 9 * index % 200) << part.shift
        made.append(replace(frame, **{"pts": index, "time_base": BASE, **about}))
    return made


def level(frame: Frame) -> int:
    return int(next(frame.components)[3, 3])


def test_a_file_into_a_sink_of_ones_own(tmp_path: Path) -> None:
    tags = {"color_primaries": 9, "color_trc": 16, "colorspace": 9, "color_range": 1}
    pts = [0, 512, 1600, 2048]
    clip = Clip(pts=pts, tags=tags, options={"preset": "ultrafast", "crf": "10", "chroma_sample_location": "topleft"})
    source, sink = clip.write(tmp_path / "in.mp4"), Kept()
    report = upscale(source, sink)
    (form,) = sink.begun
    assert form == FrameFormat("yuv420p", 128, 96, Colour(9, 16, 9, False), "topleft", Fraction(1, 12800))
    assert [frame.pts for frame in sink.frames] == pts
    assert {frame.format for frame in sink.frames} == {form}
    assert (report.frames, report.size, report.encoder, report.replaced) == (4, (128, 96), None, 0)
    upscale(source, tmp_path / "out.mkv", codec="ffv1")
    for ours, theirs in zip(sink.frames, decode(tmp_path / "out.mkv"), strict=True):
        for a, b in zip(ours.components, samples(theirs), strict=True):
            np.testing.assert_array_equal(a, b)
    for frame in sink.frames:
        made = frame.to_av()
        assert (made.colorspace, made.color_range, made.pts) == (9, 1, frame.pts)


def test_frames_into_a_file_with_their_times_and_tags(tmp_path: Path) -> None:
    given = frames(6, colour=Colour(1, 13, 5, True), siting="topleft")
    given = [frame.at(pts, Fraction(1, 1000)) for frame, pts in zip(given, (0, 40, 95, 120, 300, 333), strict=True)]
    seen: list[tuple[int, int | None]] = []
    done = upscale(given, tmp_path / "out.mkv", codec="ffv1", on_progress=lambda *at: seen.append(at))
    assert isinstance(done, Report)
    assert (done.frames, done.size, done.replaced) == (6, (64, 48), None)
    assert done.encoder is not None
    assert done.encoder.startswith("ffv1")
    assert seen == [(number, 6) for number in range(1, 7)]
    assert times(tmp_path / "out.mkv") == [Fraction(ms, 1000) for ms in (0, 40, 95, 120, 300, 333)]
    made = decode(tmp_path / "out.mkv")
    assert [samples(frame)[0][3, 3] for frame in made] == [40, 49, 58, 67, 76, 85]
    with VideoFileSource(tmp_path / "out.mkv") as back:
        assert (back.format.colour, back.format.siting) == (Colour(1, 13, 5, True), "topleft")


def test_a_rate_times_frames_that_have_none(tmp_path: Path) -> None:
    given = [frame.at(None, None) for frame in frames(6)]
    upscale(given, tmp_path / "out.mp4", rate=Fraction(30000, 1001))
    assert times(tmp_path / "out.mp4") == [Fraction(1001 * index, 30000) for index in range(6)]
    with VideoFileSource(tmp_path / "out.mp4") as back:
        assert back.rate == Fraction(30000, 1001)
    with pytest.raises(ArgumentError, match="its frames have no times: give their pts and time_base, or a rate"):
        upscale(given, tmp_path / "none.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("pix_fmt", ["nv12", "yuyv422", "gray", "rgb24", "p010le", "yuv444p16le"])
def test_frames_of_any_format_into_a_file(tmp_path: Path, pix_fmt: str) -> None:
    given = frames(3, pix_fmt)
    upscale(given, tmp_path / "out.mkv", codec="ffv1")
    with VideoFileSource(tmp_path / "out.mkv") as source:
        for frame, back in zip(given, source, strict=True):
            got = next(back.components) >> back.layout.components[0].shift
            assert got[3, 3] == next(frame.components)[3, 3] >> frame.layout.components[0].shift
    with VideoFileSink(tmp_path / "same.mkv", codec="ffv1") as sink:  # without a network, too
        for frame in given:
            sink.write(frame)
    with VideoFileSource(tmp_path / "same.mkv") as source:
        for frame, back in zip(given, source, strict=True):
            for part, here, a, b in zip(
                frame.layout.components, back.layout.components, frame.components, back.components, strict=True
            ):
                np.testing.assert_array_equal(a >> part.shift, b >> here.shift)


def test_two_videos_into_one_sink_that_its_owner_closes(tmp_path: Path) -> None:
    with VideoFileSink(tmp_path / "out.mkv", codec="ffv1") as sink:
        upscale(frames(3), sink)
        upscale([frame.at(9 + index, BASE) for index, frame in enumerate(frames(2))], sink)
        assert not (tmp_path / "out.mkv").exists()
        assert repr(sink).endswith("out.mkv', 5 frames, ffv1 (lossless), yuv420p>")
    assert len(decode(tmp_path / "out.mkv")) == 5
    with pytest.raises(ArgumentError, match="is closed"):
        sink.write(frames(1)[0])


def test_a_pair_of_files_carries_everything_else_over(tmp_path: Path) -> None:
    def setup(container: Any, _: Any) -> Any:
        container.metadata["title"] = "kept"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        noise = np.random.default_rng(0).integers(-99, 99, (1, 2000)).astype(np.int16)

        def more(index: int) -> Any:
            if index:
                return []
            frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            frame.sample_rate = 8000
            frame.pts, frame.time_base = 0, Fraction(1, 8000)
            return sound.encode(frame)

        return more

    path = Clip(time_base=Fraction(1, 1000), pts=range(0, 480, 40)).write(tmp_path / "in.mkv", setup=setup)
    with VideoFileSource(path) as source, VideoFileSink(tmp_path / "out.mkv") as sink:
        upscale(source, sink)
    upscale(path, tmp_path / "plain.mkv")
    for name in ("out.mkv", "plain.mkv"):
        with av.open(str(tmp_path / name)) as made:
            assert made.metadata["title"] == "kept"
            (stream,) = made.streams.audio
            assert sum(frame.samples for frame in made.decode(stream)) == 2000


def two_sizes(folder: Path) -> Path:
    base = Fraction(1, 90000)
    a = Clip(time_base=base, pts=range(90000, 99000, 900)).write(folder / "a.ts")
    b = Clip(width=96, time_base=base, pts=range(180000, 189000, 900)).write(folder / "b.ts")
    (folder / "in.ts").write_bytes(a.read_bytes() + b.read_bytes())
    return folder / "in.ts"


def test_a_sink_follows_a_change_of_size_and_a_file_refuses_it(tmp_path: Path) -> None:
    source, sink = two_sizes(tmp_path), Kept()
    report = upscale(source, sink)
    assert [str(form) for form in sink.begun] == ["128x96 yuv420p", "192x96 yuv420p"]
    assert [frame.width for frame in sink.frames] == [128] * 10 + [192] * 10
    assert report.size == (192, 96)
    said = r"in\.ts: frames change from 64x48 yuv420p to 96x48 yuv420p at frame 11: cut it there"
    with pytest.raises(UserError, match=said) as caught:
        upscale(source, tmp_path / "out.mkv")
    assert "\n" not in str(caught.value)
    with VideoFileSource(source) as opened, pytest.raises(UserError, match=said):
        upscale(opened, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ts", "b.ts", "in.ts"]


@pytest.mark.parametrize("changed", [{"width": 48}, {"pix_fmt": "yuv422p"}, {"pix_fmt": "gray"}, {"height": 26}])
def test_frames_of_another_size_or_format_are_not_for_the_same_file(tmp_path: Path, changed: dict[str, Any]) -> None:
    given = frames(3) + [frame.at(index + 3, BASE) for index, frame in enumerate(frames(3, **changed))]
    with pytest.raises(UserError, match=r"frame 4 is .*, those before it 64x48 yuv420p: a file has one") as caught:
        upscale(given, tmp_path / "out.mkv")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    sink = Kept()
    upscale(given, sink)
    assert len(sink.begun) == 2


def test_times_go_forward_and_are_there(tmp_path: Path) -> None:
    for at, said in (((1, BASE), "frame 3 is not after"), ((None, None), "frame 3 has no time")):
        given = frames(3)
        given[2] = given[2].at(*at)
        with pytest.raises(ArgumentError, match=said):
            upscale(given, tmp_path / "out.mkv")
    assert list(tmp_path.iterdir()) == []


class BrokenError(Exception):
    """Nobody's but the test's."""


@pytest.mark.parametrize("at", [0, 1, 4, 40])
def test_what_a_source_raises_ends_the_run(tmp_path: Path, at: int) -> None:
    ended = []

    class Camera:
        def __iter__(self) -> Iterator[Frame]:
            try:
                yield from frames(at)
                raise BrokenError(at)
            finally:
                ended.append(at)

    before = threading.active_count()
    for target in (tmp_path / "out.mp4", Kept()):
        with pytest.raises(BrokenError):
            upscale(Camera(), target)
    assert ended == [at] * 2
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", [0, 1, 30])
@pytest.mark.parametrize("method", ["begin", "write"])
def test_what_a_sink_raises_ends_the_run(tmp_path: Path, method: str, at: int) -> None:
    class Full(Kept):
        def begin(self, form: FrameFormat) -> None:
            super().begin(form)
            if method == "begin" and len(self.begun) > at:
                raise BrokenError(at)

        def write(self, frame: Frame) -> None:
            super().write(frame)
            if method == "write" and len(self.frames) > at:
                raise BrokenError(at)

    ended = []

    class Endless:
        def __iter__(self) -> Iterator[Frame]:
            try:
                for number in range(10_000):
                    yield replace(frames(1)[0], pts=number, colour=Colour(1 + number % 2))
            finally:
                ended.append(1)

    before = threading.active_count()
    with pytest.raises(BrokenError):
        upscale(Endless(), Full())
    assert ended == [1]
    with pytest.raises(BrokenError):
        upscale(Clip(pts=range(0, 40 * 512, 512)).write(tmp_path / "in.mp4"), Full() if method == "write" else Never())
    assert threading.active_count() == before


class Never(Kept):
    def begin(self, form: FrameFormat) -> None:
        raise BrokenError(form)


def test_a_source_that_waits_for_ever_holds_nobody() -> None:
    came, freed = threading.Event(), threading.Event()

    def camera() -> Iterator[Frame]:
        yield from frames(2)
        came.set()
        freed.wait()

    class Refusing(Kept):
        def write(self, frame: Frame) -> None:
            came.wait()
            raise BrokenError(frame)

    with pytest.raises(BrokenError):
        upscale(camera(), Refusing())
    freed.set()
    while any(thread.name.startswith("pocketsr") for thread in threading.enumerate()):
        time.sleep(0.01)


def test_interrupts_and_callbacks_leave_nothing(tmp_path: Path) -> None:
    def stop(done: int, _: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    before = threading.active_count()
    with VideoFileSink(tmp_path / "mine.mkv") as sink, pytest.raises(KeyboardInterrupt):
        upscale(frames(50), sink, on_progress=stop)
    with pytest.raises(KeyboardInterrupt):
        upscale(frames(50), tmp_path / "out.mkv", on_progress=stop)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == before


def test_misuse_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the source gave no frame"):
        upscale([], tmp_path / "out.mkv")
    with pytest.raises(TypeError, match=r"a source gives frames .*, not ndarray: see Frame\.from_array"):
        upscale([np.zeros((4, 4), np.uint8)], Kept())
    with pytest.raises(TypeError, match="a source of frames is a path or can be iterated over, not int"):
        upscale(7, Kept())
    with pytest.raises(ValueError, match="rate 0"):
        VideoFileSink(tmp_path / "out.mkv", rate=0)
    (tmp_path / "there.mkv").write_bytes(b"kept")
    with pytest.raises(UserError, match="exists already"):
        upscale(frames(2), tmp_path / "there.mkv")
    assert (tmp_path / "there.mkv").read_bytes() == b"kept"
    with VideoFileSink(tmp_path / "empty.mkv"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["there.mkv"]


def test_the_public_function_takes_either(tmp_path: Path) -> None:
    sink = Kept()
    upscale_video(frames(2), sink, "bicubic")
    assert [level(frame) for frame in sink.frames] == [40, 49]
    report = upscale_video(iter(frames(2)), str(tmp_path / "out.mkv"), "bicubic", codec="ffv1")
    assert report.frames == 2
    with VideoFileSource(str(tmp_path / "out.mkv")) as source:
        assert repr(source) == "<VideoFileSource 'out.mkv' 64x48 yuv420p, 30 fps>"
        assert [level(frame) for frame in source] == [40, 49]
    assert upscale_any(tmp_path / "out.mkv", None, Repeat(), lambda _: Repeat()).frames == 2
