"""Figures on video as calls send it: each step on a small clip, means by hand, mistakes in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import record_call
from av.video.frame import VideoFrame
from record_call import as_table

from pocketsr.bench import call
from pocketsr.bench.vmaf import find_ffmpeg, vmaf
from pocketsr.cli import main
from pocketsr.data import Clip, CodecSetting, send_clip
from pocketsr.errors import UserError
from pocketsr.pixels import imresize, psnr, ssim

_FRAMES = 8


class Fake:
    """A luma network that enlarges by bicubic."""

    scale, channels, edge_halo = 2, 1, 0

    def __call__(self, y: np.ndarray) -> np.ndarray:
        return imresize(y, 2)


def _frames(height: int, width: int, count: int = _FRAMES) -> list[np.ndarray]:
    """Textured luma that moves by a pixel a frame."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(40, 200, (height // 4 + count, width // 4 + count))
    photo = np.clip(imresize(coarse, 4) + rng.normal(0, 4, (4 * coarse.shape[0], 4 * coarse.shape[1])), 16, 235)
    return [photo[k : k + height, k : k + width].astype(np.uint8) for k in range(count)]


def _write(path: Path, frames: list[np.ndarray], fps: int = 25) -> None:
    """Lossless studio luma with grey chroma."""
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(fps))
        stream.height, stream.width = frames[0].shape
        stream.pix_fmt, stream.codec_context.color_range = "yuv420p", 1
        for luma in frames:
            chroma = np.full((-(-luma.shape[0] // 2), -(-luma.shape[1] // 2)), 128, np.uint8)
            frame = VideoFrame(luma.shape[1], luma.shape[0], "yuv420p")
            for plane, values in zip(frame.planes, (luma, chroma, chroma), strict=True):
                rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
                rows[:, : plane.width] = values
            frame.color_range = 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def ffmpeg() -> str:
    try:
        return find_ffmpeg()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def rows() -> list[call.Row]:
    """Both codecs at a poor and a good rate, through two networks that are one."""
    clip = Clip("one", _frames(144, 192), 25.0)
    nets = {"bicubic": Fake(), "same": Fake()}
    return list(call.measure_clip(clip, nets, codecs=("h264", "vp9"), rates_kbps=(300, 6000), ffmpeg=None))


def test_there_is_a_row_for_each_codec_rate_and_network(rows: list[call.Row]) -> None:
    assert [(row.codec, row.rate_kbps, row.model) for row in rows] == [
        (codec, rate, model) for codec in ("h264", "vp9") for rate in (300, 6000) for model in ("bicubic", "same")
    ]
    # LR is 96x72, 3 % of 640x360: 300 * 0.03 and 6000 * 0.03 kbit/s
    assert {row.rate_kbps: row.asked_kbps for row in rows} == {300: 9, 6000: 180}
    assert all(row.clip == "one" and (row.vmaf, row.vmaf_neg) == (None, None) and row.sent_kbps > 0 for row in rows)


def test_networks_see_the_same_frames(rows: list[call.Row]) -> None:
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert replace(second, model="bicubic") == first


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_fewer_bits_give_a_worse_picture(rows: list[call.Row], codec: str) -> None:
    poor, good = (row for row in rows if row.codec == codec and row.model == "bicubic")
    assert poor.sent_kbps < good.sent_kbps
    assert poor.psnr_db + 1 < good.psnr_db
    assert poor.ssim < good.ssim


def test_a_row_by_the_protocol_step_by_step(rows: list[call.Row]) -> None:
    hr = _frames(144, 192)
    received, sent_kbps = send_clip([imresize(frame, 0.5) for frame in hr], CodecSetting("h264", 9, 25.0, 300))
    large = [imresize(frame, 2) for frame in received]
    shaved = [(a[2:-2, 2:-2], b[2:-2, 2:-2]) for a, b in zip(large, hr, strict=True)]
    row = rows[0]
    assert row.psnr_db == pytest.approx(np.mean([psnr(*two) for two in shaved]), abs=1e-9)
    assert row.ssim == pytest.approx(np.mean([ssim(*shaved[k]) for k in (0, 5)]), abs=1e-9)  # every fifth frame
    assert row.sent_kbps == sent_kbps


def test_what_is_sent_is_measured() -> None:
    """8 frames at 25 a second last 0.32 s; at 12.5 a second, the same bytes would be half the rate."""
    frames = _frames(72, 96)
    sent = [send_clip(frames, CodecSetting("h264", 100, fps, 300))[1] for fps in (25.0, 12.5)]
    assert 20 < sent[0] < 400  # the key frame alone may take more than its share of 0.32 s
    assert sent[1] < sent[0]


def test_means_count_each_clip_the_same(rows: list[call.Row]) -> None:
    base = replace(rows[0], codec="vp9", rate_kbps=150, model="m")
    first = replace(base, clip="a", psnr_db=30.0, ssim=0.9, vmaf=60.0, vmaf_neg=50.0)
    second = replace(base, clip="b", psnr_db=34.0, ssim=0.7, vmaf=80.0, vmaf_neg=60.0)
    other = replace(base, clip="a", model="n", psnr_db=20.0, ssim=0.5, vmaf=None)
    mean, apart = call.mean_over_clips([first, other, second])
    assert (mean.codec, mean.rate_kbps, mean.model, mean.clips) == ("vp9", 150, "m", 2)
    assert (mean.psnr_db, mean.ssim, mean.vmaf, mean.vmaf_neg) == pytest.approx((32.0, 0.8, 70.0, 55.0))
    assert (apart.model, apart.clips, apart.psnr_db, apart.vmaf) == ("n", 1, 20.0, None)


def test_hr_is_cropped_to_even_sides_and_to_its_first_frames(tmp_path: Path) -> None:
    frames = _frames(49, 51, 70)
    _write(tmp_path / "odd.mkv", frames, fps=10)
    clip = call.read_hr(tmp_path / "odd.mkv")
    assert (clip.name, clip.fps, len(clip.frames)) == ("odd", 10.0, 60)
    np.testing.assert_array_equal(clip.frames, [frame[:48, :50] for frame in frames[:60]])


def test_a_clip_that_is_too_small_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "dot.mkv", _frames(14, 32, 1))
    with pytest.raises(UserError, match="is 32x14: too small to measure, 16x16 is the least"):
        call.read_hr(tmp_path / "dot.mkv")


def test_networks_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rgb(Fake):
        channels = 3

    monkeypatch.setattr("pocketsr.engine.load", lambda _: Rgb())
    with pytest.raises(UserError, match="model 'bicubic' is x2 with 3 channels"):
        call.load_networks()


def test_the_verb_prints_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "one.mkv", _frames(48, 64))
    monkeypatch.setattr(call, "load_networks", lambda _: {"bicubic": Fake()})
    monkeypatch.setattr(call, "CODECS", ("h264",))
    assert main(["bench", "call", "--data", str(tmp_path), "--clips", "one", "--no-vmaf", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"rows", "means"}
    for kind, of in (("rows", call.Row), ("means", call.Mean)):
        assert all(set(entry) == set(of.__dataclass_fields__) for entry in report[kind])
    assert [entry["rate_kbps"] for entry in report["means"]] == [150, 300, 600]
    for row, mean in zip(report["rows"], report["means"], strict=True):  # one clip: its own mean
        assert (row["psnr_db"], row["ssim"], row["vmaf"]) == (mean["psnr_db"], mean["ssim"], None)


def test_a_clip_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path / "one.mkv", _frames(48, 64, 1))
    assert main(["bench", "call", "--data", str(tmp_path), "--clips", "two", "--no-vmaf"]) == 2
    assert f"no clip 'two' in {tmp_path}: it holds one; name some with --clips" in capsys.readouterr().err


def test_vmaf_of_identical_frames_is_high_and_noise_lowers_it(ffmpeg: str) -> None:
    frames = _frames(96, 128)
    noise = np.random.default_rng(1).normal(0, 30, frames[0].shape)
    noisy = [np.clip(frame + noise, 0, 255).astype(np.uint8) for frame in frames]
    same = vmaf(ffmpeg, frames, frames)
    assert same > 95
    assert vmaf(ffmpeg, noisy, frames) < same - 10


def test_without_an_ffmpeg_vmaf_says_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketsr.bench.vmaf._packaged", lambda: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UserError, match=r"there is no ffmpeg: pip install 'pocketsr\[call\]', or .*--no-vmaf"):
        find_ffmpeg()


def test_an_ffmpeg_that_fails_is_quoted(tmp_path: Path) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho no such model >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(UserError, match=r"can't compute VMAF .no such model.:"):
        vmaf(str(broken), _frames(16, 16, 1), _frames(16, 16, 1))


def test_the_table_has_a_row_for_each_codec_and_rate() -> None:
    mean = {"codec": "av1", "rate_kbps": 150, "model": "one", "clips": 4, "psnr_db": 30.126, "ssim": 0.9}
    mean |= {"vmaf": 50.0, "vmaf_neg": 48.0}
    better = mean | {"model": "two", "psnr_db": 31.0, "ssim": 0.89, "vmaf": None, "vmaf_neg": None}
    lines = as_table([mean, better]).splitlines()
    assert "means over 4 clips" in lines[0]
    assert lines[2:] == [
        "| codec | kbit/s | one | two |",
        "|---|--:|---|---|",
        "| av1 | 150 | 30.13 / **0.9000** / **50.0** / **48.0** | **31.00** / 0.8900 |",
    ]


def test_rows_are_plain_values(rows: list[call.Row]) -> None:
    assert json.loads(json.dumps([asdict(row) for row in rows])) == [asdict(row) for row in rows]


def test_a_recording_goes_on_behind_its_last_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each clip is measured once, and again where a network changed meanwhile."""
    asked: list[str] = []

    def recorded(bench: list[str], models: list[str], command: str) -> dict[str, Any]:
        asked.append(bench[bench.index("--clips") + 1])
        if len(asked) == 2:
            raise KeyboardInterrupt
        row = call.Row(asked[-1], "av1", 150, 150, 149.0, models[0], 30.0 + len(asked[-1]), 0.9, 60.0, 50.0)
        rows = [asdict(replace(row, model=model)) for model in dict.fromkeys((*models, "bicubic"))]  # as the bench does
        return {"machine": {}, "command": command, "networks": own(models), "rows": rows, "means": []}

    def own(models: Sequence[str]) -> dict[str, str]:
        return {model: known[model] for model in models}

    known = {"bicubic": "1", "tiny": "1"}
    monkeypatch.setattr(record_call, "recorded", recorded)
    monkeypatch.setattr(record_call, "digests", own)
    monkeypatch.setattr(record_call, "HELD_OUT", ("a", "bbb"))
    for name in ("KEPT", "RESULTS", "TABLE"):
        monkeypatch.setattr(record_call, name, tmp_path / name)
    with pytest.raises(KeyboardInterrupt):
        record_call.record("clips", ["bicubic"])
    record_call.record("clips", ["bicubic"])
    assert asked == ["a", "bbb", "bbb"]
    (mean,) = json.loads((tmp_path / "RESULTS").read_text())["means"]
    assert (mean["clips"], mean["psnr_db"], mean["vmaf_neg"]) == (2, 32.0, 50.0)
    known["bicubic"] = "2"
    record_call.record("clips", ["bicubic"])
    assert asked[3:] == ["a", "bbb"]
    record_call.record("clips", ["bicubic", "tiny"])
    assert asked[5:] == ["a", "bbb"]  # the new network alone
    assert [mean["model"] for mean in json.loads((tmp_path / "RESULTS").read_text())["means"]] == ["bicubic", "tiny"]
