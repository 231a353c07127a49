"""Colours and their description come out as they went in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clipmaker import Clip, Repeat, decode, samples, upscale

from pocketsr.video import upscale_video

# FFmpeg's numbers: (matrix, primaries, transfer)
BT601, BT709, BT2020, PQ, UNSPECIFIED = (6, 6, 6), (1, 1, 1), (9, 9, 14), (9, 9, 16), (2, 2, 2)
LIMITED, FULL = 1, 2
RGB_BARS = [
    (235, 235, 235),
    (200, 200, 10),
    (10, 200, 200),
    (10, 200, 10),
    (200, 10, 200),
    (200, 10, 10),
    (10, 10, 200),
    (9, 9, 9),
]


def tags(description: tuple[int, int, int], color_range: int) -> dict[str, Any]:
    matrix, primaries, transfer = description
    return {
        "colorspace": matrix,
        "color_primaries": primaries,
        "color_trc": transfer,
        "color_range": color_range,
    }


def bars(pix_fmt: str, full: bool, kr: float, kb: float, width: int = 256, height: int = 64) -> list[Any]:
    """Eight colour bars in the given matrix, one array a component; 4:2:0 or 4:4:4, 8 or 10 bits."""
    rgb = np.repeat(np.array(RGB_BARS, float) / 255, width // 8, axis=0)[None].repeat(height, 0)
    y = kr * rgb[..., 0] + (1 - kr - kb) * rgb[..., 1] + kb * rgb[..., 2]
    cb, cr = (rgb[..., 2] - y) / (2 * (1 - kb)), (rgb[..., 0] - y) / (2 * (1 - kr))
    deep = "10le" in pix_fmt
    unit, dtype = (4, np.uint16) if deep else (1, np.uint8)
    top = 1023 if deep else 255
    planes = (
        [y * top, (cb + 0.5) * top + 0.5, (cr + 0.5) * top + 0.5]
        if full
        else [(y * 219 + 16) * unit, (cb * 224 + 128) * unit, (cr * 224 + 128) * unit]
    )
    planes = [np.clip(np.round(p), 0, top).astype(dtype) for p in planes]
    return planes if "444" in pix_fmt else [planes[0], planes[1][::2, ::2], planes[2][::2, ::2]]


CASES = [
    (".mp4", "yuv420p", BT601, LIMITED, (0.299, 0.114)),
    (".mp4", "yuv420p", BT601, FULL, (0.299, 0.114)),
    (".mp4", "yuv420p", BT709, LIMITED, (0.2126, 0.0722)),
    (".mp4", "yuv444p", BT709, FULL, (0.2126, 0.0722)),
    (".mkv", "yuv420p10le", BT2020, LIMITED, (0.2627, 0.0593)),
    (".mkv", "yuv420p10le", PQ, LIMITED, (0.2627, 0.0593)),
    (".mkv", "yuv420p", UNSPECIFIED, 0, (0.299, 0.114)),
    (".mkv", "yuvj420p", UNSPECIFIED, FULL, (0.299, 0.114)),
]


@pytest.mark.parametrize(("suffix", "pix_fmt", "description", "span", "weights"), CASES)
def test_colour_bars_come_out_as_they_went_in(
    tmp_path: Path, suffix: str, pix_fmt: str, description: Any, span: int, weights: Any
) -> None:
    clip = Clip(width=256, height=64, pix_fmt=pix_fmt, time_base=Fraction(1, 1000), pts=(0, 40, 80))
    clip.tags, clip.options = tags(description, span), {"preset": "veryfast", "qp": "0"}
    planes = bars(pix_fmt, span == FULL, *weights)
    source = clip.write(tmp_path / f"in{suffix}", [planes] * 3)
    report = upscale(source, tmp_path / f"out{suffix}")
    before, after = decode(source)[1], decode(tmp_path / f"out{suffix}")[1]
    assert after.format.name == before.format.name
    for name in ("colorspace", "color_primaries", "color_trc", "color_range"):
        assert getattr(after, name) == getattr(before, name)
    assert after.colorspace == description[0]
    unit = 4 if "10le" in pix_fmt else 1
    for got, expected in zip(samples(after), planes, strict=True):
        bar = got.shape[1] // 8
        for index in range(8):  # the flat inner part of each bar
            inner = got[8:-8, index * bar + bar // 4 : (index + 1) * bar - bar // 4].astype(int)
            value = int(expected[0, index * expected.shape[1] // 8 + expected.shape[1] // 16])
            assert np.abs(inner - value).max() <= unit, (index, value, inner.min(), inner.max())
    assert report.warnings == []
    with av.open(str(tmp_path / f"out{suffix}")) as container:  # in the file's header too, not only in the frames
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == description


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9", "ffv1"])
def test_every_encoder_carries_the_tags(tmp_path: Path, codec: str) -> None:
    clip = Clip(time_base=Fraction(1, 1000), pts=(0, 40, 80, 120), tags=tags(BT709, LIMITED))
    source = clip.write(tmp_path / "in.mkv")
    upscale(source, tmp_path / "out.mkv", codec=codec)
    frame = decode(tmp_path / "out.mkv")[0]
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)


@pytest.mark.parametrize("name", ["webcam_yes.mkv", "vid4_city.mkv"])
def test_real_clips_keep_their_colours(tmp_path: Path, shared_data: Path, name: str) -> None:
    """The mean of every plane stays, and so do range and tags (the webcam is full range)."""
    source = shared_data / "clips" / name
    upscale(source, tmp_path / name, preset="ultrafast")
    before, after = decode(source), decode(tmp_path / name)
    assert len(before) == len(after)
    assert after[0].format.name == before[0].format.name
    assert after[0].color_range == before[0].color_range
    for a, b in zip(samples(before[3]), samples(after[3]), strict=True):
        assert b.mean() == pytest.approx(a.mean(), abs=0.5)
        assert int(b.max()) == pytest.approx(int(a.max()), abs=8)


@pytest.mark.parametrize(
    ("pix_fmt", "description", "span", "weights"),
    [
        ("yuv420p", BT601, LIMITED, (0.299, 0.114)),
        ("yuv420p", BT709, LIMITED, (0.2126, 0.0722)),
        ("yuvj420p", BT601, FULL, (0.299, 0.114)),
        ("yuv420p10le", BT2020, LIMITED, (0.2627, 0.0593)),
        ("yuv444p", BT709, FULL, (0.2126, 0.0722)),
    ],
)
def test_a_network_in_rgb_sees_true_colours_and_gives_them_back(
    tmp_path: Path, pix_fmt: str, description: Any, span: int, weights: Any
) -> None:
    clip = Clip(width=256, height=64, pix_fmt=pix_fmt, time_base=Fraction(1, 1000), pts=(0, 40, 80))
    clip.tags, clip.options = tags(description, span), {"preset": "veryfast", "qp": "0"}
    planes = bars(pix_fmt, span == FULL, *weights)
    source = clip.write(tmp_path / "in.mkv", [planes] * 3)
    seen = []

    class Watching(Repeat):
        def __call__(self, y: Any, bits: Any = None, out: Any = None) -> Any:
            seen.append(y.copy())
            return super().__call__(y, bits, out)

    upscale_video(source, tmp_path / "out.mkv", Watching(channels=3), lambda _: Repeat())
    unit = 257 if seen[0].dtype == np.uint16 else 1
    for index, colour in enumerate(RGB_BARS):
        inner = seen[0][16:-16, index * 32 + 10 : index * 32 + 22].astype(float) / unit
        assert np.abs(inner - colour).max() < 2.5, (index, colour, inner.mean((0, 1)))
    deep = 4 if "10le" in pix_fmt else 1
    for got, expected in zip(samples(decode(tmp_path / "out.mkv")[0]), planes, strict=True):
        bar = got.shape[1] // 8
        for index in range(8):
            inner = got[8:-8, index * bar + bar // 3 : (index + 1) * bar - bar // 3].astype(int)
            value = int(expected[0, index * expected.shape[1] // 8 + expected.shape[1] // 16])
            assert np.abs(inner - value).max() <= 2 * deep, (index, value, inner.min(), inner.max())


def test_light_levels_of_hdr10_are_carried(tmp_path: Path) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    clip = Clip(
        pix_fmt="yuv420p10le",
        codec="libx265",
        tags=tags(PQ, LIMITED),
        time_base=Fraction(1, 1000),
        pts=(0, 40, 80, 120),
    )
    clip.options = {"x265-params": f"log-level=none:master-display={display}:max-cll=1000,400"}
    source = clip.write(tmp_path / "in.mkv")
    for codec in ("h265", "h264"):
        upscale(source, tmp_path / f"{codec}.mkv", codec=codec)
        before, after = decode(source)[0].side_data, decode(tmp_path / f"{codec}.mkv")[0].side_data
        assert bytes(after["CONTENT_LIGHT_LEVEL"]) == bytes(before["CONTENT_LIGHT_LEVEL"])
        a = np.frombuffer(bytes(before["MASTERING_DISPLAY_METADATA"])[:80], np.int32).reshape(10, 2)
        b = np.frombuffer(bytes(after["MASTERING_DISPLAY_METADATA"])[:80], np.int32).reshape(10, 2)
        np.testing.assert_allclose(b[:, 0] / b[:, 1], a[:, 0] / a[:, 1])
    report = upscale(source, tmp_path / "ffv1.mkv", codec="ffv1")
    assert [text for text in report.warnings if "light levels" in text]


@pytest.mark.parametrize(
    ("suffix", "codec", "said"),
    [(".mpg", None, False), (".mkv", "mpeg2video", False), (".webm", "vp8", False), (".avi", "ffv1", False),
     (".avi", None, True), (".mkv", "ffv1", True), (".webm", "vp9", True), (".ts", None, True)],
)  # fmt: skip
def test_full_range_is_kept_or_named(tmp_path: Path, suffix: str, codec: str | None, said: bool) -> None:
    clip = Clip(pix_fmt="yuvj420p", tags={"color_range": FULL}, time_base=Fraction(1, 25), pts=range(3))
    source = clip.write(tmp_path / "in.mp4")
    report = upscale(source, tmp_path / f"out{suffix}", codec=codec)
    assert bool([text for text in report.warnings if "can't say that luma has its full range" in text]) == (not said)
    assert (int(decode(tmp_path / f"out{suffix}")[0].color_range) == FULL) == said
