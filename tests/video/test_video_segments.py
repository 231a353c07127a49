"""Long videos in segments: nothing is lost at the joints, and an interrupted run gives the same bytes."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clipmaker import Clip, Repeat, decode, samples, times, upscale

from pocketsr.errors import UserError
from pocketsr.report import Report
from pocketsr.video import VideoOptions
from pocketsr.video.segments import Listeners, is_segment_folder, plan_segments, upscale_in_segments
from pocketsr.video.segments import source as segment_source
from pocketsr.video.segments.keyframes import opens

LIMITS = {"long": 30, "least": 10}
FRAMES = 60


def clip(path: Path, setup: Any = None, **changes: Any) -> Path:
    options = {"preset": "ultrafast", "crf": "10", "g": "12", "bf": "2"}
    about: dict[str, Any] = {"pts": tuple(range(0, FRAMES * 512, 512)), "options": options}
    return Clip(**about | changes).write(path, setup=setup)


def segmented(source: Path, target: Path, listeners: Listeners | None = None, **options: Any) -> Report | None:
    return upscale_in_segments(
        source, target, Repeat(), lambda _: Repeat(), VideoOptions(**options), network="repeat", overwrite=True,
        listeners=listeners, **LIMITS,
    )  # fmt: skip


def same(a: Path, b: Path) -> bool:
    pairs = zip(decode(a), decode(b), strict=True)
    return all(np.array_equal(*both) for x, y in pairs for both in zip(samples(x), samples(y), strict=True))


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if is_segment_folder(path.name)]


@pytest.mark.parametrize(
    ("suffix", "gop", "step"),
    [
        *[("mp4", {}, 512), ("mov", {}, 700)],
        *[(suffix, {"x264-params": "open-gop=1"}, 512) for suffix in ("mkv", "ts", "mp4")],
    ],
)
def test_every_frame_is_what_one_pass_makes(tmp_path: Path, suffix: str, gop: dict[str, str], step: int) -> None:
    options = {"preset": "medium", "crf": "10", "g": "12", "bf": "2", "sc_threshold": "0", **gop}
    source = clip(tmp_path / f"in.{suffix}", options=options, pts=tuple(range(0, FRAMES * step, step)))
    plan = plan_segments(source, keep_clock=False, **LIMITS)
    assert plan is not None
    assert len(plan.sections) >= 4
    assert sum(section.frames for section in plan.sections) == plan.packets == FRAMES
    done = segmented(source, tmp_path / "out.mkv", codec="ffv1")
    one = upscale(source, tmp_path / "one.mkv", codec="ffv1")
    assert done is not None
    assert (done.frames, done.replaced, kept(tmp_path)) == (FRAMES, 0, [])
    assert [line.replace("out.mkv", "one.mkv") for line in done.warnings] == one.warnings
    assert times(tmp_path / "out.mkv") == times(tmp_path / "one.mkv")
    assert same(tmp_path / "out.mkv", tmp_path / "one.mkv")


def test_hevc_with_pictures_before_their_key_frame(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "x265-params": "log-level=none:keyint=12:min-keyint=12:open-gop=1:bframes=3"}
    source = clip(tmp_path / "in.mkv", codec="libx265", options=options)
    plan = plan_segments(source, keep_clock=False, **LIMITS)
    assert plan is not None
    assert any(a.last > b.first for a, b in zip(plan.sections, plan.sections[1:], strict=False) if a.last is not None)
    segmented(source, tmp_path / "out.mkv", codec="ffv1")
    upscale(source, tmp_path / "one.mkv", codec="ffv1")
    assert same(tmp_path / "out.mkv", tmp_path / "one.mkv")


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        *[("h264", suffix) for suffix in ("mp4", "mov", "mkv", "ts", "avi")],
        *[("h265", "mp4"), ("vp9", "webm"), ("vp8", "webm"), ("av1", "mp4"), ("mpeg4", "avi"), ("mpeg2video", "ts")],
        *[("mjpeg", "mov"), ("libx264rgb", "mkv")],
    ],
)
def test_containers_and_encoders_join(tmp_path: Path, codec: str, suffix: str) -> None:
    own = {"libx264rgb": ("libx264rgb", "rgb24"), "mjpeg": ("libx264", "yuvj420p")}
    encoder, pix_fmt = own.get(codec, ("libx264", "yuv420p"))
    source = clip(tmp_path / "in.mkv", codec=encoder, pix_fmt=pix_fmt)
    done = segmented(source, tmp_path / f"out.{suffix}", codec=codec)
    assert done is not None
    upscale(source, tmp_path / f"one.{suffix}", codec=codec)
    out = decode(tmp_path / f"out.{suffix}")
    assert len(out) == FRAMES
    assert times(tmp_path / f"out.{suffix}") == times(tmp_path / f"one.{suffix}")
    for a, b in zip(out, decode(tmp_path / f"one.{suffix}"), strict=True):  # what either encoder left of one picture
        assert max(np.abs(x.astype(int) - y).mean() for x, y in zip(samples(a), samples(b), strict=True)) < 4


class Stop(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("at", [13, 30, FRAMES - 1])
def test_the_same_bytes_wherever_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, at: int
) -> None:
    monkeypatch.setattr(segment_source, "_WORTH_A_SEEK", 5)
    source, target = clip(tmp_path / f"in.{suffix}"), tmp_path / f"out.{suffix}"
    segmented(source, target)
    whole = target.read_bytes()
    target.unlink()

    def stop(done: int, _: int | None) -> None:
        if done >= at:
            raise Stop

    with pytest.raises(Stop) as stopped:
        segmented(source, target, Listeners(progress=stop))
    assert not target.exists()
    (folder,) = kept(tmp_path)
    assert len(stopped.value.__notes__) == 1
    assert str(folder) in stopped.value.__notes__[0]
    said: list[str] = []
    progress: list[int] = []
    done = segmented(source, target, Listeners(progress=lambda count, _: progress.append(count), resume=said.append))
    assert done is not None
    assert done.frames == FRAMES
    assert len(said) == 1
    assert said[0].startswith("going on: ")
    assert len(progress) < FRAMES
    assert progress[-1:] in ([FRAMES], [])
    assert target.read_bytes() == whole
    assert kept(tmp_path) == []


def interrupted(source: Path, target: Path, **options: Any) -> Path:
    def stop(done: int, _: int | None) -> None:
        if done >= 40:
            raise Stop

    with pytest.raises(Stop):
        segmented(source, target, Listeners(progress=stop), **options)
    (folder,) = kept(target.parent)
    return folder


@pytest.mark.parametrize("change", ["input", "time", "option"])
def test_another_input_or_option_begins_anew(tmp_path: Path, change: str) -> None:
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    interrupted(source, target)
    if change == "input":
        clip(source, options={"preset": "ultrafast", "crf": "30", "g": "12"})
    elif change == "time":
        os.utime(source, (1, 1))
    said: list[str] = []
    segmented(source, target, Listeners(resume=said.append), **({"crf": 30} if change == "option" else {}))
    assert [line.split(":")[-1] for line in said] == [" beginning anew"]
    assert len(decode(target)) == FRAMES


def test_a_damaged_segment_is_made_again(tmp_path: Path) -> None:
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    segmented(source, target)
    whole = target.read_bytes()
    folder = interrupted(source, target)
    first, *_ = sorted(folder.glob("*.segment"))
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    segmented(source, target)
    assert target.read_bytes() == whole


def test_one_process_at_a_time(tmp_path: Path) -> None:
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    refused: list[str] = []

    def again(done: int, _: int | None) -> None:
        if done == 20:
            with pytest.raises(UserError) as error:
                segmented(source, target)
            refused.append(str(error.value))

    segmented(source, target, Listeners(progress=again))
    assert len(refused) == 1
    assert "another pocketsr is making it" in refused[0]


def test_a_folder_of_somebody_elses_is_not_read(tmp_path: Path) -> None:
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    folder = interrupted(source, target)
    folder.chmod(0o777)
    with pytest.raises(UserError, match="not a folder of yours alone"):
        segmented(source, target)
    folder.chmod(0o700)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="not a folder of yours alone"):
        segmented(source, target)


def test_sound_is_copied_once(tmp_path: Path) -> None:
    def with_sound(container: Any, _: Any) -> Any:
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")

        def packets(index: int) -> list[Any]:
            frame = av.AudioFrame.from_ndarray(np.full((1, 320), index, np.int16), layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 8000, 320 * index, Fraction(1, 8000)
            return list(sound.encode(frame))

        return packets

    source, target = clip(tmp_path / "in.mkv", setup=with_sound), tmp_path / "out.mkv"
    interrupted(source, target)
    segmented(source, target)
    data = []
    for path in (source, target):
        with av.open(str(path)) as container:
            data.append([(p.pts, bytes(p)) for p in container.demux(audio=0) if p.size])
    assert len(data[0]) >= FRAMES
    assert data[0] == data[1]


def test_what_is_short_or_has_no_times_is_left_to_one_pass(tmp_path: Path) -> None:
    assert plan_segments(clip(tmp_path / "a.mp4"), keep_clock=False) is None
    assert plan_segments(clip(tmp_path / "b.avi", codec="mpeg4", options={}), keep_clock=False, **LIMITS) is None
    one_key = clip(tmp_path / "c.mp4", options={"preset": "ultrafast", "g": "999"})
    assert plan_segments(one_key, keep_clock=False, **LIMITS) is None
    assert segmented(one_key, tmp_path / "out.mp4") is None
    assert segmented(clip(tmp_path / "d.mkv"), tmp_path / "out.nut") is None
    assert not (tmp_path / "out.nut").exists()


def test_intra_refresh_is_no_key_frame() -> None:
    def packet(data: bytes) -> Any:
        made = av.Packet(data)
        made.is_keyframe = True
        return made

    start = b"\0\0\0\1"
    assert opens("h264", packet(start + b"\x09\x10" + start + b"\x65rest"), None)
    assert opens("h264", packet(start + b"\x06\x06\x01\xc4\x80" + start + b"\x41rest"), None)  # count 0, exact
    assert not opens("h264", packet(start + b"\x06\x06\x01\x84\x80" + start + b"\x41rest"), None)  # count 0, not exact
    assert not opens("h264", packet(start + b"\x06\x06\x01\x54\x80" + start + b"\x41rest"), None)  # some frames later
    assert not opens("h264", packet(start + b"\x41rest"), None)
    avcc = b"\x01\x42\x00\x0a\xff\xe1"
    assert opens("h264", packet(b"\0\0\0\2\x09\x10\0\0\0\3\x65ab"), avcc)
    assert not opens("h264", packet(b"\0\0\0\3\x41ab"), avcc)
    assert not opens("h264", packet(b"\xff\xff\xff\xff\x65"), None)
    assert not opens("unheard of", packet(b"abc"), None)
