"""What a recipe asks for takes effect, by what can be worked out or measured from outside the loop."""

from __future__ import annotations

import csv
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pocketsr import nets
from pocketsr.engine import load
from pocketsr.errors import UserError
from pocketsr.nets import SRNet
from pocketsr.train import Recipe, loop, train
from pocketsr.train.checkpoint import load_checkpoint, load_network
from pocketsr.train.parts import Rates
from pocketsr.train.schedule import learning_rate
from pocketsr.train.sources import load_pairs
from pocketsr.train.teacher import load_teacher

Make = Callable[..., Recipe]
Weights = dict[str, Tensor]


def _curve(out: Path) -> list[dict[str, str]]:
    with (out / "curve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _spied(monkeypatch: pytest.MonkeyPatch, before: Callable[[list[nn.Parameter]], None]) -> list[list[nn.Parameter]]:
    """Call `before` with the parameters just before each step of the optimiser; a list of those parameters."""
    seen: list[list[nn.Parameter]] = []
    step = torch.optim.Adam.step

    def spying(self: torch.optim.Adam, *args: object) -> object:
        seen.append(self.param_groups[0]["params"])
        before(seen[-1])
        return step(self, *args)

    monkeypatch.setattr(torch.optim.Adam, "step", spying)
    return seen


def test_a_curve_is_the_same_whether_or_not_a_run_was_interrupted(
    tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(steps=12, validate_every=4, finish={"at": 0.75, "losses": {"l2": 1.0}})
    train(made, tmp_path / "whole")
    for stop in (1, 5):  # both between two rows: the means go over steps before and behind them

        def rate(given: Rates, step: int, stop: int = stop) -> float:
            if step == stop:
                signal.raise_signal(signal.SIGINT)
            return learning_rate(given, step)

        with monkeypatch.context() as patched:
            patched.setattr(loop, "learning_rate", rate)
            assert not train(made, tmp_path / "parts", resume=stop > 1).finished
    train(made, tmp_path / "parts", resume=True)
    whole, parts = ([row | {"seconds": ""} for row in _curve(tmp_path / run)] for run in ("whole", "parts"))
    assert [row["step"] for row in whole] == ["4", "8", "9", "12"]
    assert parts == whole


def test_the_finish_takes_over_at_its_step(tmp_path: Path, recipe: Make) -> None:
    made = recipe(steps=8, validate_every=2, finish={"at": 0.5, "losses": {"l2": 1.0, "tv": 0.1}})
    train(made, tmp_path / "run")
    rows = _curve(tmp_path / "run")
    assert [row["step"] for row in rows] == ["2", "4", "6", "8"]
    assert [bool(row["l1"]) for row in rows] == [True, True, False, False]
    assert [bool(row["l2"]) and bool(row["tv"]) for row in rows] == [False, False, True, True]


def test_the_rate_reaches_the_optimiser(tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def spying(self: torch.optim.Adam, *args: object) -> object:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args)

    monkeypatch.setattr(torch.optim.Adam, "step", spying)
    made = recipe(steps=8, optimiser={"lr": 0.008, "warmup": 2}, schedule={"restarts": [4]}, validate_every=5)
    train(made, tmp_path / "run")
    # half cosines of 4 steps: 1, 0.853553, 0.5, 0.146447; the first step has half of its rate, the second all of it
    turn = [0.008, 0.00682843, 0.004, 0.00117157]
    assert rates == pytest.approx([0.004, *turn[1:], *turn], rel=1e-5)
    assert [float(row["lr"]) for row in _curve(tmp_path / "run")] == pytest.approx([0.008, 0.00117157], rel=1e-5)


def test_gradients_are_clipped_all_together(tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []

    def note(parameters: list[nn.Parameter]) -> None:
        lengths = [weight.grad.norm() for weight in parameters if weight.grad is not None]
        assert len(lengths) == len(parameters)
        norms.append(float(torch.stack(lengths).norm()))

    _spied(monkeypatch, note)
    train(recipe(steps=2, optimiser={"lr": 0.001}), tmp_path / "free")
    train(recipe(steps=2, optimiser={"lr": 0.001, "clip_norm": 0.01}), tmp_path / "clipped")
    assert min(norms[:2]) > 0.02
    assert norms[2:] == pytest.approx([0.01, 0.01], rel=1e-3)


def test_patches_grow_when_they_should(tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    forward = loop.Objective.forward

    def spying(
        self: loop.Objective, lr: Tensor, hr: Tensor, taught: Tensor | None, borders: bool, frames: None
    ) -> tuple[Tensor, Weights]:
        shapes.append((*lr.shape, *hr.shape[2:]))
        return forward(self, lr, hr, taught, borders, frames)

    monkeypatch.setattr(loop.Objective, "forward", spying)
    train(recipe(steps=5, patch=[[0, 8], [2, 12], [4, 14]]), tmp_path / "run")
    assert shapes == [(4, 1, 8, 8, 16, 16)] * 2 + [(4, 1, 12, 12, 24, 24)] * 2 + [(4, 1, 14, 14, 28, 28)]


def test_borders_count_when_they_should(tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    forward = loop.Objective.forward

    def spying(
        self: loop.Objective, lr: Tensor, hr: Tensor, taught: None, borders: bool, frames: None
    ) -> tuple[Tensor, Weights]:
        seen.append(borders)
        return forward(self, lr, hr, taught, borders, frames)

    monkeypatch.setattr(loop.Objective, "forward", spying)
    train(recipe(steps=5, borders_every=3), tmp_path / "some")
    train(recipe(steps=2), tmp_path / "none")
    assert seen == [True, False, False, True, False, False, False]


def test_the_average_by_hand(tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    history: list[list[Tensor]] = []
    _spied(monkeypatch, lambda parameters: history.append([weight.detach().clone() for weight in parameters]))
    train(recipe(steps=6, ema={"decay": 0.75}, optimiser={"lr": 0.05, "warmup": 0}), tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / "last.pt")
    names = [name for name, _ in load_network(tmp_path / "run" / "best.pt").named_parameters()]
    expected = history[0]
    for step, weights in enumerate([*history[1:], [state["net"][name] for name in names]], 1):
        share = max(0.25, 1 / (step + 1))  # 1/2, 1/3, 1/4: the mean so far; then a quarter of what is new
        expected = [(1 - share) * old + share * new for old, new in zip(expected, weights, strict=True)]
    for name, weight in zip(names, expected, strict=True):
        torch.testing.assert_close(state["ema"][name], weight)
        assert not torch.allclose(state["ema"][name], state["net"][name])


def test_best_is_what_validated_best(tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([30.0, 32.5, 31.0, 32.5])
    seen: list[Weights] = []

    def figure(net: SRNet, _: object) -> float:
        seen.append({name: weight.clone() for name, weight in net.state_dict().items()})
        return next(figures)

    monkeypatch.setattr(loop, "valid_psnr_db", figure)
    outcome = train(recipe(steps=4, validate_every=1), tmp_path / "run")
    assert (outcome.best_step, outcome.best_psnr_db) == (2, 32.5)  # the first of equals
    best = load_checkpoint(tmp_path / "run" / "best.pt")
    assert (best["step"], best["psnr_db"]) == (2, 32.5)
    for name, weight in best["ema"].items():
        assert torch.equal(weight, seen[1][name])
    assert [row["valid_psnr_db"] for row in _curve(tmp_path / "run")] == ["30.0000", "32.5000", "31.0000", "32.5000"]


def test_the_onnx_file_is_the_best_network(tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = recipe(steps=20, validate_every=5, ema=None)
    figures = iter([30.0, 31.0, 29.0, 28.0])
    monkeypatch.setattr(loop, "valid_psnr_db", lambda *_: next(figures))
    assert train(made, tmp_path / "run").best_step == 10  # not the last one, which is elsewhere by now
    net, engine = load_network(tmp_path / "run" / "best.pt"), load(tmp_path / "run" / "probe.onnx", threads=1)
    for pair in load_pairs(made.data, made.seed)[1]:
        expected = net(torch.from_numpy(pair.lr)[None, None] / 255)[0, 0].numpy().clip(0, 1) * 255
        assert np.abs(engine(pair.lr) - expected).max() <= 0.501  # the nearest level


@pytest.mark.parametrize(("cache", "share"), [(True, 0), (False, 0), (True, 1)])
def test_a_student_comes_closer_to_its_teacher(tmp_path: Path, recipe: Make, cache: bool, share: float) -> None:
    train(recipe(steps=1, optimiser={"lr": 1e-12, "warmup": 0}, seed=9), tmp_path / "teacher")  # nobody's aim but this
    model = str(tmp_path / "teacher" / "best.pt")
    made = recipe(
        steps=60, validate_every=60, losses={"l1" if share else "distillation": 1.0},
        teacher={"model": model, "cache": cache, "share": share}, optimiser={"lr": 0.005, "warmup": 0},
    )  # fmt: skip
    train(made, tmp_path / "run")
    torch.manual_seed(made.seed)
    fresh = nets.build(made.net.name, **made.net.config)
    lr = torch.stack([torch.from_numpy(pair.lr)[None] for pair in load_pairs(made.data, made.seed)[1]]) / 255
    aim = load_teacher(model, torch.device("cpu")).enlarge(lr)
    with torch.no_grad():
        before, after = (float((net(lr) - aim).abs().mean()) for net in (fresh, load_network(tmp_path / "run/best.pt")))
    assert after < before / 2


def test_pictures_at_other_sizes_are_trained_on_and_not_validated_with(recipe: Make, pictures: Path) -> None:
    sizes = {"[15].png": [0.5], "0.png": [1, 0.5], "2.*": [0.75]}
    data = {"folder": str(pictures), "valid_share": 0.25, "sizes": sizes}
    with pytest.raises(UserError, match=r"sizes '\[15\]\.png' matches no picture"):  # those are to validate with
        load_pairs(recipe(data=data).data)
    del sizes["[15].png"]
    train, valid, _ = load_pairs(recipe(data=data).data)
    assert [pair.name for pair in train] == ["0.png", "0.png#0.5", "2.png#0.75", "3.png", "4.png", "6.png", "7.png"]
    assert [pair.hr.shape for pair in train[:4]] == [(48, 64), (24, 32), (36, 48), (48, 64)]
    np.testing.assert_array_equal(train[1].hr, train[0].lr)  # shrunk by the rule that makes LR
    assert [pair.name for pair in valid] == ["1.png", "5.png"]


def test_another_networks_weights_are_no_beginning(tmp_path: Path, recipe: Make) -> None:
    train(recipe(steps=1), tmp_path / "first")
    best = str(tmp_path / "first" / "best.pt")
    other = {"name": "pocket", "config": {"layers": [{"channels": 5}, {"channels": 4}], "expansion": 4}}
    with pytest.raises(UserError, match=r"first/best\.pt holds another network than the recipe's net: size mismatch"):
        train(recipe(net=other, init=best), tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_a_folder_without_images(tmp_path: Path, recipe: Make) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=f"{tmp_path}.*no images"):
        train(recipe(data={"folder": str(tmp_path)}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"net": {"name": "pocket", "config": {"blok": "plain"}}}, "has no setting 'blok'"),
        ({"init": "none.pt"}, "no such checkpoint"),
        ({"losses": {"distillation": 1.0}, "teacher": {"model": "grand"}}, "unknown model 'grand'"),
        ({}, "nowhere"),
    ],
)
def test_mistakes_are_told_before_images_are_read(
    tmp_path: Path, recipe: Make, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        train(recipe(data={"folder": "nowhere"}, **changes), tmp_path / "run")


@pytest.mark.parametrize("scale", [3, 4])
def test_networks_of_other_scales_train_and_export(recipe: Callable[..., Recipe], tmp_path: Path, scale: int) -> None:
    layers = [{"channels": 6}, {"channels": scale**2}]
    made = recipe(
        net={"name": "pocket", "config": {"layers": layers, "scale": scale, "anchor": "bicubic"}}, steps=4, patch=12,
        borders_every=2,
    )  # fmt: skip
    outcome = train(made, tmp_path / "run")
    assert outcome.finished
    assert outcome.best_psnr_db > 10
    network = load(tmp_path / "run" / f"{made.name}.onnx")
    assert network.scale == scale
    flat = network(np.full((9, 11), 77, np.uint8))
    assert flat.shape == (9 * scale, 11 * scale)
    trained = load_network(tmp_path / "run" / "best.pt")
    y = np.random.default_rng(0).integers(0, 256, (20, 24)).astype(np.float32) / 255
    with torch.no_grad():
        wanted = trained(torch.from_numpy(y)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(network(y), wanted, atol=2e-5)
