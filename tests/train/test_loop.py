"""The loop: exact resumption, averages, losses, and folders that are never overwritten."""

from __future__ import annotations

import csv
import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from pocketsr import nets
from pocketsr.errors import UserError
from pocketsr.losses import LossSum
from pocketsr.train import Recipe, loop, parse_recipe, train
from pocketsr.train.checkpoint import load_checkpoint, load_network
from pocketsr.train.folder import RunFolder
from pocketsr.train.objective import Objective
from pocketsr.train.parts import Rates
from pocketsr.train.schedule import learning_rate

Make = Callable[..., Recipe]


def _interrupt_in(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ctrl-C while `step` is computed."""

    def rate(rates: Rates, at: int) -> float:
        if at == step:
            signal.raise_signal(signal.SIGINT)
        return learning_rate(rates, at)

    monkeypatch.setattr(loop, "learning_rate", rate)


def _curve(out: Path) -> list[dict[str, str]]:
    with (out / "curve.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Neither picture nor ONNX file, which take most of so short a run, but where they are looked at."""
    if "folder" not in request.node.name:
        monkeypatch.setattr(loop, "draw", lambda _: None)
        monkeypatch.setattr(RunFolder, "export", lambda _: None)


def _assert_same(one: Any, other: Any) -> None:
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            _assert_same(one[key], other[key])
    elif isinstance(one, list):
        for a, b in zip(one, other, strict=True):
            _assert_same(a, b)
    else:
        assert one == other


def test_interrupted_and_resumed_is_the_same_to_the_bit(
    tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(
        steps=40, patch=[[0, 8], [18, 12]], validate_every=10, finish={"at": 0.7, "losses": {"l2": 1.0}},
        optimiser={"lr": 0.005, "warmup": 2, "clip_norm": 0.1}, schedule={"restarts": [25]},
    )  # fmt: skip
    train(made, tmp_path / "whole")
    with monkeypatch.context() as patched:
        _interrupt_in(patched, 19)
        stopped = train(made, tmp_path / "parts")
    assert (stopped.step, stopped.finished) == (20, False)
    resumed = train(made, tmp_path / "parts", resume=True)
    assert (resumed.step, resumed.finished) == (40, True)
    for name in ("last.pt", "best.pt"):
        whole, parts = (load_checkpoint(tmp_path / run / name) for run in ("whole", "parts"))
        whole.pop("seconds", None)
        parts.pop("seconds", None)
        _assert_same(whole, parts)


def test_a_run_folder(tmp_path: Path, recipe: Make) -> None:
    made = recipe(validate_every=4)
    out = tmp_path / "deep" / "run"
    outcome = train(made, out)
    names = {"recipe.yaml", "last.pt", "best.pt", "curve.csv", "curve.svg", "curve.png", "probe.onnx"}
    assert {path.name for path in out.iterdir()} == names
    assert parse_recipe(out / "recipe.yaml") == made
    best = load_checkpoint(out / "best.pt")
    assert (best["step"], best["psnr_db"]) == (outcome.best_step, outcome.best_psnr_db)
    rows = _curve(out)
    assert [row["step"] for row in rows] == ["4", "6"]
    assert max(float(row["valid_psnr_db"]) for row in rows) == pytest.approx(outcome.best_psnr_db, abs=1e-4)


def test_it_learns(tmp_path: Path, recipe: Make) -> None:
    outcome = train(recipe(steps=120, validate_every=30), tmp_path / "run")
    figures = [float(row["valid_psnr_db"]) for row in _curve(tmp_path / "run") if row["valid_psnr_db"]]
    assert outcome.best_psnr_db > figures[0] + 3  # 10.8 dB when this was written


def test_the_average_is_a_plain_mean_at_first(tmp_path: Path, recipe: Make) -> None:
    made = recipe(steps=1, ema={"decay": 0.999})
    train(made, tmp_path / "run")
    torch.manual_seed(made.seed)
    initial_network = nets.build(made.net.name, **made.net.config).state_dict()
    state = load_checkpoint(tmp_path / "run" / "last.pt")
    for name, weight in state["net"].items():
        assert not torch.equal(initial_network[name], weight)
        torch.testing.assert_close(state["ema"][name], (initial_network[name] + weight) / 2)


def test_without_an_average_the_weights_themselves_are_kept(tmp_path: Path, recipe: Make) -> None:
    train(recipe(steps=3, ema=None), tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / "best.pt")
    _assert_same(state["ema"], load_checkpoint(tmp_path / "run" / "last.pt")["net"])


def test_the_best_of_the_validations_is_kept(tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([30.0, 32.0, 31.0])
    monkeypatch.setattr(loop, "valid_psnr_db", lambda *_: next(figures))
    outcome = train(recipe(steps=6, validate_every=2), tmp_path / "run")
    assert (outcome.best_step, outcome.best_psnr_db) == (4, 32.0)
    assert load_checkpoint(tmp_path / "run" / "best.pt")["step"] == 4


def test_the_finish_has_losses_of_its_own(tmp_path: Path, recipe: Make) -> None:
    train(recipe(steps=10, finish={"at": 0.5, "losses": {"l2": 1.0}}), tmp_path / "run")
    first, second = _curve(tmp_path / "run")
    assert (first["step"], first["l2"]) == ("5", "")
    assert (second["step"], second["l1"]) == ("10", "")
    assert 0 < float(second["l2"]) < float(first["l1"])  # squares of small errors


def test_long_gradients_are_shortened(tmp_path: Path, recipe: Make) -> None:
    train(recipe(steps=1, optimiser={"lr": 0.005, "clip_norm": 1e-3}), tmp_path / "run")
    moments = load_checkpoint(tmp_path / "run" / "last.pt")["optimiser"]["state"].values()
    # after one step Adam's first moment is (1 - 0.9) times the gradient
    length = math.sqrt(sum(float(moment["exp_avg"].square().sum()) for moment in moments))
    assert length == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_a_run_can_begin_with_the_weights_of_another(tmp_path: Path, recipe: Make) -> None:
    train(recipe(steps=2), tmp_path / "first")
    best = tmp_path / "first" / "best.pt"
    still = recipe(steps=1, init=str(best), optimiser={"lr": 1e-12, "warmup": 0})
    train(still, tmp_path / "second")
    for name, weight in load_checkpoint(best)["ema"].items():
        torch.testing.assert_close(load_checkpoint(tmp_path / "second" / "last.pt")["net"][name], weight)


def test_what_is_kept_may_hold_a_share_of_the_beginning(tmp_path: Path, recipe: Make) -> None:
    train(recipe(steps=2), tmp_path / "first")
    best = tmp_path / "first" / "best.pt"
    train(recipe(steps=4, init=str(best), init_share=0.25), tmp_path / "second")
    initial_network, last, kept = (load_checkpoint(path)["ema"] for path in (
        best, tmp_path / "second" / "last.pt", tmp_path / "second" / "best.pt"
    ))  # fmt: skip
    for name, weight in initial_network.items():
        torch.testing.assert_close(kept[name], 0.75 * last[name] + 0.25 * weight)
    assert any(not torch.equal(last[name], weight) for name, weight in initial_network.items())


def test_what_depends_on_padding_does_not_count(recipe: Make) -> None:
    made = recipe()
    objective = Objective(nets.build(made.net.name, **made.net.config), LossSum({"l1": 1.0}), None)
    lr, hr = torch.rand(2, 1, 12, 12), torch.rand(2, 1, 24, 24)
    other = hr + 1
    other[..., 4:-4, 4:-4] = hr[..., 4:-4, 4:-4]  # two 3x3 layers: 2 LR pixels, 4 of HR
    loss, parts = objective(lr, hr, None)
    assert torch.equal(loss, objective(lr, other, None)[0])
    assert torch.equal(loss.detach(), parts["l1"])
    other[..., 4, 4] += 1
    assert not torch.equal(loss, objective(lr, other, None)[0])


def test_with_borders_a_patch_is_a_picture_but_for_its_rim(recipe: Make) -> None:
    made = recipe()
    net = nets.build(made.net.name, **made.net.config)
    lr, hr = torch.rand(2, 1, 12, 12), torch.rand(2, 1, 24, 24)
    by_hand = (net(lr) - hr)[..., 2:-2, 2:-2].abs().mean()  # 2 HR pixels a side are in no figure
    loss, _ = Objective(net, LossSum({"l1": 1.0}), None)(lr, hr, None, borders=True)
    torch.testing.assert_close(loss, by_hand)


def test_distillation_from_a_shipped_network_kept_or_made_anew(tmp_path: Path, recipe: Make) -> None:
    rows = []
    for cache in (True, False):
        teacher = {"model": "bicubic", "cache": cache}
        train(recipe(steps=1, losses={"l1": 1.0, "distillation": 0.5}, teacher=teacher), tmp_path / str(cache))
        assert (tmp_path / str(cache) / "teacher").exists() == cache
        rows += _curve(tmp_path / str(cache))
    kept, anew = (float(row["distillation"]) for row in rows)
    # bicubic sees 2 pixels to each side, as the student does, so that a patch's middle is the picture's; but turned
    # patches round differently: a level, 0.004, here and there
    assert kept == pytest.approx(anew, abs=1e-4)
    assert abs(kept - float(rows[0]["l1"])) > 1e-3


def test_features_of_a_checkpoint(tmp_path: Path, recipe: Make) -> None:
    train(recipe(steps=1), tmp_path / "teacher")
    best = str(tmp_path / "teacher" / "best.pt")
    made = recipe(steps=2, losses={"l1": 1.0, "feature": 1.0, "structured": 1.0}, teacher={"model": best}, seed=1)
    train(made, tmp_path / "run")
    (row,) = _curve(tmp_path / "run")
    assert float(row["feature"]) > 0
    assert float(row["structured"]) > 0
    assert not (tmp_path / "run" / "teacher").exists()  # no loss looks at its pictures


def test_the_network_of_the_best_checkpoint_is_what_validates(tmp_path: Path, recipe: Make) -> None:
    outcome = train(recipe(), tmp_path / "run")
    net = load_network(tmp_path / "run" / "best.pt")
    _, valid, _ = loop.sources.load_pairs(recipe().data)
    assert loop.valid_psnr_db(net, valid) == outcome.best_psnr_db


def test_nothing_is_overwritten(tmp_path: Path, recipe: Make) -> None:
    out = tmp_path / "run"
    train(recipe(steps=1), out)
    before = {path: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(UserError, match=r"holds a run already: go on with --resume, or name another folder with --out"):
        train(recipe(), out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter").touch()
    with pytest.raises(UserError, match="exists and is not empty: choose another folder with --out"):
        train(recipe(), other)
    with pytest.raises(UserError, match=r"letter/run can't be written"):
        train(recipe(), other / "letter" / "run")


def test_another_recipe_is_not_resumed_unless_asked(tmp_path: Path, recipe: Make) -> None:
    out = tmp_path / "run"
    with pytest.raises(UserError, match="holds no run: leave --resume out, or name its folder with --out"):
        train(recipe(), out, resume=True)
    train(recipe(steps=2), out)
    longer = recipe(steps=3, optimiser={"lr": 0.001, "warmup": 2})
    with pytest.raises(UserError, match=r"\(steps was 2 and is now 3, optimiser.lr was 0.005 and is now 0.001\)"):
        train(longer, out, resume=True)
    with pytest.raises(UserError, match=r"another recipe \(steps was 2 and is now 3\)"):
        train(longer, out, resume=True, changed=["optimiser"])
    assert train(longer, out, resume=True, changed=["optimiser.lr", "steps"]).step == 3
    assert parse_recipe(out / "recipe.yaml") == longer


def test_a_recipe_from_before_a_key_was_known_is_resumed(tmp_path: Path, recipe: Make) -> None:
    out = tmp_path / "run"
    train(recipe(steps=2), out)
    state = load_checkpoint(out / "last.pt")
    del state["recipe"]["threads"]
    torch.save(state, out / "last.pt")
    assert train(recipe(steps=2), out, resume=True).finished


def test_a_loss_that_is_no_number_ends_the_run_and_spoils_no_checkpoint(tmp_path: Path, recipe: Make) -> None:
    made = recipe(steps=50, optimiser={"lr": 1e30, "warmup": 0}, checkpoint_every_s=0)
    with pytest.raises(UserError, match=r"no number any more at step 50: lower optimiser\.lr or set "):
        train(made, tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / "last.pt")
    assert all(torch.isfinite(weight).all() for weight in state["net"].values())
    assert math.isinf(state["best_psnr_db"])  # nothing was validated


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"patch": [[0, 12], [3, 4]]}, "patch 4: this network looks 2 pixels to each side"),
        ({"net": {"name": "bicubic"}}, "net bicubic has no weights to train"),
        ({"net": {"name": "pocked"}}, "no network 'pocked'"),
        ({"patch": 40}, "no picture has 80 pixels a side"),
        ({"init": "none.pt"}, "no such checkpoint: none.pt"),
        ({"data": {"folder": "nowhere"}}, "nowhere"),
    ],
)
def test_what_can_not_be_trained(tmp_path: Path, recipe: Make, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        train(recipe(**changes), tmp_path / "run")


def test_a_coarser_precision_trains_too(tmp_path: Path, recipe: Make) -> None:
    made = recipe(precision="bf16-mixed")
    assert train(made, tmp_path / "run").finished
    assert load_checkpoint(tmp_path / "run" / "last.pt")["recipe"] == msgspec.to_builtins(made)
