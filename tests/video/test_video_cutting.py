"""A part of a video: exactly its frames, its sound beside them, its chapters and subtitles within it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clipmaker import Clip, decode, samples, times, upscale

from pocketsr.errors import ArgumentError, UserError
from pocketsr.frames import Span
from pocketsr.video import VideoFileSource

OPEN_GOP = {"preset": "ultrafast", "crf": "4", "g": "12", "bf": "2", "x264-params": "open-gop=1"}
TICK = 512  # of 1/12800 s, at 25 frames a second


def _tones(container: Any, _: Any) -> Any:
    """Sound beside the pictures, of a packet for each 1024 samples, whose number is in their level."""
    sound = container.add_stream("aac" if container.format.name != "matroska" else "flac", rate=48000)
    sound.layout = "mono"

    def more(index: int) -> list[Any]:
        packets = []
        while more.at < (index + 1) * 1920:  # type: ignore[attr-defined]
            form = "fltp" if sound.codec_context.name == "aac" else "s16"
            level = np.full((1, 1024), 0.1, np.float32) if form == "fltp" else np.full((1, 1024), 3000, np.int16)
            frame = av.AudioFrame.from_ndarray(level, format=form, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, more.at, Fraction(1, 48000)  # type: ignore[attr-defined]
            packets += sound.encode(frame)
            more.at += 1024  # type: ignore[attr-defined]
        return packets

    more.at = 0  # type: ignore[attr-defined]
    return more


def _lumas(path: Path) -> list[Any]:
    return [samples(frame)[0] for frame in decode(path)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_frames_are_exact_wherever_key_frames_are(tmp_path: Path, suffix: str) -> None:
    source = Clip(options=OPEN_GOP, pts=range(0, 60 * TICK, TICK)).write(tmp_path / f"in{suffix}", setup=_tones)
    whole, part = tmp_path / "whole.mkv", tmp_path / "part.mkv"
    upscale(source, whole, codec="ffv1")
    span = Span(Fraction(13, 10), Fraction(4, 5))
    report = upscale(source, part, codec="ffv1", span=span)
    wanted = _lumas(whole)[33:53]  # 1.32 s is the first at or behind 1.3 s, 2.08 s the last before 2.1 s
    made = _lumas(part)
    assert len(made) == report.frames == 20
    for frame, other in zip(made, wanted, strict=True):
        np.testing.assert_array_equal(frame, other)
    assert times(part)[0] == 0
    assert max(abs(float(time) - index / 25) for index, time in enumerate(times(part))) < 0.001
    assert report.warnings == []


def test_sound_is_cut_with_the_pictures(tmp_path: Path) -> None:
    source = Clip(options=OPEN_GOP, pts=range(0, 60 * TICK, TICK)).write(tmp_path / "in.mp4", setup=_tones)
    upscale(source, tmp_path / "part.mp4", span=Span(Fraction(1), Fraction(1)))
    with av.open(str(tmp_path / "part.mp4")) as made:
        sound = [packet for packet in made.demux(made.streams.audio[0]) if packet.size]
    starts = [float(packet.pts * packet.time_base) for packet in sound]
    with av.open(str(source)) as old:
        before = [packet for packet in old.demux(old.streams.audio[0]) if packet.size]
    wanted = [p for p in before if 1 - 0.0214 < float(p.pts * p.time_base) < 2]
    assert [bytes(packet) for packet in sound] == [bytes(packet) for packet in wanted]
    np.testing.assert_allclose(starts, [float(p.pts * p.time_base) - 1 for p in wanted], atol=1e-4)
    assert starts[0] <= 0 < starts[0] + 1024 / 48000


def test_a_picture_that_stays_is_on_show_from_the_start(tmp_path: Path) -> None:
    source = Clip(pts=[0, 25 * TICK, 75 * TICK, 76 * TICK]).write(tmp_path / "slides.mp4")
    upscale(source, tmp_path / "part.mkv", codec="ffv1", span=Span(Fraction(2), Fraction(51, 50)))
    assert [float(time) for time in times(tmp_path / "part.mkv")] == pytest.approx([0, 1], abs=0.001)
    slides = _lumas(source)
    for made, index in zip(_lumas(tmp_path / "part.mkv"), (1, 2), strict=True):
        np.testing.assert_array_equal(made[::2, ::2], slides[index])


def test_the_beginning_alone_keeps_what_stands_before_the_first_picture(tmp_path: Path) -> None:
    source = Clip(pts=range(25 * TICK, 60 * TICK, TICK)).write(tmp_path / "late.mp4")
    upscale(source, tmp_path / "part.mp4", span=Span(duration=Fraction(2)))
    assert times(tmp_path / "part.mp4")[0] == 1
    assert len(times(tmp_path / "part.mp4")) == 25


def test_chapters_and_time_codes_are_of_the_part(tmp_path: Path) -> None:
    def chapters(container: Any, _: Any) -> None:
        about = {"time_base": Fraction(1, 1000), "metadata": {}}
        spans = ((0, 900), (900, 1500), (1500, 2400))
        container.set_chapters(
            [{**about, "id": index, "start": a, "end": b} for index, (a, b) in enumerate(spans)]
        )  # fmt: skip
        container.metadata["timecode"] = "01:00:00:00"

    source = Clip(pts=range(0, 60 * TICK, TICK)).write(tmp_path / "in.mkv", setup=chapters)
    upscale(source, tmp_path / "part.mkv", span=Span(Fraction(1), Fraction(1)))
    with av.open(str(tmp_path / "part.mkv")) as made:
        found = [tuple(float(each[key] * each["time_base"]) for key in ("start", "end")) for each in made.chapters()]
        assert found == [(0, 0.5), (0.5, 1)]
        assert "TIMECODE" not in {name.upper() for name in made.metadata}
    upscale(source, tmp_path / "head.mkv", span=Span(duration=Fraction(1)))
    with av.open(str(tmp_path / "head.mkv")) as made:
        assert {name.upper() for name in made.metadata} >= {"TIMECODE"}


def test_subtitles_are_shown_within_the_part(tmp_path: Path) -> None:
    from_to = ((200, 1300), (1500, 600), (2300, 100))

    def texts(container: Any, _: Any) -> Any:
        lines = container.add_mux_stream("subrip", time_base=Fraction(1, 1000))

        def more(index: int) -> list[Any]:
            packets = []
            for at, (begin, length) in enumerate(from_to):
                if begin == index * 40 or (begin // 40 == index and begin % 40):
                    packet = av.Packet(f"line {at}".encode())
                    packet.pts = packet.dts = begin
                    packet.duration, packet.time_base, packet.stream = length, Fraction(1, 1000), lines
                    packets.append(packet)
            return packets

        return more

    source = Clip(pts=range(0, 60 * TICK, TICK)).write(tmp_path / "in.mkv", setup=texts)
    upscale(source, tmp_path / "part.mkv", span=Span(Fraction(1), Fraction(1)))
    with av.open(str(tmp_path / "part.mkv")) as made:
        shown = [(p.pts, p.duration, bytes(p)) for p in made.demux(made.streams.subtitles[0]) if p.size]
    assert shown == [(0, 500, b"line 0"), (500, 500, b"line 1")]


def test_a_start_behind_the_end_is_said(tmp_path: Path) -> None:
    source = Clip().write(tmp_path / "in.mp4")
    with pytest.raises(UserError, match=r"in\.mp4 ends after 0\.48 s, before --start 9$"):
        VideoFileSource(source, span=Span(Fraction(9)))
    with pytest.raises(ArgumentError, match="duration 0: more than 0"):
        Span(duration=Fraction(0))
    with pytest.raises(ArgumentError, match="start -1: 0 to"):
        Span(Fraction(-1))
