"""Every frame of the input comes out, at exactly its time."""

from __future__ import annotations

import os
import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clipmaker import Clip, Plane, decode, samples, times, upscale

VARIABLE = (0, 512, 600, 2000, 2001, 5000, 5512, 9999, 20000, 20001, 20002, 40000)
B_FRAMES = {"preset": "veryfast", "bf": "3", "b_strategy": "0", "crf": "20"}


def _flat(count: int) -> list[list[Plane]]:
    """64x48 frames, each brighter by 10 than the last."""
    grey = np.full((24, 32), 128, np.uint8)
    return [[np.full((48, 64), 20 + 10 * i, np.uint8), grey, grey] for i in range(count)]


@pytest.mark.parametrize(
    ("suffix", "clip"),
    [
        (".mp4", Clip()),
        (".mp4", Clip(options=B_FRAMES)),
        (".mp4", Clip(pts=VARIABLE)),
        (".mp4", Clip(pts=VARIABLE, options=B_FRAMES)),
        (".mp4", Clip(pts=[p + 7777 for p in VARIABLE], options=B_FRAMES)),
        (".mp4", Clip(time_base=Fraction(1001, 30000), rate=Fraction(30000, 1001), pts=range(9))),
        (".mov", Clip(pts=[p + 1001 for p in VARIABLE], time_base=Fraction(1, 90000))),
        (".mkv", Clip(time_base=Fraction(1, 1000), pts=[33, 66, 100, 133, 450, 451, 999], options=B_FRAMES)),
        (".mkv", Clip(time_base=Fraction(1, 1000), pts=range(0, 400, 40))),
        (
            ".webm",
            Clip(
                codec="libvpx-vp9",
                options={"deadline": "realtime"},
                time_base=Fraction(1, 1000),
                pts=[5, 9, 99],
            ),
        ),
        (".ts", Clip(time_base=Fraction(1, 90000), pts=range(9000, 90000, 3003), options=B_FRAMES)),
        (".avi", Clip(time_base=Fraction(1, 25), pts=range(10))),
        (".nut", Clip(pts=VARIABLE, options=B_FRAMES)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_times_are_the_inputs(tmp_path: Path, suffix: str, clip: Clip) -> None:
    source = clip.write(tmp_path / f"in{suffix}")
    report = upscale(source, tmp_path / f"out{suffix}")
    assert len(times(source)) == len(clip.pts)
    assert times(tmp_path / f"out{suffix}") == times(source)
    assert report.frames == len(clip.pts)
    assert report.replaced == 0
    assert report.warnings == []


@pytest.mark.parametrize(("of", "to"), [(".mkv", ".mp4"), (".mp4", ".mov"), (".ts", ".mp4"), (".mkv", ".nut")])
def test_times_survive_a_change_of_container(tmp_path: Path, of: str, to: str) -> None:
    base = Fraction(1, 90000) if of == ".ts" else Fraction(1, 1000)
    source = Clip(time_base=base, pts=[2033, 2066, 2100, 2450, 3999], options=B_FRAMES).write(tmp_path / f"in{of}")
    upscale(source, tmp_path / f"out{to}")
    start = times(source)[0] if of == ".ts" else 0  # its clock starts anywhere, and other formats' at zero
    assert times(tmp_path / f"out{to}") == [time - start for time in times(source)]


def test_a_coarser_time_base_rounds_to_the_nearest_and_says_so(tmp_path: Path) -> None:
    source = Clip(time_base=Fraction(1, 30000), rate=Fraction(30000, 1001), pts=range(0, 20020, 1001)).write(
        tmp_path / "in.mp4"
    )
    report = upscale(source, tmp_path / "out.mkv")
    expected = [Fraction(int(t * 1000 + Fraction(1, 2)), 1000) for t in times(source)]
    assert times(tmp_path / "out.mkv") == expected
    assert any("rounded" in text and ".mp4" in text for text in report.warnings)


def test_durations_are_kept(tmp_path: Path) -> None:
    """MP4 stores how long the last frame stays, apart from the others' times."""

    def durations(path: Path) -> list[tuple[int | None, int | None]]:
        with av.open(str(path)) as container:
            return sorted((p.pts, p.duration) for p in container.demux(container.streams.video[0]) if p.size)

    made = Clip(codec="mpeg4", options={}, pts=(0, 512, 600, 2000)).write(tmp_path / "made.mp4")
    with av.open(str(made)) as container, av.open(str(tmp_path / "in.mp4"), "w") as output:
        stream = container.streams.video[0]
        to = output.add_stream_from_template(stream, opaque=True)
        for packet in [p for p in container.demux(stream) if p.size]:
            packet.stream = to
            packet.duration = 3333 if packet.pts == 2000 else packet.duration
            output.mux(packet)
    assert durations(tmp_path / "in.mp4")[-1] == (2000, 3333)
    upscale(tmp_path / "in.mp4", tmp_path / "out.mp4", codec="mpeg4")
    assert durations(tmp_path / "out.mp4") == durations(tmp_path / "in.mp4")


def test_a_file_without_times_gets_those_of_its_rate(tmp_path: Path) -> None:
    source = Clip(options=B_FRAMES, pts=range(0, 20 * 512, 512)).write(tmp_path / "in.h264")
    report = upscale(source, tmp_path / "out.mp4")
    out = times(tmp_path / "out.mp4")
    assert len(out) == report.frames == 20
    assert [b - a for a, b in pairwise(out)] == [Fraction(1, 25)] * 19
    assert report.replaced == 0


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mpg"])
def test_a_raw_streams_own_rate_counts(tmp_path: Path, suffix: str) -> None:
    """FFmpeg's average of it is 25, its demuxer's default."""
    clip = Clip(options=B_FRAMES, rate=Fraction(30), time_base=Fraction(1, 30), pts=range(30))
    source = clip.write(tmp_path / "in.h264")
    report = upscale(source, tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        found = [packet for packet in container.demux(video=0) if packet.size]
        shown = sorted((p.dts if suffix == ".avi" else p.pts) * p.time_base for p in found)  # AVI stores the order
    assert [float(time - shown[0]) for time in shown] == pytest.approx([n / 30 for n in range(30)], abs=0.001)
    assert [text for text in report.warnings if "no times between" in text] == []


def test_frames_come_in_their_order(tmp_path: Path) -> None:
    """B-frames are decoded out of order; the brightness counts the frames."""
    clip = Clip(pts=range(0, 20 * 512, 512), options=B_FRAMES)
    source = clip.write(tmp_path / "in.mp4", _flat(20))
    upscale(source, tmp_path / "out.mp4")
    shown = [float(np.mean(np.frombuffer(f.planes[0], np.uint8)[:128])) for f in decode(tmp_path / "out.mp4")]
    assert shown == pytest.approx([20 + 10 * i for i in range(20)], abs=3)


def test_a_pipe_with_no_length_and_no_frame_count(tmp_path: Path) -> None:
    """Matroska written to a pipe has neither; the count is what comes."""
    clip = Clip(
        time_base=Fraction(1, 1000),
        pts=range(0, 1000, 40),
        format="matroska",
        container_options={"live": "1"},
    )
    source = clip.write(tmp_path / "in.mkv")
    with av.open(str(source)) as container:
        assert container.duration is None
        assert container.streams.video[0].frames == 0
    report = upscale(source, tmp_path / "out.mkv")
    assert times(tmp_path / "out.mkv") == times(source)
    assert report.frames == 25


def test_equal_times_move_by_the_least_amount(tmp_path: Path) -> None:
    source = Clip(codec="ffv1", options={}, time_base=Fraction(1, 1000), pts=[0, 40, 80, 120]).write(tmp_path / "a.nut")
    with av.open(str(source)) as container, av.open(str(tmp_path / "b.mkv"), "w") as output:
        stream = container.streams.video[0]
        to = output.add_stream_from_template(stream, opaque=True)
        for packet, pts in zip(container.demux(stream), [0, 40, 40, 120], strict=False):
            packet.pts = packet.dts = pts
            packet.time_base = Fraction(1, 1000)
            packet.stream = to
            output.mux(packet)
    report = upscale(tmp_path / "b.mkv", tmp_path / "out.mkv", codec="h264")
    assert times(tmp_path / "out.mkv") == [Fraction(t, 1000) for t in (0, 40, 41, 120)]
    assert any("not increasing" in text for text in report.warnings)


@pytest.mark.parametrize("name", ["webcam_book.mkv", "carphone_pristine.mp4", "vid4_walk.mkv"])
def test_times_of_real_clips(tmp_path: Path, shared_data: Path, name: str) -> None:
    source = shared_data / "clips" / name
    report = upscale(source, tmp_path / name)
    assert times(tmp_path / name) == times(source)
    assert [text for text in report.warnings if "untagged" not in text] == []


def test_avi_stores_the_order_only(tmp_path: Path) -> None:
    """B-frames in AVI: FFmpeg guesses at some times and not at others; the order is what counts."""
    clip = Clip(codec="mpeg4", options={"bf": "2"}, time_base=Fraction(1, 25), pts=range(20))
    clip.tags = {"max_b_frames": 2, "qscale": True, "global_quality": 236}
    source = clip.write(tmp_path / "in.avi", _flat(20))
    report = upscale(source, tmp_path / "out.mkv")
    assert report.warnings == []
    assert [float(samples(f)[0].mean()) for f in decode(tmp_path / "out.mkv")] == pytest.approx(
        [20 + 10 * i for i in range(20)], abs=3
    )
    out = times(tmp_path / "out.mkv")
    assert [b - a for a, b in pairwise(out)] == [Fraction(1, 25)] * 19


def test_an_avi_of_ours_is_whole(tmp_path: Path) -> None:
    """Times between frames become empty chunks, which AVI's head counts as frames."""
    upscale(Clip().write(tmp_path / "in.mp4"), tmp_path / "between.avi")
    report = upscale(tmp_path / "between.avi", tmp_path / "out.mkv")
    assert (report.frames, report.warnings) == (12, [])


@pytest.mark.parametrize(("suffix", "codec"), [(".m1v", "mpeg1video"), (".m2v", "mpeg2video")])
def test_raw_streams_of_mpeg_stay_what_they_are(tmp_path: Path, suffix: str, codec: str) -> None:
    source = Clip(codec=codec, options={}, time_base=Fraction(1, 25), pts=range(12)).write(tmp_path / f"in{suffix}")
    report = upscale(source, tmp_path / f"out{suffix}")
    assert (report.frames, report.warnings) == (12, [])
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].codec_context.name == codec


def test_a_named_pipe(tmp_path: Path) -> None:
    """It can't be sought in, and nothing is known of its length."""
    clip = Clip(time_base=Fraction(1, 1000), pts=range(33, 1000, 40))
    content = clip.write(tmp_path / "whole.mkv").read_bytes()
    pipe = tmp_path / "pipe.mkv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(content))
    writer.start()
    report = upscale(pipe, tmp_path / "out.mkv")
    writer.join(10)
    assert report.frames == 25
    assert times(tmp_path / "out.mkv") == times(tmp_path / "whole.mkv")


def test_frames_cut_off_by_an_edit_list_stay_out(tmp_path: Path) -> None:
    """The first frames of an MP4 can be there for decoding only."""
    options = {"preset": "veryfast", "g": "50", "bf": "0"}
    whole = Clip(options=options, pts=range(0, 20 * 512, 512)).write(tmp_path / "whole.mp4")
    with av.open(str(whole)) as container, av.open(str(tmp_path / "in.mp4"), "w") as output:
        stream = container.streams.video[0]
        to = output.add_stream_from_template(stream, opaque=True)
        for packet in container.demux(stream):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - 4 * 512, packet.dts - 4 * 512, to
                output.mux(packet)
    expected = times(tmp_path / "in.mp4")
    assert 15 <= len(expected) < 20
    report = upscale(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == expected
    assert report.replaced == 0
    assert report.warnings == []


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_what_an_edit_list_delays_stays_late(tmp_path: Path, suffix: str) -> None:
    """QuickTime stores a late start as an empty edit, and the decoder's delay as another."""
    clip = Clip(options=B_FRAMES, pts=range(2560, 2560 + 12 * 512, 512))
    source = clip.write(tmp_path / "in.mov")
    assert b"elst" in source.read_bytes()
    upscale(source, tmp_path / f"out{suffix}")
    out = times(tmp_path / f"out{suffix}")
    assert [float(time) for time in out] == pytest.approx([0.2 + n / 25 for n in range(12)], abs=0.001)
