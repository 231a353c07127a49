"""Sample formats stay what they are, and odd sizes come out at exactly twice their size."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clipmaker import Clip, Repeat, decode, samples, upscale

from pocketsr.errors import UserError
from pocketsr.frames import candidates, layout_of, plane_siting
from pocketsr.video import VideoOptions, upscale_video
from pocketsr.video.upscaler import AvUpscaler

LOSSLESS = {"options": {}, "time_base": Fraction(1, 1000), "pts": (0, 40, 80)}


def repeated(planes: list[Any], like: list[Any]) -> list[Any]:
    """Each plane with its samples repeated 2x2, cropped to the shape of `like`."""
    return [
        np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[: b.shape[0], : b.shape[1]]
        for a, b in zip(planes, like, strict=True)
    ]


@pytest.mark.parametrize(
    ("pix_fmt", "made"),
    [
        ("yuv420p", "yuv420p"),
        ("yuv422p", "yuv422p"),
        ("yuv444p", "yuv444p"),
        ("yuv440p", "yuv440p"),
        ("yuv411p", "yuv411p"),
        ("gray", "gray"),
        ("yuv420p10le", "yuv420p10le"),
        ("yuv422p10le", "yuv422p10le"),
        ("yuv444p12le", "yuv444p12le"),
        ("gray10le", "gray10le"),
        ("gray16le", "gray16le"),
        ("yuva420p", "yuva420p"),
        ("yuva444p10le", "yuva444p10le"),
        ("ya8", "ya8"),
        ("gbrp10le", "gbrp10le"),
        ("gbrap12le", "gbrap12le"),
        ("bgr0", "bgr0"),
        ("bgra", "bgra"),
        ("rgb48le", "gbrp16le"),
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (33, 17)])
def test_every_sample_comes_through(tmp_path: Path, pix_fmt: str, made: str, size: tuple[int, int]) -> None:
    """FFV1 is lossless, so that a repeating network shows each sample's way exactly."""
    clip = Clip(width=size[0], height=size[1], pix_fmt=pix_fmt, codec="ffv1", **LOSSLESS)
    source = clip.write(tmp_path / "in.mkv")
    report = upscale(source, tmp_path / "out.mkv")
    before, after = decode(source), decode(tmp_path / "out.mkv")
    assert len(after) == 3
    for a, b in zip(before, after, strict=True):
        assert b.format.name == made
        assert (b.width, b.height) == (2 * size[0], 2 * size[1])
        planes = samples(b)
        for got, expected in zip(planes, repeated(samples(a), planes), strict=True):
            np.testing.assert_array_equal(got, expected)
    assert report.encoder.startswith("ffv1 (lossless)")


@pytest.mark.parametrize(
    ("pix_fmt", "made"),
    [
        ("nv12", "yuv420p"),
        ("nv21", "yuv420p"),
        ("nv16", "yuv422p"),
        ("nv24", "yuv444p"),
        ("p010le", "yuv420p10le"),
        ("p210le", "yuv422p10le"),
        ("yuyv422", "yuv422p"),
        ("uyvy422", "yuv422p"),
        ("rgb24", "bgr0"),
        ("bgr24", "bgr0"),
        ("argb", "bgra"),
        ("gbrp", "bgr0"),
        ("gray16be", "gray16le"),
        ("yuv420p10be", "yuv420p10le"),
    ],
)
def test_interleaved_formats_become_their_planar_kind(pix_fmt: str, made: str) -> None:
    clip = Clip(width=38, height=22, pix_fmt=pix_fmt)
    frame = clip.frame(next(iter(clip.noise())))
    assert made in candidates(layout_of(pix_fmt)) or pix_fmt.endswith("be")
    b = AvUpscaler(Repeat(), lambda _: Repeat(), layout_of(pix_fmt), made, "left")(frame)
    assert b.format.name == made
    planes = samples(b)
    assert planes[0].std() > 10
    for got, expected in zip(planes, repeated(samples(frame), planes), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("pix_fmt", ["nv12", "rgb24", "yuyv422"])
def test_interleaved_formats_are_read_from_files(tmp_path: Path, pix_fmt: str) -> None:
    source = Clip(width=38, height=22, pix_fmt=pix_fmt, codec="rawvideo", **LOSSLESS).write(tmp_path / "in.nut")
    before = decode(source)
    assert before[0].format.name == pix_fmt
    upscale(source, tmp_path / "out.mkv", codec="ffv1")
    for a, b in zip(before, decode(tmp_path / "out.mkv"), strict=True):
        planes = samples(b)
        for got, expected in zip(planes, repeated(samples(a), planes), strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        ("libx264", "yuv420p"),
        ("libx264", "yuv422p"),
        ("libx264", "yuv444p"),
        ("libx265", "gray"),
        ("libx264", "yuv420p10le"),
        ("libx264", "yuv422p10le"),
        ("libx265", "yuv420p"),
        ("libx265", "yuv420p10le"),
        ("libx265", "yuv420p12le"),
        ("libx265", "gray12le"),
        ("libx265", "gbrp10le"),
        ("libsvtav1", "yuv420p10le"),
        ("libvpx-vp9", "yuv444p"),
    ],
)
def test_lossy_families_keep_format_and_family(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    options = {} if codec in ("libsvtav1", "libvpx-vp9") else {"preset": "ultrafast"}
    if codec == "libx265":
        options["x265-params"] = "log-level=none"
    clip = Clip(
        width=70,
        height=66,
        pix_fmt=pix_fmt,
        codec=codec,
        options=options,
        time_base=Fraction(1, 1000),
        pts=(0, 40, 80, 120),
    )
    source = clip.write(tmp_path / "in.mkv")
    report = upscale(source, tmp_path / "out.mkv")
    a, b = decode(source)[0], decode(tmp_path / "out.mkv")[0]
    assert a.format.name == b.format.name == pix_fmt
    assert report.encoder.startswith(codec + " ")
    planes = samples(b)
    for got, expected in zip(planes, repeated(samples(a), planes), strict=True):
        scale = 1 << (layout_of(pix_fmt).bits - 8)
        assert np.abs(got.astype(int) - expected).mean() < 3 * scale


def test_ten_bits_are_told_to_the_network(tmp_path: Path) -> None:
    source = Clip(pix_fmt="yuv420p10le", codec="ffv1", **LOSSLESS).write(tmp_path / "in.mkv")
    luma, chroma = Repeat(), Repeat()
    upscale_video(source, None, luma, lambda _: chroma, VideoOptions())
    assert set(luma.calls) == {((48, 64), 10)}
    assert set(chroma.calls) == {((24, 32), 10)}


@pytest.mark.parametrize(
    ("pix_fmt", "location", "siting"),
    [
        ("yuv420p", "left", "left"),
        ("yuv420p", "center", "center"),
        ("yuv420p", "topleft", "topleft"),
        ("yuv420p", "unspecified", "left"),
        ("yuv422p", "left", "left"),
        ("yuv444p", "left", "center"),
    ],
)
def test_siting_is_read_from_the_stream_used_and_written(
    tmp_path: Path, pix_fmt: str, location: str, siting: str
) -> None:
    from pocketsr.video.reader import VideoReader

    options = {"preset": "ultrafast", "chroma_sample_location": location}
    source = Clip(pix_fmt=pix_fmt, options=options).write(tmp_path / "in.mp4")
    asked = []
    upscale_video(source, tmp_path / "out.mp4", Repeat(), lambda s: asked.append(s) or Repeat())
    assert asked == [siting]
    with VideoReader(source) as before, VideoReader(tmp_path / "out.mp4") as after:
        if pix_fmt == "yuv420p" and location != "unspecified":
            assert before.source.chroma_location == location
        assert after.source.chroma_location == before.source.chroma_location


def test_siting_in_directions_that_are_not_subsampled() -> None:
    assert plane_siting(layout_of("yuv422p"), "topleft") == "left"
    assert plane_siting(layout_of("yuv422p"), "center") == "center"
    assert plane_siting(layout_of("yuv440p"), "left") == "center"
    assert plane_siting(layout_of("yuv444p10le"), "topleft") == "center"


@pytest.mark.parametrize("scale", [3, 4])
def test_other_scales(tmp_path: Path, scale: int) -> None:
    source = Clip(width=34, height=18, codec="ffv1", **LOSSLESS).write(tmp_path / "in.mkv")
    upscale(source, tmp_path / "out.mkv", scale=scale)
    frame = decode(tmp_path / "out.mkv")[1]
    assert (frame.width, frame.height) == (34 * scale, 18 * scale)
    expected = np.repeat(np.repeat(samples(decode(source)[1])[1], scale, 0), scale, 1)
    np.testing.assert_array_equal(samples(frame)[1], expected)


@pytest.mark.parametrize("name", ["yuv420p16le", "gray", "gbrap", "nv12", "rgb24", "ya8", "yuyv422", "yuva444p10le"])
def test_candidates_hold_the_same_samples(name: str) -> None:
    layout = layout_of(name)
    for other in map(layout_of, candidates(layout)):
        assert (other.kind, other.bits, other.sub_x, other.sub_y) == (
            layout.kind,
            layout.bits,
            layout.sub_x,
            layout.sub_y,
        )
        assert len(other.components) == len(layout.components)


@pytest.mark.parametrize("name", ["pal8", "monow", "gbrpf32le", "xyz12le", "bayer_rggb8", "rgb565le", "gray10be_no"])
def test_formats_that_are_not_taken_name_the_mend(name: str) -> None:
    with pytest.raises(UserError, match=r"not supported: convert it first, for instance with ffmpeg"):
        layout_of(name)


def test_alpha_that_the_encoder_can_not_hold_is_refused(tmp_path: Path) -> None:
    source = Clip(pix_fmt="yuva420p", codec="ffv1", **LOSSLESS).write(tmp_path / "in.mkv")
    with pytest.raises(UserError, match=r"libx264 can't hold yuva420p.*ffv1"):
        upscale(source, tmp_path / "out.mkv", codec="h264")


def test_vp9_alpha_is_decoded_and_kept(tmp_path: Path) -> None:
    clip = Clip(pix_fmt="yuva420p", codec="libvpx-vp9", options={"deadline": "realtime", "auto-alt-ref": "0"})
    clip.time_base, clip.pts = Fraction(1, 1000), (0, 40, 80)
    source = clip.write(tmp_path / "in.webm", setup=lambda _, stream: stream.metadata.update(alpha_mode="1"))
    upscale(source, tmp_path / "out.webm")
    from pocketsr.video.reader import Picture, VideoReader

    with VideoReader(source) as a, VideoReader(tmp_path / "out.webm") as b:
        assert a.source.layout.name == b.source.layout.name == "yuva420p"
        pairs = zip((p for p in a if isinstance(p, Picture)), (p for p in b if isinstance(p, Picture)), strict=True)
        for before, after in pairs:
            alpha = np.repeat(np.repeat(samples(before.frame)[3], 2, 0), 2, 1)
            assert alpha.std() > 20
            assert np.abs(samples(after.frame)[3].astype(int) - alpha).mean() < 3


def test_h264_in_rgb_stays_rgb(tmp_path: Path) -> None:
    clip = Clip(pix_fmt="rgb24", codec="libx264rgb", options={"qp": "0"}, time_base=Fraction(1, 1000), pts=(0, 40, 80))
    source = clip.write(tmp_path / "in.mkv")
    report = upscale(source, tmp_path / "out.mp4")
    assert report.encoder.startswith("libx264rgb crf 18")
    a, b = decode(source)[1], decode(tmp_path / "out.mp4")[1]
    assert a.format.name == b.format.name == "gbrp"
    for got, expected in zip(samples(b), repeated(samples(a), samples(b)), strict=True):
        assert np.abs(got.astype(int) - expected).mean() < 3


@pytest.mark.parametrize(
    ("codec", "suffix", "encoder"),
    [
        ("mpeg4", ".mp4", "libx264"),
        ("mpeg4", ".webm", "libvpx-vp9"),
        ("libx265", ".mp4", "libx265"),
        ("libx265", ".avi", "libx264"),
        ("libvpx-vp9", ".mov", "libx264"),
        ("ffv1", ".mkv", "ffv1"),
        ("ffv1", ".mp4", "libx264"),
    ],
)
def test_the_default_encoder_is_of_the_family_where_it_fits(
    tmp_path: Path, codec: str, suffix: str, encoder: str
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    clip = Clip(codec=codec, options=options, time_base=Fraction(1, 1000), pts=range(0, 240, 40))
    report = upscale(clip.write(tmp_path / "in.mkv"), tmp_path / f"out{suffix}")
    assert report.encoder.split()[0] == encoder
    lossy = codec == "ffv1" and encoder != "ffv1"
    assert [("lossless" in text) for text in report.warnings] == [True] * lossy
