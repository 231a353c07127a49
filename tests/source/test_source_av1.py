"""Quantizers of AV1's frames and of AVIF files: as FFmpeg reads them, from bytes that anybody may have written."""

from __future__ import annotations

import io
import re
import struct
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from mixed_sources import decoded_luma, viewer, write_clip
from PIL import Image
from source_pictures import large

from pocketsr.image._boxes import avif_quantizer
from pocketsr.image.looking import look_at_image
from pocketsr.pixels import imresize, rgb_to_luma
from pocketsr.pixels.strength import strength_between
from pocketsr.source import estimate_strength
from pocketsr.source.av1 import Av1Frames, still_quantizer
from pocketsr.source.quantizer import step_of_qp
from pocketsr.source.strength import model_of
from pocketsr.video.looking import look_at_video

_TOLD = re.compile(
    r"\d+ +(show_existing_frame|frame_to_show_map_idx|show_frame|refresh_frame_flags|base_q_idx) .*= (\d+)"
)


def frames(width: int = 192, height: int = 128, count: int = 20, name: str = "coffee") -> list[np.ndarray]:
    luma = np.rint(rgb_to_luma(large(name))).astype(np.uint8)
    return [np.ascontiguousarray(luma[k : k + height, 2 * k : 2 * k + width]) for k in range(count)]


def encoded(path: Path, planes: list[np.ndarray], **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libsvtav1", rate=25, options={"preset": "11", **options})
        stream.height, stream.width = planes[0].shape
        stream.pix_fmt = "yuv420p"
        for number, plane in enumerate(planes):
            grey = np.full((plane.shape[0] // 2, plane.shape[1]), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.concatenate([plane, grey]), format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def as_ffmpeg_reads(path: Path) -> list[float]:
    """Of each packet, the quantizer of the frame that it shows."""
    slots, found = [0.0] * 8, []
    level = av.logging.get_level()
    av.logging.set_level(av.logging.TRACE)
    try:
        with av.open(str(path)) as container:
            reader = BitStreamFilterContext("trace_headers", container.streams.video[0])
            for packet in container.demux(video=0):
                if not packet.size:
                    continue
                with av.logging.Capture() as lines:
                    reader.filter(packet)
                shown, told = None, {}
                for _, _, line in lines:
                    if (match := _TOLD.search(line)) is None:
                        continue
                    told[match[1]] = int(match[2])
                    if match[1] == "frame_to_show_map_idx":
                        shown = slots[int(match[2])]
                    elif match[1] == "base_q_idx":
                        refresh = told.pop("refresh_frame_flags", 0xFF)
                        slots = [told["base_q_idx"] if refresh >> k & 1 else slots[k] for k in range(8)]
                        shown = told["base_q_idx"] if told["show_frame"] else shown
                assert shown is not None
                found.append(float(shown))
    finally:
        av.logging.set_level(level)
    return found


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((192, 128), {"crf": "30", "svtav1-params": "lp=1"}),
        ((192, 128), {"crf": "55", "svtav1-params": "lp=1:pred-struct=1"}),
        ((256, 192), {"crf": "20", "svtav1-params": "lp=1:tile-columns=1:tile-rows=1"}),
        ((192, 128), {"crf": "40", "svtav1-params": "lp=1:superres-mode=1:superres-denom=12"}),
        ((192, 128), {"crf": "40", "svtav1-params": "lp=1:scm=1", "g": "7"}),
    ],
)
def test_frames_quantizers_are_those_that_ffmpeg_reads(
    size: tuple[int, int], options: dict[str, str], tmp_path: Path
) -> None:
    file = encoded(tmp_path / "clip.mp4", frames(*size), **options)
    told = Av1Frames()
    found = [told.shown(packet) for packet in packets(file)]
    assert len(found) == 20
    assert found == as_ffmpeg_reads(file)


def test_what_anybody_may_have_written_raises_nothing(tmp_path: Path) -> None:
    whole = packets(encoded(tmp_path / "clip.mp4", frames(count=4), crf="40"))
    rng = np.random.default_rng(0)
    for trial in range(400):
        told = Av1Frames()
        for packet in whole:
            broken = bytearray(packet[: int(rng.integers(len(packet) + 1))] if trial % 2 else packet)
            for at in rng.integers(0, min(40, len(broken)), 3) if broken else ():
                broken[at] = int(rng.integers(256))
            found = told.shown(bytes(broken))
            assert found is None or 0 <= found <= 255
    assert Av1Frames().shown(b"") is None
    assert still_quantizer(packets(tmp_path / "clip.mp4")[1]) is None  # no sequence header


def test_an_avif_files_quantizer_falls_with_quality(tmp_path: Path) -> None:
    found = []
    for quality in (20, 50, 75, 90, 100):
        file = tmp_path / f"{quality}.avif"
        Image.fromarray(large("chelsea")[:128, :160]).save(file, quality=quality, speed=9)
        found.append(avif_quantizer(file))
    assert found[-1] == 0
    assert all(a is not None and b is not None and a > b for a, b in pairwise(found))


def test_an_avif_file_with_alpha_has_its_pictures_quantizer(tmp_path: Path) -> None:
    rgb = large("chelsea")[:128, :160]
    alpha = np.random.default_rng(0).integers(0, 256, rgb.shape[:2], np.uint8)
    for name, pixels in (("plain", rgb), ("alpha", np.dstack([rgb, alpha]))):
        Image.fromarray(pixels).save(tmp_path / f"{name}.avif", quality=60, speed=9)
    plain, alpha_too = (avif_quantizer(tmp_path / f"{name}.avif") for name in ("plain", "alpha"))
    assert plain is not None
    assert plain == alpha_too


def test_a_broken_avif_file_has_none(tmp_path: Path) -> None:
    made = io.BytesIO()
    Image.fromarray(large("chelsea")[:64, :64]).save(made, "AVIF", quality=60, speed=9)
    data = made.getvalue()
    at = data.index(b"iloc")
    file = tmp_path / "broken.avif"
    for broken in (data[: at + 3], data[: at + 12], data.replace(b"iloc", b"free"), b""):
        file.write_bytes(broken)
        assert avif_quantizer(file) is None


def _table(sizes: bytes, place: bytes = b"", extents: int = 1) -> bytes:
    """Boxes of 64 items that lie at `place`. sizes: of an offset, a length, a base and an index, four bits each."""
    items = b"".join(struct.pack(">HHH", k, 0, 0) + place + struct.pack(">H", extents) for k in range(64))
    return b"pitm" + bytes(4) + b"\0\1" + b"iloc" + b"\1\0\0\0" + sizes + b"\0\x40" + items


@pytest.mark.parametrize(
    "data",
    [
        b"iloc" + bytes(20) + b"pitm",
        b"pitm" + bytes(20) + b"iloc",
        _table(b"\0\x80", b"\x7f" + b"\xff" * 7),
        _table(b"\0\xf0", b"\xff" * 15),
        _table(b"\0\0", extents=65_535),
    ],
    ids=["no item's number", "no table", "beyond any file", "beyond any number", "empty extents"],
)
def test_a_hostile_avif_tells_nothing_and_takes_no_time(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "hostile.avif"
    file.write_bytes(data)
    started = time.process_time()
    assert avif_quantizer(file) is None
    assert time.process_time() - started < 0.5  # 4 million empty extents took 2.7 s


@pytest.mark.parametrize("quality", [45, 60, 75, 90])
def test_an_avif_files_strength_is_known(quality: int, tmp_path: Path) -> None:
    """A photograph in a window as AVIF of 75 was judged 0.57 to 0.78 by its pixels, and is about 0.45."""
    for rgb in (viewer(large("coffee")[:320, :400]), large("chelsea")[:320, :400]):
        small = imresize(rgb, 0.5)
        file = tmp_path / "picture.avif"
        Image.fromarray(small).save(file, quality=quality, speed=8)
        seen = look_at_image(file)
        back = np.asarray(Image.open(file).convert("RGB"))
        before, after = (np.rint(rgb_to_luma(each)).astype(np.uint8) for each in (small, back))
        assert model_of(seen.hints) == "avif qp"
        assert seen.strength == pytest.approx(strength_between(before, after), abs=0.09)


@pytest.mark.parametrize("state", ["av1 crf 20", "av1 crf 40"])
@pytest.mark.parametrize("name", ["coffee", "chelsea"])
def test_a_videos_strength_is_told_by_its_quantizer(name: str, state: str, tmp_path: Path) -> None:
    """By the rate, what moves little was judged far too strong: the clip `people` 0.61 at crf 20, of 0.27."""
    planes = frames(320, 240, name=name)
    file = write_clip(planes, tmp_path / "clip", state)
    seen = look_at_video(file)
    assert seen is not None
    assert model_of(seen.hints) == "av1 qp"
    received = list(decoded_luma(file))
    true = float(np.mean([strength_between(a, b) for a, b in zip(planes, received, strict=True)]))
    by_rate = np.median([estimate_strength(received[k], replace(seen.hints, qp=None)) for k in (0, 3, 12, 15)])
    assert seen.strength == pytest.approx(true, abs=0.2)
    assert abs(seen.strength - true) < 0.7 * abs(by_rate - true)


def test_steps_are_vp9s() -> None:
    assert step_of_qp("av1", 0) == step_of_qp("vp9", 0)
    assert step_of_qp("avif", 120) == step_of_qp("vp9", 120)
