"""`pocketsr bench quality -m all`: a table that grows, is kept, and goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from pocketsr.bench import field
from pocketsr.bench.contenders import TRAINED_HERE, contenders, papers, program_of
from pocketsr.bench.field import Field, frame_ms
from pocketsr.bench.quality import find_sets, measure
from pocketsr.bench.table import Figures, Table, read_table
from pocketsr.cli import main
from pocketsr.engine import Plane
from pocketsr.errors import UserError
from pocketsr.models import resolve
from pocketsr.nets import build, load_weights, to_onnx
from pocketsr.pixels import imresize
from pocketsr.reparam import collapse


class Fake:
    """Enlarges by repeating pixels, and counts how often it is asked."""

    scale, channels, edge_halo, runtime = 2, 1, 0, "fake"

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, y: Plane, *_: Any) -> Plane:
        self.calls += 1
        return y.repeat(2, axis=0).repeat(2, axis=1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two sets of one image, beside a folder of weights with ESPCN's, a collapsed SESR's and nobody's."""
    rng = np.random.default_rng(1)
    for name, size in (("One", (40, 36)), ("Two", (33, 48))):
        (tmp_path / "sets" / name).mkdir(parents=True)
        pixels = np.clip(imresize(rng.uniform(0, 255, (6, 6, 3)), 8)[: size[0], : size[1]], 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "sets" / name / "image.png")
    weights = tmp_path / "weights"
    weights.mkdir()
    torch.manual_seed(0)
    save_file(build("espcn").state_dict(), weights / "espcn_x2.safetensors")
    about = TRAINED_HERE | {"made_by": "made by hand"}
    save_file(collapse(build("sesr-m3")).state_dict(), weights / "sesr-m3.safetensors", about)
    save_file({"a": torch.zeros(1)}, weights / "unknown.safetensors")
    return tmp_path / "sets"


def _table(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = main(["bench", "quality", "-m", "all", *map(str, args)])
    return code, *capsys.readouterr()


def test_the_verb_writes_everything(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no folder of checkpoints here
    few = [paper for paper in papers() if paper.model in ("bicubic", "espcn", "sesr-m7")]
    monkeypatch.setattr("pocketsr.bench.contenders.papers", lambda: few)  # DRCN takes seconds to count
    code, out, err = _table(capsys, "--data", data, "--only", "figures")
    assert code == 0, err
    assert out.split() == ["field.json", "field.csv", "field.md"]
    assert "unknown.safetensors holds the weights of no network" in err
    table = read_table(tmp_path / "field.json")
    rows = {(row.model, row.origin): row for row in table.rows}
    assert {origin for _, origin in rows} == {"ours", "published", "reproduced", "trained here"}
    assert set(rows["tiny", "ours"].sets) == set(rows["bicubic", "reproduced"].sets) == {"One", "Two"}
    espcn, sesr = rows["espcn", "reproduced"], rows["sesr-m3", "trained here"]
    assert (espcn.params, espcn.source, espcn.ms) == (26796, "espcn_x2.safetensors", None)
    assert (sesr.params, sesr.source) == (8928, "sesr-m3.safetensors, made by hand")
    assert rows["sesr-m7", "published"].params == pytest.approx(18.12e3, rel=0.01)  # as the paper says
    assert rows["espcn", "published"].params == espcn.params
    (bicubic,) = measure({}, "One", find_sets(data)["One"])
    figures = rows["bicubic", "reproduced"].sets["One"]
    assert figures == Figures(pytest.approx(bicubic.psnr_db, abs=1e-4), pytest.approx(bicubic.ssim, abs=1e-5))
    assert len((tmp_path / "field.csv").read_text().splitlines()) == 1 + len(table.rows)
    assert "| espcn | reproduced | 26,796 |" in (tmp_path / "field.md").read_text()
    code, out, _ = _table(capsys, "--data", data, "--only", "figures", "--json")  # nothing is left to do
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "field.json").read_text())
    assert read_table(tmp_path / "field.json") == table


def test_options_that_make_no_sense(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for args, words in (
        (["--data", data, "-o", tmp_path / "field.md"], "FIELD.json"),
        (["--data", data, "-m", "tiny"], "name no other"),
        (["--data", data, "--weights", tmp_path / "absent"], "no such file or folder"),
    ):
        code, _, err = _table(capsys, *args)
        assert code == 2
        assert words in err
    assert main(["bench", "quality", "--data", str(data), "-m", "tiny", "--fresh"]) == 2
    assert "-m all" in capsys.readouterr().err


@pytest.fixture
def begin(data: Path) -> Callable[..., tuple[Field, list[Table], Fake]]:
    """A field with bicubic and one fake network of `digest`, after `old`; what it keeps; and the fake."""

    def begun(
        old: Table | None = None, digest: str = "a", program: str | None = None
    ) -> tuple[Field, list[Table], Fake]:
        fake = Fake()
        kept: list[Table] = []
        (bicubic, tiny, *_) = contenders([], print)
        net = type(tiny)("fake", "ours", None, digest, tiny.counted, lambda _: fake, program)  # type: ignore[return-value]
        return Field([bicubic, net], papers()[:2], find_sets(data), old, kept.append), kept, fake

    return begun


def _nothing(_: str, __: int) -> None:
    pass


def test_it_goes_on_where_it_was(begin: Callable[..., tuple[Field, list[Table], Fake]]) -> None:
    first, kept, fake = begin()
    assert first.lacking == [("bicubic", ["One", "Two"]), ("fake", ["One", "Two"])]

    def interrupt(what: str, _: int) -> None:
        if what == "fake, Two":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.measure(interrupt)
    assert fake.calls == 1
    assert len(kept) == 3
    second, _, fake = begin(kept[-1])
    assert second.lacking == [("fake", ["Two"])]
    second.measure(_nothing)
    assert fake.calls == 1
    assert begin(second.table)[0].lacking == []
    assert begin(second.table, digest="b")[0].lacking == [("fake", ["One", "Two"])]  # other weights
    assert {row.origin for row in second.table.rows if row.model == "bicubic"} == {"published", "reproduced"}


def test_other_images_are_measured_anew(begin: Callable[..., tuple[Field, list[Table], Fake]], data: Path) -> None:
    first, _, _ = begin()
    first.measure(_nothing)
    with Image.open(data / "Two" / "image.png") as image:
        image.rotate(180).save(data / "Two" / "image.png")
    assert begin(first.table)[0].lacking == [("bicubic", ["Two"]), ("fake", ["Two"])]


def test_a_network_that_is_not_at_hand_keeps_its_row(
    begin: Callable[..., tuple[Field, list[Table], Fake]], data: Path
) -> None:
    first, _, _ = begin()
    first.measure(_nothing)
    (bicubic,) = contenders([], print)[:1]
    rows = Field([bicubic], [], find_sets(data), first.table, print).table.rows
    assert {row.model for row in rows} == {"bicubic", "fake"}


def test_times(begin: Callable[..., tuple[Field, list[Table], Fake]], monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1, 100))
    monkeypatch.setattr(field, "frame_ms", lambda _: next(times))
    first, _, _ = begin()
    first.measure(_nothing)
    first.time(_nothing, anew=False)

    def timed(table: Table) -> dict[tuple[str, str], tuple[float | None, str | None]]:
        return {(row.model, row.origin): (row.ms, row.runtime) for row in table.rows}

    assert timed(first.table) == {
        ("bicubic", "published"): (1, "pocketsr"),
        ("bicubic", "reproduced"): (1, "pocketsr"),
        ("fake", "ours"): (2, "fake"),
        ("raisr", "published"): (3, "ONNX Runtime"),
    }
    second, _, _ = begin(first.table)
    second.time(_nothing, anew=False)
    assert second.table == first.table
    second.time(_nothing, anew=True)
    assert timed(second.table)["fake", "ours"] == (5, "fake")
    other, kept, _ = begin(Table("another machine", second.table.rows, second.table.images))
    other.time(_nothing, anew=False)
    assert timed(other.table)["fake", "ours"] == (8, "fake")
    assert kept[0].rows[0].ms == 7
    assert timed(kept[0])["fake", "ours"] == (None, None)  # what another machine took doesn't stay


def test_other_weights_in_the_same_graph_take_as_long(
    begin: Callable[..., tuple[Field, list[Table], Fake]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field, "frame_ms", lambda _: 7)
    first, _, _ = begin(program="p")
    first.measure(_nothing)
    first.time(_nothing, anew=False)

    def after(old: Table, digest: str, program: str | None) -> tuple[float | None, list[str]]:
        second, _, _ = begin(old, digest, program)
        (lacking,) = [names for model, names in second.lacking if model == "fake"]
        second.measure(_nothing)
        (row,) = (row for row in second.table.rows if row.model == "fake")
        assert row.program == program
        return row.ms, lacking

    assert after(first.table, "b", "p") == (7, ["One", "Two"])
    assert after(first.table, "b", "q") == (None, ["One", "Two"])
    unknown, _, _ = begin()
    unknown.measure(_nothing)
    unknown.time(_nothing, anew=False)
    assert after(unknown.table, "b", None) == (None, ["One", "Two"])  # who knows


def test_a_program_is_the_graph_without_its_weights(tmp_path: Path) -> None:
    found = []
    for seed, name in ((1, "espcn"), (2, "espcn"), (1, "sesr-m3")):
        torch.manual_seed(seed)
        to_onnx(build(name), tmp_path / f"{seed}{name}.onnx")
        found.append(program_of(tmp_path / f"{seed}{name}.onnx"))
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert program_of(resolve("photo")) == program_of(resolve("small-call")) != program_of(resolve("small-w8a8"))


def test_the_median_of_a_frames_times() -> None:
    net = Fake()
    assert frame_ms(net) > 0
    assert net.calls >= 4


def test_two_files_for_one_network(data: Path) -> None:
    weights = data.parent / "weights"
    (weights / "espcn_other.safetensors").write_bytes((weights / "espcn_x2.safetensors").read_bytes())
    with pytest.raises(UserError, match="both weights of espcn"):
        contenders(sorted(weights.glob("espcn*")), print)


def test_collapsed_sesr_is_what_it_was(data: Path) -> None:
    net = build("sesr-m3")
    load_weights(net, data.parent / "weights" / "sesr-m3.safetensors")
    torch.manual_seed(0)
    build("espcn")
    x = torch.rand(1, 1, 12, 12)
    torch.testing.assert_close(net(x), collapse(net)(x), atol=1e-6, rtol=0)
    net(x).square().mean().backward()
    assert all(block.point.grad.abs().sum() > 0 for block in net.blocks)  # and can be trained further


def test_papers_are_of_networks_that_are_built_here() -> None:
    found = papers()
    assert len({paper.model for paper in found}) == len(found)
    for paper in found:
        assert paper.source
        assert all(20 < figures.psnr_db < 45 for figures in paper.sets.values() if figures.psnr_db is not None)
    luma = next(paper for paper in found if paper.model == "ecbsr-m4c8 (luma)")
    # 1 to 8, 4 of 8 to 8, 8 to 4 channels, 3x3 with biases, slopes but for the last
    assert luma.network.counted().params == 72 + 16 + 4 * (576 + 16) + 292
