"""The stages overlap, memory stays flat, and the report tells what was measured."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from clipmaker import Clip, Repeat, decode, upscale

import pocketsr.video
from pocketsr.report import Percentiles, Report
from pocketsr.video import upscale_video
from pocketsr.video.belt import Belt, Stopped
from pocketsr.video.codecs import encoder_threads
from pocketsr.video.reader import Picture, VideoReader
from pocketsr.video.writer import VideoWriter

HANGS_S = 600  # until what should have happened long since is called hung: no bound on speed


def test_the_report_adds_up(tmp_path: Path) -> None:
    source = Clip(width=160, height=120, pts=range(0, 60 * 512, 512)).write(tmp_path / "in.mp4")
    seen: list[tuple[int, int | None]] = []
    threads = set()

    def progress(done: int, total: int | None) -> None:
        seen.append((done, total))
        threads.add(threading.current_thread())

    start = time.perf_counter()
    report = upscale(source, tmp_path / "out.mp4", on_progress=progress)
    wall = time.perf_counter() - start
    assert seen == [(n, 60) for n in range(1, 61)]
    assert threads == {threading.current_thread()}
    assert report.frames == 60
    assert report.size == (320, 240)
    assert report.encoder == "libx264 crf 18, preset fast, yuv420p"
    assert report.seconds <= wall
    assert report.fps == pytest.approx(60 / report.seconds)
    for stage, busy in (
        (report.decode_ms, report.decode_busy_s),
        (report.upscale_ms, report.upscale_busy_s),
        (report.encode_ms, report.encode_busy_s),
    ):
        assert 0 < stage.p50 <= stage.p99
        assert 0 < busy < wall
        assert stage.p50 / 1e3 <= busy


def test_a_benchmark_writes_nothing(tmp_path: Path) -> None:
    source = Clip().write(tmp_path / "in.mp4")
    report = upscale(source, None)
    assert report.frames == 12
    assert report.fps > 0
    assert report.encode_ms.p50 > 0
    assert report.encoder.startswith("libx264 crf 18")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_percentiles_by_hand() -> None:
    hundred = [n / 1000 for n in range(101)]
    assert Percentiles.of_seconds(hundred).p50 == pytest.approx(50)
    assert Percentiles.of_seconds(hundred).p99 == pytest.approx(99)
    assert Percentiles.of_seconds([]) == Percentiles(0, 0)


def test_decoding_upscaling_and_encoding_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages meet: a frame is encoded while the next is in the network, and that while another is read.

    If a stage waited for another to end, they would never meet; no clock decides.
    """
    frames = 20
    source = Clip(pts=range(0, frames * 512, 512)).write(tmp_path / "in.mp4")
    network_and_encoder, network_and_decoder = (threading.Barrier(2, timeout=HANGS_S) for _ in range(2))
    met: list[int] = []

    class Meeting(Repeat):
        def __call__(self, y: Any, bits: Any = None, out: Any = None) -> Any:
            number = len(self.calls)
            if number < frames - 1:
                network_and_decoder.wait()
            if number > 0:
                network_and_encoder.wait()
            return super().__call__(y, bits, out)

    encode, pictures = VideoWriter.encode, VideoReader.__iter__

    def meeting_encode(self: VideoWriter, *args: Any) -> None:
        if len(met) < frames - 1:
            network_and_encoder.wait()
        met.append(1)
        encode(self, *args)

    def meeting_pictures(self: VideoReader) -> Iterator[Any]:
        read = 0
        for item in pictures(self):
            if isinstance(item, Picture):
                read += 1
                if read > 1:
                    network_and_decoder.wait()
            yield item

    monkeypatch.setattr(VideoWriter, "encode", meeting_encode)
    monkeypatch.setattr(VideoReader, "__iter__", meeting_pictures)
    report = upscale_video(source, None, Meeting(), lambda _: Repeat())
    assert report.frames == len(met) == frames


def test_threads_are_gone_afterwards(tmp_path: Path) -> None:
    source = Clip().write(tmp_path / "in.mp4")
    before = threading.active_count()
    upscale(source, None)
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_change_the_frames(tmp_path: Path, threads: int) -> None:
    source = Clip(pts=range(0, 20 * 512, 512)).write(tmp_path / "in.mp4")
    report = upscale(source, tmp_path / "out.mp4", threads=threads)
    assert report.frames == len(decode(tmp_path / "out.mp4")) == 20


def test_memory_stays_flat_over_3000_frames(tmp_path: Path) -> None:
    """Peak memory of a process: 3,000 frames take hardly more than 300 (in and out a frame is 0.9 MB)."""
    base = Fraction(1, 1000)
    clip = Clip(
        width=400,
        height=300,
        time_base=base,
        pts=range(0, 3000 * 40, 40),
        options={"preset": "ultrafast", "crf": "40"},
    )
    still = next(iter(clip.noise()))
    long = clip.write(tmp_path / "long.mkv", (still for _ in range(3000)))
    clip.pts = clip.pts[:300]
    short = clip.write(tmp_path / "short.mkv", (still for _ in range(300)))

    def peak_mb(source: Path) -> float:
        code = (
            "import sys, resource, pathlib\nfrom clipmaker import upscale\n"
            "source = pathlib.Path(sys.argv[1])\n"
            "report = upscale(source, source.with_suffix('.out.mkv'), preset='ultrafast')\n"
            "print(report.frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
        )
        folder = Path(__file__).parent
        env = {"PYTHONPATH": f"{folder}:{folder.parents[1] / 'src'}", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", code, str(source)], env=env, capture_output=True, text=True, check=True
        )
        frames, peak = done.stdout.split()
        assert int(frames) == (3000 if source == long else 300)
        return float(peak)

    low, high = peak_mb(short), peak_mb(long)
    assert high < low + 30, (low, high)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0


def test_belt_keeps_order_bounds_and_stops() -> None:
    belt: Belt[int] = Belt(2)
    belt.put(1)
    belt.put(2)
    blocked = threading.Event()
    outcome: list[str] = []

    def third() -> None:
        blocked.set()
        try:
            belt.put(3)
            outcome.append("put")
        except Stopped:
            outcome.append("stopped")

    thread = threading.Thread(target=third)
    thread.start()
    blocked.wait()
    time.sleep(0.05)
    assert outcome == []  # no room
    assert belt.get() == 1
    thread.join(HANGS_S)
    assert outcome == ["put"]
    assert [belt.get(), belt.get()] == [2, 3]
    waiting = threading.Thread(target=lambda: outcome.append(_outcome(belt)))
    waiting.start()
    time.sleep(0.05)
    belt.stop()
    waiting.join(HANGS_S)
    assert outcome == ["put", "stopped"]
    with pytest.raises(Stopped):
        belt.put(4)


def _outcome(belt: Belt[int]) -> str:
    try:
        return str(belt.get())
    except Stopped:
        return "stopped"


def test_what_the_room_offers() -> None:
    assert pocketsr.video.__all__ == sorted(pocketsr.video.__all__)
    assert {"upscale_video", "VideoOptions"} <= set(pocketsr.video.__all__)
    for name in pocketsr.video.__all__:
        assert hasattr(pocketsr.video, name)
    assert Report.__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "threads", "height", "given"),
    [
        ("libx264", 2, 720, 9),
        ("libx264", 2, 96, 3),
        ("libx264", 8, 720, 12),
        ("libx264", 8, 2160, 27),
        ("libx264", 1, 720, 1),
        ("libx265", 2, 720, 2),
        ("libx265", None, 720, 0),
    ],
)
def test_threads_of_encoders(name: str, threads: int | None, height: int, given: int) -> None:
    assert encoder_threads(name, threads, height) == given
