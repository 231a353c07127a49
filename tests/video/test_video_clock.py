"""Clocks of broadcasts: late ones, jumps, the wrap of 33 bits, and pictures that refer to what was cut off."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet
from clipmaker import Clip, decode, times, upscale

from pocketsr.video.clock import Clock, starts_anywhere

BASE = Fraction(1, 90000)
FRAME = 3600
MP2 = 1152 * 90000 // 48000


def _ts(path: Path, start: int, frames: int = 25, **changes: Any) -> Path:
    """A transport stream with MP2 sound, `start` in ticks of 90 kHz."""

    def sound(container: Any, _: Any) -> Any:
        audio = container.add_stream("mp2", rate=48000)

        def more(index: int) -> list[Any]:
            if index:
                return []
            packets = []
            for part in range(frames * FRAME // MP2):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 2304), np.int16), "s16", "stereo")
                frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
                frame.pts = part * 1152 + start * 8 // 15
                packets += audio.encode(frame)
            return packets

        return more

    clip = Clip(
        time_base=BASE,
        pts=range(start, start + frames * FRAME, FRAME),
        container_options={"mpegts_copyts": "1"},
        **changes,
    )
    return clip.write(path, setup=sound)


def _span(path: Path, kind: str) -> tuple[Fraction, Fraction]:
    """Times of the first and the last packet of the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        found = [p.pts * p.time_base for p in container.demux(stream) if p.size]
    return min(found), max(found)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_recordings_joined_end_to_end_go_on(tmp_path: Path, suffix: str) -> None:
    part = _ts(tmp_path / "part.ts", 126000).read_bytes()
    (tmp_path / "in.ts").write_bytes(part + part)
    report = upscale(tmp_path / "in.ts", tmp_path / f"out{suffix}")
    assert report.frames == 50
    out = times(tmp_path / f"out{suffix}")
    steps = [float(b - a) for a, b in pairwise(out)]
    assert steps[:24] + steps[25:] == pytest.approx([0.04] * 48, abs=0.0011)
    assert 0.01 < steps[24] < 0.07  # the sound of the first part ends a little later than its pictures
    first, last = _span(tmp_path / f"out{suffix}", "audio")
    assert float(last - first) == pytest.approx(81 * 0.024, abs=0.001)  # 41 packets a part, without a gap
    assert [text for text in report.warnings if "clock jumps" in text]
    assert not [text for text in report.warnings if "not increasing" in text or "could not be written" in text]


@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_matroska_files_joined_end_to_end_go_on(tmp_path: Path, b_frames: str) -> None:
    part = Clip(options={"preset": "ultrafast", "bf": b_frames, "b-adapt": "0"}).write(tmp_path / "part.mkv")
    (tmp_path / "in.mkv").write_bytes(part.read_bytes() * 2)
    report = upscale(tmp_path / "in.mkv", tmp_path / "out.mp4")
    out = times(tmp_path / "out.mp4")
    assert [float(b - a) for a, b in pairwise(out)] == pytest.approx([0.04] * 23, abs=0.001)
    assert report.replaced == 0
    (line,) = report.warnings
    assert "clock jumps" in line


@pytest.mark.parametrize("suffix", [".mp4", ".flv"])
def test_a_film_behind_the_film_is_told(tmp_path: Path, suffix: str) -> None:
    """FFmpeg reads only the first, without a word."""
    part = Clip(time_base=Fraction(1, 1000), pts=range(0, 480, 40)).write(tmp_path / f"part{suffix}")
    for name, count in (("one", 1), ("two", 2)):
        (tmp_path / f"{name}{suffix}").write_bytes(part.read_bytes() * count)
        report = upscale(tmp_path / f"{name}{suffix}", tmp_path / f"{name}.mkv")
        assert report.frames == 12
        assert [("another film follows" in text) for text in report.warnings] == [True] * (count - 1)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_late_clock_starts_at_zero(tmp_path: Path, suffix: str) -> None:
    source = _ts(tmp_path / "in.ts", 50_000 * 90_000)
    upscale(source, tmp_path / f"out{suffix}")
    starts = [_span(source, kind)[0] for kind in ("video", "audio")]
    assert min(starts) > 49_000
    for kind, start in zip(("video", "audio"), starts, strict=True):
        found = _span(tmp_path / f"out{suffix}", kind)[0]
        assert float(found) == pytest.approx(float(start - min(starts)), abs=0.002)


def test_a_late_clock_of_other_formats_is_told(tmp_path: Path) -> None:
    source = Clip(time_base=Fraction(1, 1000), pts=range(39_911_000, 39_911_400, 40)).write(tmp_path / "in.mkv")
    report = upscale(source, tmp_path / "out.mkv")
    assert times(tmp_path / "out.mkv") == [Fraction(n, 25) for n in range(10)]
    assert report.warnings == [f"{source}: its clock starts at 39911.0 s: the output's starts at 0"]


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_the_wrap_of_33_bits_is_no_jump(tmp_path: Path, suffix: str) -> None:
    source = _ts(tmp_path / "in.ts", 2**33 - 10 * FRAME)
    report = upscale(source, tmp_path / f"out{suffix}")
    out = times(tmp_path / f"out{suffix}")
    assert len(out) == report.frames == 25
    assert {b - a for a, b in pairwise(out)} == {Fraction(1, 25)}
    assert 0 <= out[0] < 1
    assert [text for text in report.warnings if "rounded" not in text] == []


def test_a_transport_stream_keeps_its_clock(tmp_path: Path) -> None:
    source = _ts(tmp_path / "in.ts", 50_000 * 90_000)
    upscale(source, tmp_path / "out.ts")
    assert times(tmp_path / "out.ts") == times(source)


def test_pictures_before_the_first_whole_one_are_left_out(tmp_path: Path) -> None:
    """A recording that was cut out of a broadcast begins amid pictures whose references are gone."""
    options = {"preset": "veryfast", "g": "10", "bf": "2", "b_strategy": "0", "crf": "20"}
    whole = _ts(tmp_path / "whole.ts", 126000, options=options)
    with av.open(str(whole)) as container, av.open(str(tmp_path / "in.ts"), "w") as output:
        stream = container.streams.video[0]
        to = output.add_stream_from_template(stream, opaque=True)
        for index, packet in enumerate(p for p in container.demux(stream) if p.size):
            if index >= 3:
                packet.stream = to
                output.mux(packet)
    assert len(decode(tmp_path / "in.ts")) == 15
    report = upscale(tmp_path / "in.ts", tmp_path / "out.mkv")
    assert report.frames == 15
    assert report.replaced == 0
    assert [text for text in report.warnings if "7 pictures at the beginning need what came before it" in text]


def test_a_stream_that_begins_later_is_named(tmp_path: Path) -> None:
    """Beyond what FFmpeg looks at to learn of the streams."""
    silent = Clip(time_base=BASE, pts=range(126000, 1026000, FRAME)).write(tmp_path / "a.ts")
    later = _ts(tmp_path / "b.ts", 1026000)
    (tmp_path / "in.ts").write_bytes(silent.read_bytes() + later.read_bytes())
    report = upscale(tmp_path / "in.ts", tmp_path / "out.mkv")
    assert report.frames == 275
    assert [text for text in report.warnings if "stream 1 (audio, mp3: sample rate not set): left out" in text]


def test_a_stream_that_comes_up_later_is_named(tmp_path: Path) -> None:
    """FLV doesn't say at its head what is to come."""
    clip = Clip(time_base=Fraction(1, 1000), pts=range(0, 20_000, 40))
    silent = clip.write(tmp_path / "a.flv").read_bytes()
    data = b"\x2f\0" + bytes(200)  # MP3, 44.1 kHz, 16 bits, stereo
    tag = b"\x08" + len(data).to_bytes(3, "big") + (19_000).to_bytes(3, "big") + bytes(4) + data
    tag += len(tag).to_bytes(4, "big")
    (tmp_path / "in.flv").write_bytes(silent + tag)
    report = upscale(tmp_path / "in.flv", tmp_path / "out.mkv")
    assert report.frames == 500
    assert [text for text in report.warnings if "1 of its streams begin too late to be copied" in text]


def _packet(dts: int, duration: int) -> Packet:
    packet = Packet(b"x")
    packet.dts = packet.pts = dts
    packet.duration, packet.time_base = duration, BASE
    return packet


def test_the_clock_by_itself() -> None:
    assert starts_anywhere("mpegts")
    assert not starts_anywhere("mov,mp4,m4a,3gp,3g2,mj2")
    clock = Clock("mpegts", Fraction(1))
    found = []
    for dts in (0, 3600, 7200, 9_000_000, 9_003_600, 0, 3600):
        packet = _packet(dts, 3600)
        clock.set(packet, paces=True)
        found.append(packet.dts)
    assert found == [90000 + 3600 * n for n in range(7)]
    assert clock.jumps == 2
    steady = Clock("matroska,webm")
    for dts in (0, 9_000_000, 3600):
        packet = _packet(dts, 3600)
        steady.set(packet, paces=True)
        assert packet.dts == dts
