"""`bench codec` on clips that are made here, and its parts by hand: curves that are known, sizes, the journal."""

from __future__ import annotations

import builtins
import json
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from pocketsr.bench.codec import Bd, Row
from pocketsr.bench.codec_clip import luma, read_footage, sent_size, shrunk
from pocketsr.bench.codec_curve import compare
from pocketsr.bench.codec_journal import Journal
from pocketsr.bench.codec_paths import Enlarger, make_paths
from pocketsr.bench.codec_paths import Path as Way
from pocketsr.cli import main
from pocketsr.errors import UserError
from pocketsr.pixels import imresize

KEYS = [
    "clip", "codec", "path", "kbit_per_s", "bpp", "psnr_db", "ssim", "vmaf", "vmaf_neg",
    "encode_ms", "decode_ms", "sr_ms",
]  # fmt: skip


def _write(path: Path, width: int, height: int, count: int, pix_fmt: str = "yuv420p", full: bool = False) -> Path:
    """A textured picture that moves, lossless."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (height // 8 + count + 1, width // 8 + count + 1, 3))
    photo = np.clip(imresize(coarse, 8) + rng.normal(0, 3, 3), 0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.color_range = 2 if full else 1
        for k in range(count):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(photo[2 * k :, 2 * k :][:height, :width]), "rgb24")
            made = frame.reformat(format=pix_fmt, dst_color_range=2 if full else 1)
            made.color_range = 2 if full else 1
            container.mux(stream.encode(made))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("clips") / "moves.mkv", 162, 130, 6)


def _bench(capsys: pytest.CaptureFixture[str], *options: object) -> dict[str, Any]:
    pytest.importorskip("bjontegaard")
    assert main(["bench", "codec", *map(str, options), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_rows_and_bd_have_the_keys_that_were_asked_for(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--codecs", "h264,av1", "--rates", "0.1,0.2,0.4,0.8", "-m", "tiny", "--no-vmaf", "--up-to", "1")
    report = _bench(capsys, clip, *options)
    rows, bd = report["rows"], report["bd"]
    paths = ["native", "1.5x bicubic", "1.5x tiny", "2x bicubic", "2x tiny"]
    assert [list(row) for row in rows] == [KEYS] * len(rows)
    assert [row["path"] for row in rows] == paths * 8
    assert [row["codec"] for row in rows] == ["h264"] * 20 + ["av1"] * 20
    for row in rows:
        # 160x128 at 25 frames a second: bits are those of the packets
        assert row["kbit_per_s"] == pytest.approx(row["bpp"] * 160 * 128 * 25 / 1000, rel=2e-3)
        assert row["vmaf"] is None is row["vmaf_neg"]
        assert 15 < row["psnr_db"] < 60
        assert 0 < row["ssim"] <= 1
        assert (row["sr_ms"] == 0) == (row["path"] == "native")
        assert row["encode_ms"] > 0 < row["decode_ms"]
    for scale in ("1.5x", "2x"):  # one stream for all networks
        assert len({row["bpp"] for row in rows if row["path"].startswith(scale)}) == 8
    assert {(each["codec"], each["path"], each["metric"]) for each in bd} == {
        (codec, path, metric) for codec in ("h264", "av1") for path in paths[1:] for metric in ("psnr", "ssim")
    }
    for each in bd:
        assert list(each)[:6] == ["clip", "codec", "path", "metric", "bd_rate_percent", "crossover_bpp"]
        assert ("reason" in each) == (each["bd_rate_percent"] is None)
        assert ("beyond" in each) <= (each["crossover_bpp"] is None)


def test_the_settings_tell_all_that_encoders_were_told(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = _bench(capsys, clip, "--codecs", "vp9", "--rates", "0.2", "-m", "tiny", "--no-vmaf")["settings"]
    (native, middle, half) = settings["encodings"]
    assert [each["size"] for each in (native, middle, half)] == ["160x128", "106x86", "80x64"]
    assert half["options"] == {
        "deadline": "realtime", "cpu-used": "7", "lag-in-frames": "0",
        "minrate": "102000", "maxrate": "102000", "bufsize": "102000",
    }  # fmt: skip
    assert (half["bit_rate_kbps"], half["encoder"], half["keyframe_interval"]) == (102, "libvpx-vp9", 300)
    assert settings["bd"]["method"] == "pchip"
    assert list(settings["networks"]) == ["bicubic", "tiny"]
    assert settings["clips"]["moves"]["frames"] == 6
    assert len(settings["clips"]["moves"]["sha256"]) == 64


def test_what_was_measured_is_not_measured_again(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pocketsr.bench import codec

    out = tmp_path / "made" / "here"
    options = (clip, "--codecs", "h264", "--rates", "0.1,0.2,0.4", "-m", "tiny", "--no-vmaf", "--correction", "-o", out)
    first = _bench(capsys, *options)
    assert json.loads((out / "codec.json").read_text()) == first
    page = (out / "codec.html").read_text()
    assert page.count("data:image/webp") == 6  # of one rate, a picture a path
    assert "<svg" in page
    assert "2x tiny + correction" in page
    assert not re.search(r'(src|href)="(?!data:|#)|url\((?!#)|@import', page)  # nothing is loaded
    lines = (out / "measured.jsonl").read_text().splitlines()
    assert len(lines) == 18
    # Killed while it wrote the last line but one: that alone is measured again
    (out / "measured.jsonl").write_text("\n".join([*lines[:16], lines[16][:50]]))
    coded = []
    plain = codec.encode
    monkeypatch.setattr(codec, "encode", lambda *given: coded.append(given) or plain(*given))
    again = _bench(capsys, *options)
    assert len(coded) == 1
    for key in ("bpp", "psnr_db", "ssim"):
        assert [row[key] for row in again["rows"]] == [row[key] for row in first["rows"]]
    assert again["bd"] == first["bd"]
    assert again["rows"][:15] == first["rows"][:15]  # times too
    _bench(capsys, *options)
    assert len(coded) == 1


def test_a_corrected_path_pays_for_its_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = _write(tmp_path / "longer.mkv", 160, 128, 20)  # the sender measures every fifth frame, and waits for three
    rows = _bench(capsys, clip, "--codecs", "h264,vp9", "--rates", "0.3", "-m", "tiny", "--no-vmaf", "--correction")[
        "rows"
    ]
    for codec in ("h264", "vp9"):
        plain, made = (
            next(row for row in rows if row["codec"] == codec and row["path"] == path)
            for path in ("2x tiny", "2x tiny + correction")
        )
        assert made["bpp"] > plain["bpp"]
        assert made["psnr_db"] > plain["psnr_db"]
        assert made["encode_ms"] > plain["encode_ms"]
        assert made["sr_ms"] > plain["sr_ms"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--codecs", "mpeg"], "one or more of h264"),
        (["--codecs", ","], "one or more of h264"),
        (["--rates", "many"], "bits per full-size pixel"),
        (["--rates", "0"], "bits per full-size pixel"),
        (["--rates", "nan"], "bits per full-size pixel"),
        (["--rates", "300"], "bits per full-size pixel"),
        (["--frames", "1"], "2 to 3000"),
        (["--up-to", "-1"], "--up-to"),
        (["-m", "smal"], "unknown model"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: list[str], said: str, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("bjontegaard")
    assert main(["bench", "codec", str(clip), "--no-vmaf", *options]) == 2
    assert said in capsys.readouterr().err


def test_clips_that_can_not_be_used_are_named(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bjontegaard")
    text, other = tmp_path / "text.mkv", tmp_path / "moves.mp4"
    text.write_text("no video")
    other.write_bytes(clip.read_bytes())
    small = _write(tmp_path / "small.mkv", 60, 96, 3)
    still = _write(tmp_path / "still.mkv", 64, 64, 1)
    for paths, said in (
        ([tmp_path / "none.mkv"], "no such file"),
        ([text], "can't be read as a video"),
        ([small], "60x96: too small"),
        ([still], "1 frames"),
        ([clip, other], "would both be 'moves'"),
    ):
        assert main(["bench", "codec", *map(str, paths), "--no-vmaf", "--codecs", "h264"]) == 2
        assert said in capsys.readouterr().err


def test_without_the_package_one_line_says_what_to_install(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "bjontegaard":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return plain(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["bench", "codec", str(clip), "--no-vmaf"]) == 2
    assert "pip install 'pocketsr[codec]'" in capsys.readouterr().err


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv422p10le", "bgr0"])
def test_clips_become_studio_range_whatever_they_are(pix_fmt: str, tmp_path: Path) -> None:
    made = read_footage(_write(tmp_path / "clip.mkv", 103, 71, 2, pix_fmt), 9)
    assert made.size == (100, 68)
    assert [picture.shape for picture in made.pictures] == [(102, 100)] * 2
    assert made.fps == 25
    reference = read_footage(_write(tmp_path / "reference.mkv", 103, 71, 2), 9)
    assert np.abs(luma(made.pictures[0]).astype(int) - luma(reference.pictures[0])).mean() < 2


def test_full_range_is_told_from_studio_range(tmp_path: Path) -> None:
    studio = read_footage(_write(tmp_path / "studio.mkv", 96, 64, 2), 9)
    full = read_footage(_write(tmp_path / "full.mkv", 96, 64, 2, full=True), 9)
    for one, other in zip(studio.pictures, full.pictures, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 1


def test_what_is_coded_has_the_nearest_even_sides() -> None:
    assert sent_size(1280, 720, 1.5) == (854, 480)
    assert sent_size(640, 480, 2) == (320, 240)
    assert sent_size(100, 68, 1.5) == (66, 46)
    ramp = np.tile(np.arange(96, dtype=np.uint8) + 60, (64, 1))
    picture = np.concatenate([ramp, np.full((32, 96), 128, np.uint8)])
    for scale in (1.5, 2):
        width, height = sent_size(96, 64, scale)
        small = shrunk(picture, scale)
        assert small.shape == (height * 3 // 2, width)
        assert np.array_equal(small[height:], np.full((height // 2, width), 128))
        # A ramp stays one, with its pixels where they were
        across = small[height // 2, 4:-4].astype(float)
        centres = (np.arange(width)[4:-4] + 0.5) * 96 / width - 0.5 + 60
        assert np.abs(across - centres).max() <= 0.6
    assert np.array_equal(luma(shrunk(picture, 2)), imresize(ramp, 0.5))


@pytest.mark.parametrize("scale", ["1.5x", "2x"])
@pytest.mark.parametrize("model", ["bicubic", "tiny"])
def test_every_path_puts_pixels_where_they_were(scale: str, model: str) -> None:
    y, x = np.mgrid[:128, :192]
    wave = np.rint(120 + 60 * np.sin(x / 9) * np.cos(y / 7)).astype(np.uint8)
    picture = np.concatenate([wave, np.full((64, 192), 128, np.uint8)])
    width, height = sent_size(192, 128, 1.5 if scale == "1.5x" else 2)
    small = np.ascontiguousarray(luma(shrunk(picture, 1.5 if scale == "1.5x" else 2)))
    made = Enlarger(Way(scale, model), (width, height), (192, 128))(small)
    assert made.shape == (128, 192)
    assert np.abs(made[8:-8, 8:-8].astype(int) - wave[8:-8, 8:-8]).mean() < 0.8


def test_paths_are_named_as_in_the_json() -> None:
    names = [path.name for path in make_paths(["tiny", "bicubic"], correction=True)]
    assert names == ["native", "1.5x bicubic", "1.5x tiny", "2x bicubic", "2x tiny", "2x tiny + correction"]


def _curve(*points: tuple[float, float]) -> list[tuple[float, float]]:
    return list(points)


def test_bd_rates_of_curves_that_are_known() -> None:
    pytest.importorskip("bjontegaard")
    anchor = [(rate, 30 + 5 * math.log10(rate / 0.01)) for rate in (0.005, 0.01, 0.02, 0.04)]
    cheaper = [(0.8 * rate, quality) for rate, quality in anchor]
    found = compare(anchor, cheaper, 1)
    assert found.bd_rate_percent == pytest.approx(-20)
    assert found.crossover_bpp is None
    assert found.beyond == "above 0.032"
    assert compare(cheaper, anchor, 1).bd_rate_percent == pytest.approx(25)
    assert compare(cheaper, anchor, 1).beyond == "below 0.005"
    flatter = [(rate, 31 + 3 * math.log10(rate / 0.01)) for rate, _ in anchor]
    # 30 + 5 t = 31 + 3 t at t = 0.5
    assert compare(anchor, flatter, 1).crossover_bpp == pytest.approx(0.01 * 10**0.5, rel=0.01)
    # Only where the anchor spends little
    assert compare(anchor, flatter, 0.01).reason == "native has 2 different rates in this range: 3 are the least"


@pytest.mark.parametrize(
    ("tested", "reason"),
    [
        (_curve((0.01, 30), (0.02, 29.5), (0.04, 33)), "this path falls from 30 to 29.5 dB between 0.01 and 0.02 bpp"),
        (_curve((0.01, 30), (0.02, 30), (0.04, 33)), "this path falls from 30 to 30 dB between 0.01 and 0.02 bpp"),
        (_curve((0.01, 50), (0.02, 51), (0.04, 52)), "the curves hardly overlap: 30 to 33 dB and 50 to 52 dB"),
        (_curve((0.01, 32.8), (0.02, 34), (0.04, 36)), "the curves hardly overlap: 30 to 33 dB and 32.8 to 36 dB"),
        (_curve((0.01, 30), (0.01001, 30.4), (0.04, 33)), "this path has 2 different rates"),
        (_curve((0.01, 30), (0.02, 31), (0.04, math.inf)), "this path is without loss"),
        ([], "this path has 0 different rates"),
    ],
)
def test_curves_that_can_not_be_compared_say_why(tested: list[tuple[float, float]], reason: str) -> None:
    pytest.importorskip("bjontegaard")
    found = compare(_curve((0.01, 30), (0.02, 31.5), (0.04, 33)), tested, 1, " dB")
    assert found.bd_rate_percent is None
    assert found.reason is not None
    assert found.reason.startswith(reason)


def test_means_leave_out_what_failed() -> None:
    from pocketsr.bench.codec_page import mean_lines

    bd = [Bd(str(n), "av1", "2x tiny", "psnr", value, None) for n, value in enumerate((-10.0, 4.0, None, -30.0))]
    assert mean_lines(bd) == [("av1", "2x tiny", "psnr", "-12.0", "-10.0", "-30.0", "+4.0", "3/4")]
    assert mean_lines(bd[2:3])[0][3:] == ("-", "-", "-", "-", "0/1")


def test_a_row_has_the_figures_of_the_issue() -> None:
    assert list(Row.__dataclass_fields__) == KEYS


def test_a_journal_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be used"):
        Journal(tmp_path / "file")
    journal = Journal(tmp_path / "folder")
    journal.add("a", {"x": 1}, b"picture")
    (tmp_path / "folder" / "measured.jsonl").open("a").write(
        '{"key": 3}\n[]\nnot json\n{"key": "b", "figures": {"x": 2}}\n'
    )
    again = Journal(tmp_path / "folder")
    assert (again.get("a"), again.get("b"), again.get("3")) == ({"x": 1}, {"x": 2}, None)
    assert again.still("a") == b"picture"
    assert again.still("b") is None
