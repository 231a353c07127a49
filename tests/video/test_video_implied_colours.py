"""An untagged clip looks the same when it is larger: players guess its colours by its size."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from clipmaker import Clip, decode, upscale

BT709, UNSPECIFIED, BT601_625, BT601_525 = 1, 2, 5, 6


@pytest.mark.parametrize(
    ("size", "matrix", "primaries"),
    [
        ((640, 360), BT601_525, UNSPECIFIED),  # becomes 720 lines
        ((640, 480), BT601_525, BT601_525),  # NTSC's size has primaries of its own
        ((720, 576), BT601_625, BT601_625),  # and so has PAL's
        ((160, 120), UNSPECIFIED, UNSPECIFIED),  # stays small: nothing changes
        ((320, 240), UNSPECIFIED, BT709),  # becomes 480 lines, which imply primaries
        ((1280, 720), UNSPECIFIED, UNSPECIFIED),  # was large before
        ((640, 640), BT709, UNSPECIFIED),  # large for mpv, small for browsers
    ],
)
def test_tags_are_what_the_inputs_size_implied(
    tmp_path: Path, size: tuple[int, int], matrix: int, primaries: int
) -> None:
    clip = Clip(width=size[0], height=size[1], pts=(0, 512))
    source = clip.write(tmp_path / "in.mp4")
    report = upscale(source, tmp_path / "out.mp4", preset="ultrafast")
    frame = decode(tmp_path / "out.mp4")[0]
    assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (matrix, primaries, UNSPECIFIED)
    said = [text for text in report.warnings if "its colours are untagged: tagged BT." in text]
    assert len(said) == (matrix != UNSPECIFIED or primaries != UNSPECIFIED)
    tagged = [("matrix", matrix), ("primaries", primaries)]
    words = " and ".join(f"BT.{709 if tag == BT709 else 601} {what}" for what, tag in tagged if tag != UNSPECIFIED)
    assert all(f"tagged {words}, which {size[0]}x{size[1]} implies" in text for text in said)


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9", "ffv1"])
def test_every_encoder_is_told(tmp_path: Path, codec: str) -> None:
    source = Clip(width=320, height=300, time_base=Fraction(1, 1000), pts=(0, 40)).write(tmp_path / "in.mkv")
    report = upscale(source, tmp_path / "out.mkv", codec=codec)
    assert decode(tmp_path / "out.mkv")[0].colorspace in (BT601_525, BT601_625)  # VP9 has one name for both
    assert len([text for text in report.warnings if "untagged" in text]) == 1


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "tags"),
    [
        ("yuv420p", "libx264", {"colorspace": BT709, "color_primaries": BT709}),
        ("yuv444p", "ffv1", {"colorspace": BT601_525, "color_primaries": BT601_525}),
        ("yuv420p10le", "ffv1", {"colorspace": 9, "color_primaries": 9, "color_trc": 16}),
        ("yuv420p", "libx264", {"colorspace": BT601_625, "color_primaries": BT601_625, "color_range": 2}),
        ("bgr0", "ffv1", {}),
        ("gray", "ffv1", {}),
    ],
)
def test_what_is_tagged_stays(tmp_path: Path, pix_fmt: str, codec: str, tags: dict[str, int]) -> None:
    options = {"preset": "ultrafast"} if codec == "libx264" else {}
    clip = Clip(width=320, height=300, pix_fmt=pix_fmt, codec=codec, options=options, tags=tags)
    clip.time_base, clip.pts = Fraction(1, 1000), (0, 40)
    source = clip.write(tmp_path / "in.mkv")
    report = upscale(source, tmp_path / "out.mkv", codec=codec)
    before, after = decode(source)[0], decode(tmp_path / "out.mkv")[0]
    for name in ("colorspace", "color_primaries", "color_trc", "color_range"):
        assert getattr(after, name) == getattr(before, name)
    assert report.warnings == []
