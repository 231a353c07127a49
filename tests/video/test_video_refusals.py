"""A user's mistakes: one clear line, before the work where that is possible."""

from __future__ import annotations

import os
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from clipmaker import Clip, Repeat, decode, run_apart, upscale

from pocketsr.errors import UserError
from pocketsr.video import VideoOptions, upscale_video


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip().write(tmp_path / "in.mp4")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_missing_folder_empty_and_text(tmp_path: Path) -> None:
    for name, content in (
        ("empty.mp4", b""),
        ("text.mp4", b"hello, this is no video\n" * 40),
        ("noise.mkv", random.Random(1).randbytes(9000)),
    ):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.mp4").mkdir()
    before = names(tmp_path)
    for name, reason in (
        ("none.mp4", "does not exist"),
        ("folder.mp4", "is a folder: name a video file in it"),
        ("empty.mp4", "is empty"),
        ("text.mp4", "is not a video that can be read"),
        ("noise.mkv", "is not a video that can be read"),
    ):
        with pytest.raises(UserError, match=reason) as caught:
            upscale(tmp_path / name, tmp_path / "out.mp4")
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert names(tmp_path) == before


def test_a_file_without_video(tmp_path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(UserError, match="holds no video stream"):
        upscale(tmp_path / "sound.mp4", tmp_path / "out.mp4")


@pytest.mark.parametrize("codec", ["mpeg2video", "libx264"])
def test_interlaced_input_is_upscaled_with_a_line_that_says_so(tmp_path: Path, codec: str) -> None:
    import av

    source = Clip(codec=codec, options={"x264-params": "tff=1"} if codec == "libx264" else {}, rate=Fraction(25))
    source.time_base, source.pts = Fraction(1, 25), range(6)
    flags = av.codec.context.Flags
    source.tags = {"flags": flags.interlaced_dct.value | flags.interlaced_me.value}
    if codec == "mpeg2video":
        source.tags["field_order"] = 2
    path = source.write(tmp_path / "in.mkv")
    said: list[str] = []
    report = upscale(path, tmp_path / "out.mkv", on_warning=said.append)
    assert report.frames == 6
    assert any("in.mkv is interlaced, and its frames are upscaled as they are: --deinterlace" in line for line in said)
    assert names(tmp_path) == ["in.mkv", "out.mkv"]


def test_same_file_in_and_out(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "soft.mp4").symlink_to(clip)
    os.link(clip, tmp_path / "hard.mp4")
    content = clip.read_bytes()
    for target in (clip, tmp_path / "soft.mp4", tmp_path / "hard.mp4", tmp_path / "." / "in.mp4"):
        with pytest.raises(UserError, match="is the input itself"):
            upscale(clip, target, overwrite=True)
    assert clip.read_bytes() == content
    assert names(tmp_path) == ["hard.mp4", "in.mp4", "soft.mp4"]


def test_outputs_that_can_not_be_written(tmp_path: Path, clip: Path) -> None:
    for target, reason in (
        (tmp_path, "is a folder: name the file to write"),
        (tmp_path / "none" / "out.mp4", "there is no folder"),
        (clip / "out.mp4", "there is no folder"),
        (Path("/dev/null"), "is not a plain file"),
        (Path("/proc/pocketsr.mp4"), "can't be written"),
        (tmp_path / "out.xyz", r"no video format is known by the suffix '\.xyz'"),
        (tmp_path / "out", "no video format is known by the suffix ''"),
        (tmp_path / "out.png", "is an image, the input a video"),
        (tmp_path / "out.m3u8", "would be several files"),
        (tmp_path / "out.mpd", "would be several files"),
    ):
        with pytest.raises(UserError, match=reason):
            upscale(clip, target, overwrite=True)
    assert names(tmp_path) == ["in.mp4"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path, clip: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    with pytest.raises(UserError, match="can't be written: Permission denied"):
        upscale(clip, folder / "out.mp4")


@pytest.mark.parametrize(
    ("suffix", "options", "reason"),
    [
        (".mp4", {"codec": "foo"}, "--codec foo is not known; there are h264, h265, av1, vp9"),
        (".mp4", {"codec": "aac"}, "--codec aac is not a video encoder"),
        (".mp4", {"preset": "quick"}, "libx264 has no preset 'quick'; it has ultrafast"),
        (".mp4", {"crf": 99}, r"--crf 99 is out of range for libx264: 0 \(best\) to 51"),
        (".mp4", {"crf": -1}, "out of range"),
        (".mkv", {"codec": "ffv1", "crf": 3}, "means nothing to ffv1"),
        (".mkv", {"codec": "ffv1", "preset": "fast"}, "means nothing to ffv1"),
        (
            ".webm",
            {"codec": "h264"},
            r"webm can't hold libx264: choose --codec av1 or vp9, or write to \.mkv",
        ),
        (".mp4", {"codec": "av1", "crf": 20.5}, "integers"),
        (".mp4", {"codec": "av1", "preset": "medium"}, "libsvtav1 has no preset 'medium'; it has -1, 0"),
        (".gif", {}, "none of our encoders puts yuv420p into gif"),
        (".mkv", {"codec": "libx264rgb"}, "libx264rgb can't hold yuv420p; it takes"),
        (".mp4", {"codec": "h264_nvenc"}, "h264_nvenc"),
    ],
)
def test_settings_that_do_not_fit(
    tmp_path: Path, clip: Path, suffix: str, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        upscale(clip, tmp_path / f"out{suffix}", **options)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["in.mp4"]


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "libvpx", "prores_ks"])
def test_other_encoders_can_be_named(tmp_path: Path, codec: str) -> None:
    pix_fmt = {"prores_ks": "yuv422p10le", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
    source = Clip(
        width=66,
        height=38,
        pix_fmt=pix_fmt,
        time_base=Fraction(1, 25),
        pts=range(5),
        codec="ffv1",
        options={},
    )
    if pix_fmt.startswith("yuvj"):
        source.pix_fmt, source.tags = "yuv420p", {"color_range": 2}
    path = source.write(tmp_path / "in.mkv")
    upscale(path, tmp_path / "out.mkv", codec=codec)
    frames = decode(tmp_path / "out.mkv")
    assert len(frames) == 5
    assert frames[0].format.name == pix_fmt


def test_networks_of_two_scales(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(UserError, match="must agree"):
        upscale_video(clip, tmp_path / "out.mp4", Repeat(2), lambda _: Repeat(3))
    assert names(tmp_path) == ["in.mp4"]


def test_nothing_is_written_to_standard_error(tmp_path: Path) -> None:
    """FFmpeg, x264, x265 and SVT-AV1 would all like to."""
    source = Clip(time_base=Fraction(1, 1000), pts=range(0, 400, 40)).write(tmp_path / "in.mkv")
    source.write_bytes(source.read_bytes()[:-3000])
    code = (
        "import pathlib\nfrom clipmaker import upscale\n"
        "for codec in ('h264', 'h265', 'av1', 'vp9', 'ffv1'):\n"
        "    upscale(pathlib.Path('in.mkv'), pathlib.Path(codec + '.mkv'), codec=codec)\n"
    )
    done = run_apart(code, tmp_path)
    assert done.returncode == 0
    assert done.stdout == b""
    assert done.stderr == b""


def test_options_are_frozen() -> None:
    with pytest.raises(AttributeError):
        VideoOptions().crf = 3.0  # type: ignore[misc]


def test_what_the_encoder_complains_of_is_told(tmp_path: Path) -> None:
    """MPEG-2 has a list of frame rates."""
    about = {"codec": "ffv1", "options": {}, "time_base": Fraction(1, 7), "rate": Fraction(7), "pts": (0, 1)}
    source = Clip(width=32, height=16, **about).write(tmp_path / "in.mkv")
    with pytest.raises(UserError, match=r"can't be set up \(MPEG-1/2 does not support 7/1 fps\): choose"):
        upscale(source, tmp_path / "out.mkv", codec="mpeg2video")
    assert names(tmp_path) == ["in.mkv"]


def test_half_a_chroma_sample_is_refused_where_the_encoder_takes_none(tmp_path: Path) -> None:
    """x264 takes 4:2:0 in even sizes only, and 3 x 33 is odd; FFV1 takes any."""
    source = Clip(width=33, height=17, codec="ffv1", options={}, time_base=Fraction(1, 25), pts=(0, 1)).write(
        tmp_path / "in.mkv"
    )
    with pytest.raises(UserError, match=r"libx264 takes no yuv420p of 99x51 \(odd\): ask for 98x50"):
        upscale(source, tmp_path / "out.mp4", scale=3, codec="h264")
    assert names(tmp_path) == ["in.mkv"]
    assert upscale(source, tmp_path / "out.mkv", scale=3, codec="ffv1").size == (99, 51)
