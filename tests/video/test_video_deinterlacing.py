"""Interlaced video: whole pictures where they are asked for, and a line where they aren't."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags
from clipmaker import Clip, decode, samples, times, upscale

from pocketsr.errors import ArgumentError
from pocketsr.video import VideoFileSource


def _interlaced(path: Path, frames: int = 6) -> Path:
    """A bright bar that moves 4 pixels a field, upper field first."""
    clip = Clip(codec="mpeg2video", options={"qmin": "1", "qmax": "2", "top": "1"}, pts=range(frames))
    clip.time_base = Fraction(1, 25)
    clip.tags = {"flags": Flags.interlaced_dct.value | Flags.interlaced_me.value}

    def field(moment: int) -> np.ndarray:
        plane = np.full((clip.height, clip.width), 40, np.uint8)
        plane[:, 8 + 4 * moment : 16 + 4 * moment] = 200
        return plane

    def pictures() -> list[list[np.ndarray]]:
        made = []
        for index in range(frames):
            luma = field(2 * index)
            luma[1::2] = field(2 * index + 1)[1::2]
            made.append([luma, *(np.full((clip.height // 2, clip.width // 2), 128, np.uint8) for _ in range(2))])
        return made

    def upper_first(_: object, stream: object) -> None:
        stream.codec_context.field_order = 2

    return clip.write(path, pictures(), setup=upper_first)


def _combs(path: Path) -> float:
    """How much neighbouring lines differ, on average: fields that don't belong together look like combs."""
    lumas = [samples(frame)[0][::2, ::2].astype(int) for frame in decode(path)]
    return float(np.mean([np.abs(np.diff(luma, axis=0)).mean() for luma in lumas[1:-1]]))


@pytest.mark.parametrize(("rate", "count", "fps"), [("frame", 6, 25), ("field", 12, 50)])
def test_fields_become_whole_pictures(tmp_path: Path, rate: str, count: int, fps: int) -> None:
    source = _interlaced(tmp_path / "in.mkv")
    plans: list[str] = []
    report = upscale(source, tmp_path / "out.mkv", codec="ffv1", deinterlace=rate, on_plan=plans.append, name="net")
    assert report.frames == count
    assert plans == [report.steps] == [f"deinterlaced to {fps} frames per second by bwdif, then 2x by net"]
    assert report.warnings == []
    assert [float(time) for time in times(tmp_path / "out.mkv")] == pytest.approx(
        [index / fps for index in range(count)], abs=0.0006
    )
    assert _combs(tmp_path / "out.mkv") < 3
    assert not any(frame.interlaced_frame for frame in decode(tmp_path / "out.mkv"))


def test_without_it_a_line_says_how(tmp_path: Path) -> None:
    source = _interlaced(tmp_path / "in.mkv")
    said: list[str] = []
    report = upscale(source, tmp_path / "out.mkv", codec="ffv1", on_warning=said.append)
    line = f"{source} is interlaced, and its frames are upscaled as they are: "
    line += "--deinterlace makes whole pictures of its fields"
    assert said == report.warnings == [line]
    assert report.frames == 6
    assert _combs(tmp_path / "out.mkv") > 20


def test_what_says_nothing_of_fields_is_deinterlaced_where_that_is_asked(tmp_path: Path) -> None:
    source = Clip().write(tmp_path / "in.mkv")
    with VideoFileSource(source, deinterlace="frame") as opened:
        made = list(opened)
    assert len(made) == 12
    with pytest.raises(ArgumentError, match="deinterlace is 'both': 'frame', 'field' or None"):
        VideoFileSource(source, deinterlace="both")  # type: ignore[arg-type]


def test_a_packet_a_field_is_no_frame_lost(tmp_path: Path) -> None:
    """As in broadcasts: made of frames, with a packet between each two of which nothing is decoded."""
    clip = Clip(options={"preset": "ultrafast", "x264-params": "tff=1", "bf": "0"}, pts=range(0, 12 * 512, 512))
    clip.tags = {"flags": Flags.interlaced_dct.value | Flags.interlaced_me.value}
    path = clip.write(tmp_path / "frames.mkv")
    with av.open(str(path)) as source, av.open(str(tmp_path / "fields.mkv"), "w") as output:
        stream = source.streams.video[0]
        to = output.add_stream_from_template(stream, opaque=True)
        for packet in source.demux(stream):
            if packet.size:
                time, base = packet.pts, packet.time_base
                packet.stream = to
                output.mux(packet)
                second = av.Packet(b"\0\0\0\x02\x09\xf0")  # an access unit delimiter alone
                second.pts = second.dts = time + 20
                second.duration, second.time_base, second.stream = 20, base, to
                output.mux(second)
    report = upscale(tmp_path / "fields.mkv", tmp_path / "out.mkv")
    assert (report.frames, report.replaced) == (12, 0)
