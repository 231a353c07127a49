"""The quality protocol: calibrated on published bicubic figures, and each of its steps on its own."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pocketsr.bench import quality
from pocketsr.cli import _bench_quality, bench
from pocketsr.errors import UserError
from pocketsr.pixels import imresize, psnr, rgb_to_luma, ssim


class Fake:
    """A luma or RGB network that enlarges by bicubic, rounds as the engine does, and notes its input."""

    def __init__(self, channels: int = 1, scale: int = 2) -> None:
        self.channels, self.scale, self.edge_halo = channels, scale, 0
        self.fed: list[tuple[tuple[int, ...], str]] = []

    def __call__(self, y: NDArray[Any], bits: int | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        assert bits is None
        assert out is None
        self.fed.append((y.shape, y.dtype.name))
        top = np.iinfo(y.dtype).max
        return np.clip(np.floor(imresize(y.astype(np.float64), self.scale) + 0.5), 0, top).astype(y.dtype)


def photo(height: int, width: int) -> NDArray[np.uint8]:
    """Smooth colour noise: edges and flat parts, all three channels different."""
    coarse = np.random.default_rng(5).uniform(0, 255, (height // 8 + 1, width // 8 + 1, 3))
    return np.clip(imresize(coarse, 8), 0, 255).astype(np.uint8)[:height, :width]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "Mine").mkdir()
    Image.fromarray(photo(41, 50)).save(tmp_path / "Mine" / "colour.png")
    Image.fromarray(photo(32, 33)[..., 0]).save(tmp_path / "Mine" / "grey.png")
    (tmp_path / "Empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "scale", "psnr_db", "ssim_value"),
    [
        ("Set5", 2, 33.66, 0.9299),
        ("Set14", 2, 30.24, 0.8688),
        ("Set5", 3, 30.39, 0.8682),
        ("Set5", 4, 28.42, 0.8104),
    ],
)
def test_bicubic_reads_as_published(
    shared_data: Path, name: str, scale: int, psnr_db: float, ssim_value: float
) -> None:
    files = quality.find_sets(shared_data / "test", [name])[name]
    row, other = quality.measure({"fake": Fake(scale=scale)}, name, files)
    assert (row.model, row.set, row.scale, row.images) == ("bicubic", name, scale, len(files))
    assert row.psnr_db == pytest.approx(psnr_db, abs=0.01)
    assert row.ssim == pytest.approx(ssim_value, abs=0.0005)
    assert other.psnr_db == pytest.approx(psnr_db, abs=0.12)


def test_a_network_that_is_bicubic_reads_close_to_the_calibration(shared_data: Path) -> None:
    """The way through R'G'B' and 16-bit luma costs nothing: it reads 0.016 dB more, as documented."""
    rows = quality.measure({"fake": Fake()}, "Set5", quality.find_sets(shared_data / "test", ["Set5"])["Set5"])
    calibration, fake = rows
    assert fake.psnr_db - calibration.psnr_db == pytest.approx(0.016, abs=0.002)
    assert fake.ssim == pytest.approx(calibration.ssim, abs=0.0006)


def test_luma_networks_see_16_bit_luma(data: Path) -> None:
    net = Fake()
    quality.measure({"fake": net}, "Mine", quality.find_sets(data)["Mine"])
    assert net.fed == [((20, 25), "uint16"), ((16, 16), "uint16")]  # HR cropped to 40x50 and 32x32


def test_rgb_networks_see_rgb(data: Path) -> None:
    net = Fake(channels=3)
    quality.measure({"fake": net}, "Mine", quality.find_sets(data)["Mine"])
    assert net.fed == [((20, 25, 3), "uint8"), ((16, 16, 3), "uint8")]


def test_figures_of_a_network_by_the_protocol_step_by_step() -> None:
    """An RGB network has no colour conversion on its way: the protocol can be written down in four lines."""
    hr = photo(40, 50)
    lr = imresize(hr, 0.5)
    out = Fake(channels=3)(lr)
    ours, theirs = rgb_to_luma(out)[2:-2, 2:-2], rgb_to_luma(hr)[2:-2, 2:-2]
    figures = quality.network_quality(Fake(channels=3), hr, lr)
    assert figures == quality.Quality(psnr(ours, theirs), ssim(ours, theirs))
    # A luma network with the same luma differs by rounding only.
    assert quality.network_quality(Fake(), hr, lr).psnr_db == pytest.approx(figures.psnr_db, abs=0.05)


@pytest.mark.parametrize(("border", "hidden"), [(2, True), (3, False)])
def test_two_border_pixels_are_shaved(border: int, hidden: bool) -> None:
    hr = photo(40, 50)
    lr = imresize(hr, 0.5)

    class Spoiled(Fake):
        def __call__(self, y: NDArray[Any]) -> NDArray[Any]:  # type: ignore[override]
            out = super().__call__(y)
            out[:border] = 0
            out[:, -border:] = 0
            return out

    same = quality.network_quality(Spoiled(), hr, lr) == quality.network_quality(Fake(), hr, lr)
    assert same == hidden


def noise_three_ways(folder: Path) -> list[Path]:
    """The same grey noise as a grey file, as a colour file, and under the name of Set14's grey original."""
    folder.mkdir()
    grey = np.random.default_rng(2).integers(0, 256, (40, 40), np.uint8)
    paths = [folder / f"{stem}.png" for stem in ("grey", "colour", "bridge")]
    for path in paths:
        Image.fromarray(grey if path.stem == "grey" else np.dstack([grey] * 3)).save(path)
    return paths


def test_networks_do_not_care_how_a_grey_image_is_stored(tmp_path: Path) -> None:
    rows = [quality.measure({"fake": Fake()}, "Set14", [path])[1] for path in noise_three_ways(tmp_path / "Set14")]
    assert rows[0] == rows[1] == rows[2]


def test_the_grey_original_of_set14_calibrates_as_its_own_luma(tmp_path: Path) -> None:
    """By 1.32 dB, as MATLAB scripts had it; and only there."""
    grey, colour, bridge = (
        quality.measure({}, "Set14", [path])[0].psnr_db for path in noise_three_ways(tmp_path / "Set14")
    )
    assert colour == grey
    assert colour - bridge == pytest.approx(20 * np.log10(255 / 219), abs=0.02)
    elsewhere = quality.measure({}, "Mine", [tmp_path / "Set14" / "bridge.png"])[0].psnr_db
    assert elsewhere == colour


def test_sets_are_found_in_the_usual_order(tmp_path: Path) -> None:
    for name in ("zoo", "Urban100", "Set14", "Set5", "aardvark", "B100"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (20, 20)).save(tmp_path / name / "a.png")
    assert list(quality.find_sets(tmp_path)) == ["Set5", "Set14", "B100", "Urban100", "aardvark", "zoo"]
    assert list(quality.find_sets(tmp_path, ["zoo", "B100"])) == ["zoo", "B100"]


def test_users_mistakes_are_named(data: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        quality.find_sets(data / "nowhere")
    with pytest.raises(UserError, match=r"no set 'Set6'.*Mine"):
        quality.find_sets(data, ["Set6"])
    with pytest.raises(UserError, match=r"no images in .*Empty"):
        quality.find_sets(data, ["Empty"])
    with pytest.raises(UserError, match="no sets in"):
        quality.find_sets(data / "Mine")
    with pytest.raises(UserError, match="no sets named"):
        quality.find_sets(data, [])
    (data / "Mine" / "text.png").write_text("not an image")
    with pytest.raises(UserError, match=r"text\.png"):
        quality.read_image(data / "Mine" / "text.png")
    Image.new("RGB", (100, 15)).save(data / "Mine" / "low.png")
    with pytest.raises(UserError, match="100x15"):
        quality.read_image(data / "Mine" / "low.png")
    with pytest.raises(UserError, match="x5"):
        quality.measure({"big": Fake(scale=5)}, "Mine", [])


def test_networks_of_several_scales_stand_in_one_table(data: Path) -> None:
    nets = {"two": Fake(), "three": Fake(scale=3)}
    rows = quality.measure(nets, "Mine", quality.find_sets(data)["Mine"])
    assert [(row.model, row.scale) for row in rows] == [("bicubic", 2), ("bicubic", 3), ("two", 2), ("three", 3)]
    assert nets["three"].fed == [((13, 16), "uint16"), ((10, 11), "uint16")]  # HR cropped to 39x48 and 30x33


def run(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return bench.run(parser.parse_args(["quality", *argv]))


def test_json_is_the_only_thing_on_standard_output(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def load(models: list[str], weights: list[Path]) -> dict[str, Fake]:
        asked.append((models, weights))
        return {"fake": Fake()}

    monkeypatch.setattr(_bench_quality, "open_networks", load)
    assert run("--data", str(data), "-m", "tiny", "-m", "x.onnx", "--json") == 0
    printed = capsys.readouterr()
    rows = json.loads(printed.out)["rows"]
    assert asked == [(["tiny", "x.onnx"], [])]
    assert printed.err == ""  # no progress bar when piped
    assert [(r["model"], r["set"], r["images"]) for r in rows] == [
        ("bicubic", "Mine", 2),
        ("fake", "Mine", 2),
    ]
    assert all(set(r) == {"model", "set", "scale", "images", "psnr_db", "ssim"} for r in rows)
    assert all(10 < r["psnr_db"] < 60 and 0 < r["ssim"] < 1 for r in rows)


def test_table(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(_bench_quality, "open_networks", lambda *_: {"a-long-model-name.onnx": Fake()})
    assert run("--data", str(data), "--sets", "Mine") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["set", "model", "scale", "images", "PSNR", "dB", "SSIM"]
    assert [row.split()[1] for row in rows] == ["bicubic", "a-long-model-name.onnx"]
    assert len({len(row) for row in rows}) == 1


def test_equal_images_give_valid_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Flat").mkdir()
    Image.new("L", (20, 20), 50).save(tmp_path / "Flat" / "a.png")
    monkeypatch.setattr(_bench_quality, "open_networks", lambda *_: {})
    assert run("--data", str(tmp_path), "--json") == 0
    (row,) = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["rows"]
    assert row["psnr_db"] is None
