"""What is seen in a video before the work: quantizers where the decoder tells them, else rates, else pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pocketsr.data.noise import add_blur
from pocketsr.source import Seen, choose
from pocketsr.video import VideoFileSource
from pocketsr.video.looking import look_at_opened, look_at_video

WIDTH, HEIGHT, FRAMES = 320, 192, 24


def scene(number: int) -> np.ndarray:
    """Luma of a moving picture with edges, texture and flat areas, as fine as a shrunk photograph."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    texture = add_blur(rng.integers(0, 256, (HEIGHT, WIDTH + FRAMES * 2), np.uint8), 0.8)
    texture = texture[:, 2 * number : 2 * number + WIDTH].astype(np.float64)
    base = 110 + 60 * np.sin((x + 3 * number) / 17) * np.cos(y / 23) + 0.35 * (texture - 128) * (x > WIDTH // 3)
    base[(x - 5 * number - 60) ** 2 + (y - 90) ** 2 < 40**2] = 210
    return np.clip(base, 16, 235).astype(np.uint8)


def clip(path: Path, codec: str, pix_fmt: str = "yuv420p", *, rate: str | None = None, **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
        if rate is not None:
            stream.bit_rate = int(rate)
        stream.options = dict(options)
        for number in range(FRAMES):
            luma = scene(number)
            grey = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.concatenate([luma, grey]), format="yuv420p")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def seen(path: Path) -> Seen:
    found = look_at_video(path)
    assert found is not None
    return found


def test_h264_tells_its_quantizer(tmp_path: Path) -> None:
    poor = seen(clip(tmp_path / "poor.mp4", "libx264", qp="44", preset="veryfast"))
    good = seen(clip(tmp_path / "good.mp4", "libx264", qp="10", preset="veryfast"))
    assert poor.hints.qp == pytest.approx(44, abs=4)
    assert good.hints.qp == pytest.approx(10, abs=4)
    assert good.strength < 0.3
    assert poor.strength > 0.6
    assert (choose(poor).network, choose(good).network) == ("small-call", "small")
    assert choose(poor).why.startswith("H.264 of QP 4")


def test_h264_of_10_bits_counts_as_8(tmp_path: Path) -> None:
    """Its quantizers go to 63: 42 is as coarse as 30 of 8 bits."""
    deep = seen(clip(tmp_path / "deep.mkv", "libx264", "yuv420p10le", qp="42", preset="veryfast"))
    assert deep.hints.qp == pytest.approx(30, abs=4)


def test_vp9_tells_its_quantizer(tmp_path: Path) -> None:
    options = {"deadline": "realtime", "cpu-used": "8"}
    poor = seen(clip(tmp_path / "poor.webm", "libvpx-vp9", crf="60", rate="0", **options))
    good = seen(clip(tmp_path / "good.webm", "libvpx-vp9", crf="8", rate="0", **options))
    assert poor.hints.codec == good.hints.codec == "vp9"
    assert 0 <= good.hints.qp < poor.hints.qp <= 255
    assert good.strength < poor.strength


def test_av1s_quantizer_is_read_from_its_packets(tmp_path: Path) -> None:
    poor = seen(clip(tmp_path / "poor.mkv", "libsvtav1", crf="60", preset="12"))
    good = seen(clip(tmp_path / "good.mkv", "libsvtav1", crf="10", preset="12"))
    assert poor.hints.codec == good.hints.codec == "av1"
    assert 0 < good.hints.qp < 60
    assert 160 < poor.hints.qp <= 255
    assert good.strength < poor.strength
    assert choose(poor).why.startswith("AV1 of QP ")


def test_others_tell_a_rate(tmp_path: Path) -> None:
    poor = seen(clip(tmp_path / "poor.mkv", "libx265", crf="45", preset="ultrafast"))
    good = seen(clip(tmp_path / "good.mkv", "libx265", crf="10", preset="ultrafast"))
    assert poor.hints.qp is None
    assert 0 < poor.hints.bits_per_pixel < good.hints.bits_per_pixel
    assert good.strength < poor.strength
    assert "H.265 of " in choose(poor).why


def test_lossless_ones_are_whole(tmp_path: Path) -> None:
    for name, codec in (("a.mkv", "ffv1"), ("b.avi", "huffyuv")):
        pix_fmt = "yuv422p" if codec == "huffyuv" else "yuv420p"
        found = seen(clip(tmp_path / name, codec, pix_fmt))
        assert (found.hints.lossless, found.strength, choose(found).network) == (True, 0.0, "small")


def test_raw_frames_are_judged_by_the_picture(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.y4m", "rawvideo")
    assert seen(path).hints.lossless is None
    assert choose(seen(path)).network == "small"


def test_what_is_read_once_is_judged_by_its_first_frame(tmp_path: Path) -> None:
    path = clip(tmp_path / "poor.mkv", "libx264", qp="46", preset="veryfast")
    with VideoFileSource(path) as source:
        found = look_at_opened(source)
        assert (found.hints.codec, found.hints.qp) == ("h264", None)
        assert sum(1 for _ in source) == FRAMES  # the first among them


def test_a_stream_without_length(tmp_path: Path) -> None:
    path = clip(tmp_path / "bare.h264", "libx264", qp="40", preset="veryfast")
    assert seen(path).hints.qp == pytest.approx(40, abs=4)


def test_looking_is_repeatable(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", "libx264", qp="30", preset="veryfast")
    assert seen(path) == seen(path)


def test_broken_files_are_left_to_who_reads_them(tmp_path: Path) -> None:
    whole = clip(tmp_path / "a.mkv", "libx264", qp="30", preset="veryfast").read_bytes()
    for name, content in (("empty", b""), ("text", b"no video"), ("head", whole[:200]), ("zeros", bytes(5000))):
        path = tmp_path / f"{name}.mkv"
        path.write_bytes(content)
        assert look_at_video(path) is None
    assert look_at_video(tmp_path / "absent.mkv") is None
    assert look_at_video(tmp_path) is None
    rng = np.random.default_rng(1)
    for number in range(12):  # torn within: nothing, or something, and no other end
        torn = bytearray(whole)
        for at in rng.integers(100, len(torn), 40):
            torn[at] = int(rng.integers(256))
        path = tmp_path / f"torn{number}.mkv"
        path.write_bytes(torn)
        found = look_at_video(path)
        assert found is None or 0.0 <= found.strength <= 1.0
