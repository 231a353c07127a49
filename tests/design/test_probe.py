"""Probes: what stands in their folder is not done again, and scores are those of their papers."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from pocketsr.design import probe as probing  # noqa: E402
from pocketsr.design.candidate import Candidate  # noqa: E402
from pocketsr.design.chain import Anchor  # noqa: E402
from pocketsr.design.probe import Probe, Prober, ranked  # noqa: E402
from pocketsr.design.proxies import one_batch, scores  # noqa: E402
from pocketsr.engine.ir.graph import Conv, Graph  # noqa: E402
from pocketsr.errors import UserError  # noqa: E402
from pocketsr.nets import build  # noqa: E402

SMALL = (Candidate("a", "pocket", 2, 4, size=(64, 48)), Candidate("a", "pocket", 3, 6, size=(64, 48)))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Nothing is compiled or timed; says how often it would have been."""
    calls: list[int] = []

    def timed(*_: object) -> list[float]:
        calls.append(1)
        return [float(len(calls))]

    monkeypatch.setattr(probing, "compiled", lambda graphs, _: nullcontext([(None, None)] * len(graphs)))
    monkeypatch.setattr(probing, "fastest_ms", timed)
    return calls


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for name in "abcdefghij":
        rough = draw.integers(0, 256, (12, 12), np.uint8)
        Image.fromarray(rough).resize((144, 144), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return folder


def test_probes_rank_and_are_kept(tmp_path: Path, quick: list[int]) -> None:
    found = ranked(SMALL, tmp_path / "p", Probe())
    assert [each.name for each in found] == [SMALL[1].name, SMALL[0].name]  # more parameters first
    assert found[0].psnr_db is None
    assert ranked(SMALL, tmp_path / "p", Probe()) == found
    assert len(quick) == 2
    assert json.loads((tmp_path / "p/ranked.json").read_text())["by"] == "params"


def test_short_epochs_rank_by_psnr(tmp_path: Path, images: Path, quick: list[int]) -> None:
    probe = Probe(data=str(images), steps=3, batch=2, patch=16)
    found = ranked(SMALL, tmp_path / "p", probe)
    decibels = [each.psnr_db for each in found]
    assert all(value is not None and 5 < value < 80 for value in decibels)
    assert decibels == sorted(decibels, reverse=True)  # type: ignore[type-var]
    assert (tmp_path / "p/runs" / SMALL[0].name / "best.pt").exists()
    assert len(quick) == 2


def test_probes_of_other_settings_are_not_mixed(tmp_path: Path, quick: list[int]) -> None:
    Prober(tmp_path, Probe())(SMALL[0])
    with pytest.raises(UserError, match="probes of other settings"):
        Prober(tmp_path, Probe(steps=5))
    (tmp_path / f"{SMALL[0].name}.json").write_text("{")
    with pytest.raises(UserError, match="is broken"):
        Prober(tmp_path, Probe())(SMALL[0])
    assert len(quick) == 1


def test_low_bit_nets_are_timed_in_integers_and_scored_in_floats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: list[int]
) -> None:
    timed: list[Graph] = []

    def noted(graphs: list[Graph], _: int) -> object:
        timed.extend(graphs)
        return nullcontext([(None, None)])

    monkeypatch.setattr(probing, "compiled", noted)
    few = replace(SMALL[1], precision="w2a2")
    assert few.probed(trained=True)
    found, floats = Prober(tmp_path, Probe())(few), Prober(tmp_path, Probe())(SMALL[1])
    assert [any(isinstance(op, Conv) and op.integers for op in graph.ops) for graph in timed] == [True, False]
    assert found.scores == floats.scores
    assert len(quick) == 2


def test_what_cannot_be_built_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="x2 alone"):
        Prober(tmp_path, Probe())(Candidate("a", "pocket", 2, 4, scale=3))


def test_one_batch_is_of_contrast_and_fits() -> None:
    low, high = one_batch(1)
    assert (low.shape, high.shape) == ((16, 1, 32, 32), (16, 1, 64, 64))
    assert float(high.std()) > 0.1
    shrunk = torch.nn.functional.avg_pool2d(high, 2)
    assert float((shrunk - low).abs().mean()) < 0.03
    assert one_batch(3)[1].shape == (16, 3, 64, 64)


def _chain(width: int, depth: int = 3) -> object:
    torch.manual_seed(0)
    name, config = Candidate("a", "pocket", depth, width, anchor=Anchor.NONE).net()
    return build(name, **config)


def test_scores_by_hand() -> None:
    net = _chain(4)
    before = [parameter.clone() for parameter in net.parameters()]  # type: ignore[attr-defined]
    found = scores(net)  # type: ignore[arg-type]
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))  # type: ignore[attr-defined]
    assert found["params"] == pytest.approx(np.log(40 + 4 + 148 + 4 + 148))
    assert all(value is not None and np.isfinite(value) for value in found.values())
    # synflow of a chain without anchor is homogeneous: each of 3 layers adds the result of the whole, less the biases
    from pocketsr.design.proxies import synflow
    from pocketsr.reparam import collapse

    small = collapse(net)  # type: ignore[type-var]
    with torch.no_grad():
        for name, parameter in small.named_parameters():  # type: ignore[attr-defined]
            if parameter.ndim == 1:
                parameter.fill_(0.0 if "bias" in name else 1.0)
            else:
                parameter.fill_(0.5)
    # white through 9 taps of 0.5, then 4 x 9 taps twice, 4 phases; (32 - 6)**2 places; and three layers alike
    places, result = 26**2, 4.5 * 18 * 18
    assert synflow(small, one_batch(1)) == pytest.approx(np.log(3 * 4 * places * result))  # type: ignore[arg-type]


def test_scores_tell_wide_from_narrow_and_rich_from_poor_batches() -> None:
    narrow, wide = scores(_chain(4)), scores(_chain(16))  # type: ignore[arg-type]
    for name in ("params", "synflow", "zico"):
        assert wide[name] > narrow[name], name  # type: ignore[operator]
    low, high = one_batch(1)
    same = (low[:1].repeat(16, 1, 1, 1), high[:1].repeat(16, 1, 1, 1))
    # all alike: ones, and a thousandth more on the diagonal
    alike = np.log(1e-3) * 15 + np.log(16 + 1e-3)
    assert scores(_chain(4), same)["naswot"] == pytest.approx(alike)  # type: ignore[arg-type]
    assert narrow["naswot"] > alike  # type: ignore[operator]
