"""`bench reuse` on a clip that is made here: half of it stands still."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

pytest.importorskip("torch")

from pocketsr.cli import main


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "half.mkv"
    rng = np.random.default_rng(0)
    still = rng.integers(60, 180, (96, 160), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "gray"  # type: ignore[attr-defined]
        for number in range(5):
            moving = still.copy()
            moving[:, 80:] = np.roll(still[:, 80:], 3 * number, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moving, "gray")))  # type: ignore[attr-defined]
        container.mux(stream.encode(None))  # type: ignore[attr-defined]
    return path


def test_a_row_for_each_rate_network_and_mode(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "reuse", str(clip), "-m", "tiny", "--kbit", "300,3000", "--no-vmaf", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["kbit_per_s"], row["mode"]) for row in rows] == [
        (300, "full"), (300, "reuse"), (3000, "full"), (3000, "reuse"),
    ]  # fmt: skip
    for full, reuse in zip(rows[::2], rows[1::2], strict=True):
        assert {key: full[key] for key in ("clip", "codec", "model", "vmaf")} == {
            "clip": "half", "codec": "h264", "model": "tiny", "vmaf": None,
        }  # fmt: skip
        assert full["psnr_db"] == reuse["psnr_db"]
        assert full["computed_share"] == 1 >= reuse["computed_share"] > 0
        assert min(full["ms"], full["cpu_ms"], reuse["ms"], reuse["cpu_ms"]) > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--codec", "mpeg"], "one or more of h264"), (["--kbit", "many"], "numbers of kbit/s"), (["-j", "0"], "thread")],
)
def test_what_makes_no_sense_is_refused(
    options: list[str], said: str, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "reuse", str(clip), *options]) == 2
    assert said in capsys.readouterr().err


def test_two_networks_by_block_too(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-m", "tiny", "-m", "small-w8a8", "--cheap", "tiny", "--kbit", "3000", "--no-vmaf", "--json"]
    assert main(["bench", "reuse", str(clip), *options]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["model"], row["mode"]) for row in rows] == [
        ("tiny", "full"), ("tiny", "reuse"),
        ("small-w8a8", "full"), ("small-w8a8", "reuse"), ("small-w8a8", "choice"), ("small-w8a8", "both"),
    ]  # fmt: skip
    full, reuse, choice, both = rows[2:]
    assert choice["psnr_db"] == both["psnr_db"]
    assert both["computed_share"] <= min(reuse["computed_share"], choice["computed_share"])
    assert choice["computed_share"] > 0
    assert full["computed_share"] == 1


def test_the_cheap_network_can_be_left_out(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-m", "small-w8a8", "--cheap", "none", "--kbit", "3000", "--no-vmaf", "--json"]
    assert main(["bench", "reuse", str(clip), *options]) == 0
    assert [row["mode"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["full", "reuse"]


@pytest.mark.parametrize("model", ["medium-call", "medium-call-w8a8"])
def test_networks_that_are_told_a_strength(model: str, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`small-call` goes under them, told the same; quality is that of `bench call`."""
    from pocketsr.bench import call

    assert main(["bench", "reuse", str(clip), "-m", model, "--kbit", "3000", "--no-vmaf", "--json"]) == 0
    rows = {row["mode"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert list(rows) == ["full", "reuse", "choice", "both"]
    assert rows["choice"]["psnr_db"] == rows["both"]["psnr_db"] != rows["full"]["psnr_db"]
    assert rows["both"]["computed_share"] <= rows["choice"]["computed_share"] < 1
    nets = call.load_networks([model])
    seen = list(call.measure_clip(call.read_hr(clip), nets, codecs=["h264"], rates_kbps=[3000], ffmpeg=None))
    assert seen[-1].model == model
    assert rows["full"]["psnr_db"] == pytest.approx(seen[-1].psnr_db, abs=1e-4)


def test_a_strength_that_changes_computes_all_of_a_frame(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pocketsr.bench import reuse

    shares = []
    for strengths in ([0.5] * 5, [0.5, 0.5, 0.9, 0.9, 0.9]):
        monkeypatch.setattr(reuse, "strengths_of", lambda *_, told=strengths: told)
        options = ["-m", "small-call", "--cheap", "none", "--kbit", "3000", "--no-vmaf", "--json"]
        assert main(["bench", "reuse", str(clip), *options]) == 0
        shares.append(json.loads(capsys.readouterr().out)["rows"][1]["computed_share"])
    assert shares[0] < shares[1] < 1


@pytest.mark.parametrize(("cheap", "model"), [("small", "medium-call"), ("small-call", "medium")])
def test_one_that_is_told_and_one_that_is_not(
    cheap: str, model: str, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "reuse", str(clip), "-m", model, "--cheap", cheap, "--no-vmaf"]) == 2
    said = capsys.readouterr().err
    assert "is told a strength and" in said
    assert said.count("\n") == 1


def test_what_goes_under_a_network_where_nobody_says() -> None:
    from pocketsr.bench.reuse import cheap_under, load_networks

    names = {
        "medium": "small-w8a8",
        "tiny": "small-w8a8",
        "medium-call": "small-call",
        "medium-call-w8a8": "small-call-w8a8",
    }
    assert {name: cheap_under(name, net) for name, net in load_networks(list(names), 1).items()} == names
