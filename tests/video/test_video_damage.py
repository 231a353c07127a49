"""Damaged input: no frame is dropped, and what was done is said."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from clipmaker import Clip, decode, replace_packets, samples, times, upscale

from pocketsr.errors import UserError
from pocketsr.video.decoding import is_shown
from pocketsr.video.timeline import Slot, Timeline

MKV = Clip(time_base=Fraction(1, 1000), pts=range(0, 480, 40), codec="ffv1", options={"slicecrc": "1"})


def _brightness(path: Path) -> list[float]:
    return [float(samples(frame)[0].mean()) for frame in decode(path)]


def _stairs(clip: Clip) -> list[list[np.ndarray]]:
    """Flat frames, each 10 brighter than the last."""
    h, w = clip.height, clip.width
    return [
        [np.full((h, w), 20 + 10 * i, np.uint8), *[np.full((h // 2, w // 2), 128, np.uint8)] * 2]
        for i in range(len(clip.pts))
    ]


def _broken(index: int, data: bytes, which: tuple[int, ...]) -> bytes:
    return b"\x00" * len(data) if index in which else data


@pytest.mark.parametrize(
    ("which", "shown"),
    [
        ((5,), [0, 1, 2, 3, 4, 4, 6, 7, 8, 9, 10, 11]),
        ((5, 6, 7), [0, 1, 2, 3, 4, 4, 4, 4, 8, 9, 10, 11]),
        ((0, 1), [2, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ((10, 11), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9]),
    ],
)
def test_undecodable_frames_repeat_a_neighbour(tmp_path: Path, which: tuple[int, ...], shown: list[int]) -> None:
    """Every frame is a key frame here, so exactly these are lost."""
    clip = Clip(time_base=Fraction(1, 1000), pts=range(0, 480, 40), codec="mjpeg", options={}, pix_fmt="yuvj420p")
    clip.tags = {"qscale": True, "global_quality": 236}
    good = clip.write(tmp_path / "good.mkv", _stairs(clip))
    source = replace_packets(good, tmp_path / "in.mkv", lambda i, d: _broken(i, d, which))
    report = upscale(source, tmp_path / "out.mkv")
    assert times(tmp_path / "out.mkv") == times(good)
    assert _brightness(tmp_path / "out.mkv") == pytest.approx([20 + 10 * i for i in shown], abs=2)
    assert report.replaced == len(which)
    assert report.frames == 12
    assert len(report.warnings) == 1
    assert f"{len(which)} frame" in report.warnings[0]
    assert "could not be decoded" in report.warnings[0]


def test_a_broken_frame_between_b_frames(tmp_path: Path) -> None:
    """Decoding order isn't showing order: count and times still hold."""
    options = {"preset": "veryfast", "bf": "3", "b_strategy": "0", "g": "8", "crf": "18"}
    clip = Clip(
        time_base=Fraction(1, 1000),
        pts=[0, 40, 80, 81, 200, 240, 280, 320, 360, 400, 440, 900],
        options=options,
    )
    good = clip.write(tmp_path / "good.mkv", _stairs(clip))
    for which in range(12):
        source = replace_packets(good, tmp_path / "in.mkv", lambda i, d, w=which: _broken(i, d, (w,)))
        report = upscale(source, tmp_path / "out.mkv", overwrite=True)
        assert times(tmp_path / "out.mkv") == times(good)
        assert report.frames == 12
        assert report.replaced >= 1
        assert any("could not be decoded" in text for text in report.warnings)


def test_no_frame_at_all_is_an_error(tmp_path: Path) -> None:
    good = MKV.write(tmp_path / "good.mkv")
    source = replace_packets(good, tmp_path / "in.mkv", lambda _, d: b"\x00" * len(d))
    with pytest.raises(UserError, match="not one frame"):
        upscale(source, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_truncated_file_gives_what_is_there(tmp_path: Path, suffix: str, share: float) -> None:
    base = Fraction(1, 90000) if suffix == ".ts" else Fraction(1, 1000)
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    step = int(Fraction(1, 25) / base)
    clip = Clip(
        width=160,
        height=120,
        time_base=base,
        pts=range(step * 20, 320 * step, step),
        container_options=options,
    )
    whole = clip.write(tmp_path / f"whole{suffix}")
    source = tmp_path / f"in{suffix}"
    source.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    report = upscale(source, tmp_path / f"out{suffix}")
    out = times(tmp_path / f"out{suffix}")
    assert 0.2 * 300 < len(out) < 300
    assert out == times(whole)[: len(out)]
    assert report.frames == len(out)
    if suffix != ".ts":  # a transport stream may end anywhere
        assert any("truncated" in text or "breaks off" in text for text in report.warnings)


def test_mp4_without_its_index_is_an_error(tmp_path: Path) -> None:
    whole = Clip(width=160, height=120).write(tmp_path / "whole.mp4")
    (tmp_path / "in.mp4").write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(UserError, match=r"in\.mp4 is not a video that can be read, or is damaged"):
        upscale(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_frames_that_change_size_are_refused_with_the_mend(tmp_path: Path) -> None:
    base = Fraction(1, 90000)
    a = Clip(time_base=base, pts=range(90000, 99000, 900)).write(tmp_path / "a.ts")
    b = Clip(width=96, time_base=base, pts=range(180000, 189000, 900)).write(tmp_path / "b.ts")
    (tmp_path / "in.ts").write_bytes(a.read_bytes() + b.read_bytes())
    with pytest.raises(UserError, match=r"change from 64x48 yuv420p to 96x48 yuv420p.*scale=64:48"):
        upscale(tmp_path / "in.ts", tmp_path / "out.mkv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ts", "b.ts", "in.ts"]


def test_timeline_finds_what_is_owed() -> None:
    timeline = Timeline()
    for pts in (0, 4, 2, 1, 3):  # decoding order
        timeline.announce(pts, 1)
    assert timeline.claim(0) == ([], Slot(0, 1))
    assert timeline.claim(2) == ([Slot(1, 1)], Slot(2, 1))
    assert timeline.claim(7) == ([Slot(3, 1), Slot(4, 1)], None)
    assert timeline.rest() == []
    timeline.announce(8, 2)
    timeline.announce(9, 2)
    assert timeline.claim(None) == ([], Slot(8, 2))
    assert timeline.rest() == [Slot(9, 2)]
    assert timeline.rest() == []
    assert timeline.claim(None) == ([], None)


def test_hidden_frames_of_vp8_and_vp9_are_not_missed() -> None:
    assert not is_shown("vp8", Packet(b"\x00abc"))
    assert is_shown("vp8", Packet(b"\x10abc"))
    assert not is_shown("vp9", Packet(b"\x84abc"))
    assert is_shown("vp9", Packet(b"\x86abc"))
    assert is_shown("vp9", Packet(b"\x88"))  # shows an existing frame
    assert is_shown("vp9", Packet(b"\x84abc\xc1"))  # a superframe
    assert is_shown("h264", Packet(b"\x00abc"))


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_streams_with_hidden_frames_keep_their_count(tmp_path: Path, codec: str) -> None:
    options = {
        "auto-alt-ref": "1",
        "lag-in-frames": "16",
        "deadline": "good",
        "cpu-used": "5",
        "arnr-maxframes": "5",
    }
    clip = Clip(codec=codec, options=options, time_base=Fraction(1, 1000), pts=range(0, 2400, 40))
    source = clip.write(tmp_path / "in.webm")
    with av.open(str(source)) as container:
        count = sum(1 for packet in container.demux() if packet.size)
    assert len(decode(source)) == 60
    assert count >= 60
    report = upscale(source, tmp_path / "out.webm", preset="8")
    assert times(tmp_path / "out.webm") == times(source)
    assert report.replaced == 0
