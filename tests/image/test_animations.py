"""Animated pictures in and out: frames, durations, plays and transparency; what is hostile is refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from image_fakes import Nearest, chunks_of, png_of
from numpy.typing import NDArray
from PIL import Image

from pocketsr.errors import UserError
from pocketsr.frames import Frame, Span
from pocketsr.image import is_animation
from pocketsr.image.animation import AnimationSink, AnimationSource, source
from pocketsr.video import VideoFileSink, upscale_video

DURATIONS = [50, 70, 20, 270, 50]
KINDS = ("gif", "webp", "png", "avif")


def picture(index: int) -> NDArray[np.uint8]:
    """A square that moves over nothing, and a bar that stays."""
    rgba = np.zeros((30, 40, 4), np.uint8)
    rgba[5:20, 5 + 4 * index : 15 + 4 * index] = (200, 30 * index, 40, 255)
    rgba[22:28, :20] = (10, 200, 10, 255)
    return rgba


def animation(path: Path, *, loop: int | None = None, count: int = 5) -> Path:
    first, *rest = [Image.fromarray(picture(index)) for index in range(count)]
    options: dict[str, Any] = {} if loop is None else {"loop": loop}
    if path.suffix == ".gif":
        options["disposal"] = 2
    if path.suffix == ".webp":
        options["lossless"] = True
    first.save(path, save_all=True, append_images=rest, duration=DURATIONS[:count], **options)
    return path


@dataclass
class Found:
    frames: list[NDArray[np.uint8]]
    durations: list[int]
    loop: int | None


def read(path: Path) -> Found:
    with Image.open(path) as image:
        found = Found([], [], image.info.get("loop"))
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()
            found.frames.append(np.asarray(image.convert("RGBA")))
            found.durations.append(round(image.info["duration"]))
    return found


def through(origin: Path, target: Path, *, span: Span | None = None, **how: Any) -> Any:
    with AnimationSource(origin, span=span) as frames:
        about = {"plays": frames.plays, "lossy": frames.lossy} | how
        with AnimationSink(target, source=origin, **about) as sink:
            report = upscale_video(frames, sink, Nearest(), lambda _: Nearest())
        return report, sink


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("into", [*KINDS, "apng"])
def test_frames_durations_plays_and_transparency_stay(tmp_path: Path, kind: str, into: str) -> None:
    origin = animation(tmp_path / f"in.{kind}", loop=2 if kind == "gif" else 3)
    assert is_animation(origin)
    report, sink = through(origin, tmp_path / f"out.{into}")
    assert (report.frames, report.size) == (5, (80, 60))
    made = read(tmp_path / f"out.{into}")
    assert made.durations == DURATIONS
    plays = 0 if kind == "avif" else 3
    assert made.loop == (None if into == "avif" else plays if into != "gif" else max(plays - 1, 0))
    assert sink.warnings == (
        [f"{tmp_path / 'out.avif'}: AVIF can't be told to be played 3 times: it goes on for ever"]
        if into == "avif" and plays
        else []
    )
    off = 20 if "avif" in (kind, into) else 1
    for index, frame in enumerate(made.frames):
        wanted = picture(index).repeat(2, axis=0).repeat(2, axis=1)
        seen = wanted[..., 3] > 0
        np.testing.assert_array_equal(frame[..., 3] > 127, seen)
        inner = (slice(14, 36), slice(14 + 8 * index, 26 + 8 * index))  # AVIF blurs edges
        assert np.abs(frame[inner].astype(int) - wanted[inner]).max() <= off


@pytest.mark.parametrize(("loop", "plays"), [(None, 1), (0, 0), (1, 2)])
def test_how_often_a_gif_is_played(tmp_path: Path, loop: int | None, plays: int) -> None:
    origin = animation(tmp_path / "in.gif", loop=loop)
    with AnimationSource(origin) as frames:
        assert frames.plays == plays
    through(origin, tmp_path / "out.gif")
    assert read(tmp_path / "out.gif").loop == loop


def test_what_no_browser_shows_so_short_is_a_tenth_of_a_second(tmp_path: Path) -> None:
    first, *rest = [Image.fromarray(picture(index)) for index in range(3)]
    first.save(tmp_path / "in.gif", save_all=True, append_images=rest, duration=[0, 10, 20], disposal=2)
    with AnimationSource(tmp_path / "in.gif") as frames:
        assert [(frame.pts, frame.duration) for frame in frames] == [(0, 100), (100, 100), (200, 20)]


def test_a_part(tmp_path: Path) -> None:
    origin = animation(tmp_path / "in.gif")
    through(origin, tmp_path / "out.gif", span=Span(Fraction(1, 10), Fraction(1, 5)))
    assert read(tmp_path / "out.gif").durations == [20, 20, 160]
    with pytest.raises(UserError, match=r"in\.gif ends after 0\.46 s, before --start"):
        through(origin, tmp_path / "no.gif", span=Span(Fraction(1)))
    assert not (tmp_path / "no.gif").exists()


def test_a_picture_that_stands_before_an_apng_is_none_of_it(tmp_path: Path) -> None:
    still, *frames = [Image.fromarray(picture(index)) for index in range(4)]
    still.save(tmp_path / "in.png", save_all=True, append_images=frames, default_image=True, duration=[40, 50, 60])
    with AnimationSource(tmp_path / "in.png") as opened:
        made = list(opened)
    assert len(made) == 3
    assert [frame.duration for frame in made] == [40, 50, 60]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_into_videos(tmp_path: Path, suffix: str) -> None:
    origin = animation(tmp_path / "in.gif")
    with (
        AnimationSource(origin, flat=True) as frames,
        VideoFileSink(tmp_path / f"out{suffix}", pix_fmt="yuv420p") as sink,
    ):
        upscale_video(frames, sink, Nearest(), lambda _: Nearest())
    with av.open(str(tmp_path / f"out{suffix}")) as made:
        shown = list(made.decode(video=0))
    assert [round(frame.time * 1000) for frame in shown] == [0, 50, 120, 140, 410]
    assert {frame.format.name for frame in shown} == {"yuv420p"}
    for index, frame in enumerate(shown):
        rgb = frame.to_ndarray(format="rgb24")
        assert np.abs(rgb[20, 20 + 8 * index].astype(int) - picture(index)[10, 10 + 4 * index, :3]).max() < 12
        assert rgb[2:6, 60:].min() > 245  # white where it was transparent


def video_frames(count: int, rate: int) -> list[Frame]:
    made = []
    for index in range(count):
        planes = [np.full((16, 24), 60 + 10 * index, np.uint8), *(np.full((8, 12), 128, np.uint8) for _ in range(2))]
        made.append(Frame.from_planes("yuv420p", planes, pts=index, time_base=Fraction(1, rate)))
    return made


@pytest.mark.parametrize("kind", ["gif", "webp", "apng", "avif"])
def test_out_of_videos(tmp_path: Path, kind: str) -> None:
    with AnimationSink(tmp_path / f"out.{kind}", source=tmp_path / "in.mp4") as sink:
        upscale_video(video_frames(5, 10), sink, Nearest(), lambda _: Nearest())
    made = read(tmp_path / f"out.{kind}")
    assert sum(made.durations[:-1]) == 400
    assert made.loop == (None if kind == "avif" else 0)
    levels = [int(frame[8, 8, 0]) for frame in made.frames]
    assert np.abs(np.diff(levels) - 10 * 255 / 219).max() < 4


def test_a_gif_has_at_most_fifty_frames_a_second(tmp_path: Path) -> None:
    with AnimationSink(tmp_path / "out.gif", source=tmp_path / "in.mp4") as sink:
        upscale_video(video_frames(12, 60), sink, Nearest(), lambda _: Nearest())
    made = read(tmp_path / "out.gif")
    assert min(made.durations) >= 20
    assert sum(made.durations) == pytest.approx(200, abs=20)
    dropped = 12 - len(made.frames)
    assert sink.warnings == [f"{tmp_path / 'out.gif'}: GIF shows at most 50 frames a second: {dropped} were left out"]


def truncated(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def promising(content: bytes) -> bytes:
    """An APNG that announces two billion frames."""
    chunks = [(n, b"\x7f\xff\xff\xff" + c[4:] if n == b"acTL" else c) for n, c in chunks_of(content)]
    return png_of(chunks)


def flipped(content: bytes) -> bytes:
    at = content.index(b"fdAT") + 20
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("kind", "change", "why"),
    [
        ("gif", truncated, "is broken"),
        ("png", truncated, "is broken"),
        ("webp", truncated, "is broken|is not|can"),
        ("avif", truncated, "is broken"),
        ("png", promising, "has 2,147,483,647 frames of 40x30: more than 17 billion pixels in all"),
        ("png", flipped, "the checksum of fdAT is wrong"),
    ],
)
def test_what_is_broken_is_refused(
    tmp_path: Path, kind: str, change: Callable[[bytes], bytes], why: str
) -> None:  # fmt: skip
    whole = animation(tmp_path / f"whole.{kind}")
    (tmp_path / f"in.{kind}").write_bytes(change(whole.read_bytes()))
    with pytest.raises(UserError, match=why):
        through(tmp_path / f"in.{kind}", tmp_path / "out.gif")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"in.{kind}", f"whole.{kind}"]


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(animation(tmp_path / "in.gif").read_bytes())
    content[6:10] = struct.pack("<HH", 65535, 65535)  # of all frames together
    (tmp_path / "huge.gif").write_bytes(content)
    with pytest.raises(UserError, match=r"huge\.gif has 65535x65535 pixels, and 1074 million are the most"):
        AnimationSource(tmp_path / "huge.gif")
    monkeypatch.setattr(source, "_MOST_PIXELS", 4 * 1200)
    with pytest.raises(UserError, match=r"in\.gif has 5 frames of 40x30: more than 0 billion pixels"):
        AnimationSource(tmp_path / "in.gif")


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    origin = animation(tmp_path / "in.gif")
    (tmp_path / "out.gif").write_bytes(b"old")
    with pytest.raises(UserError, match="exists already"):
        through(origin, tmp_path / "out.gif")

    def broken() -> Any:
        yield from video_frames(2, 10)
        raise RuntimeError("the camera is gone")

    for name in ("out.gif", "out.avif", "out.webp", "out.apng"):
        with (
            pytest.raises(RuntimeError, match="the camera is gone"),
            AnimationSink(tmp_path / name, source=origin, overwrite=True) as sink,
        ):
            upscale_video(broken(), sink, Nearest(), lambda _: Nearest())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.gif", "out.gif"]
    assert (tmp_path / "out.gif").read_bytes() == b"old"


def test_stills_are_no_animations(tmp_path: Path) -> None:
    for kind in KINDS:
        Image.fromarray(picture(0)).save(tmp_path / f"still.{kind}")
        assert not is_animation(tmp_path / f"still.{kind}")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    assert not is_animation(tmp_path / "broken.png")
