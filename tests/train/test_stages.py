"""Recipes that begin where others end: found, trained in order, resumed, and refused where they can't be."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from pocketsr.cli import main
from pocketsr.errors import UserError
from pocketsr.train import earlier_stages, loop, parse_recipe, train
from pocketsr.train.checkpoint import load_checkpoint
from pocketsr.train.parts import Rates
from pocketsr.train.schedule import learning_rate

Write = Callable[..., Path]
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def write(tmp_path: Path, content: dict[str, Any]) -> Write:
    """Writes recipes/NAME.yaml, of 2 steps, but for what is named."""

    def written(name: str, **changes: Any) -> Path:
        path = tmp_path / "recipes" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        whole = content | {"name": name, "steps": 2, "validate_every": 1} | changes
        path.write_text(yaml.safe_dump({key: value for key, value in whole.items() if value is not None}))
        return path

    return written


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`pocketsr train` in the folder beside recipes/: exit code, and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "draw", lambda _: None)

    def called(*arguments: object) -> tuple[int, str]:
        code = main(["train", *map(str, arguments)])
        return code, capsys.readouterr().err

    return called


@pytest.fixture
def three(write: Write) -> None:
    """c, which is quantized, goes on from b, and b from a."""
    write("a", cost={"core_hours": 0.25})
    write("b", init={"recipe": "a.yaml"}, seed=1)
    write("c", net=None, quant={"spec": "w8a8", "model": {"recipe": "b.yaml"}, "patches": 2}, seed=2)


def _weights(run: str) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_checkpoint(Path("runs") / run / "best.pt")["ema"]
    return found


def _interrupt_in(monkeypatch: pytest.MonkeyPatch, lr: float) -> None:
    """Ctrl-C in the first step of the stage with this rate."""

    def rate(rates: Rates, at: int) -> float:
        if rates.lr == lr and at == 0:
            signal.raise_signal(signal.SIGINT)
        return learning_rate(rates, at)

    monkeypatch.setattr(loop, "learning_rate", rate)


@pytest.mark.usefixtures("three")
def test_one_command_trains_all_stages_in_order(call: Call) -> None:
    code, said = call("recipes/c.yaml")
    assert code == 0, said
    lines = [line for line in said.splitlines() if line.startswith("pocketsr: ")]
    assert lines == [
        "pocketsr: stage 1 of 3: a, in runs/a, about 0.25 core-hours on an AMD EPYC",
        "pocketsr: stage 2 of 3: b, in runs/b",
        "pocketsr: b begins with runs/a/best.pt",
        "pocketsr: stage 3 of 3: c, in runs/c",
        "pocketsr: c begins with runs/b/best.pt",
    ]
    assert Path("runs/c/c.onnx").is_file()
    began = load_checkpoint(Path("runs/c/best.pt"))["recipe"]
    assert began["quant"]["model"] == "runs/b/best.pt"
    # by hand, a stage after the other
    train(parse_recipe(Path("recipes/a.yaml")), Path("by-hand/a"))
    train(parse_recipe(Path("recipes/b.yaml"), ["init=by-hand/a/best.pt"]), Path("by-hand/b"))
    train(parse_recipe(Path("recipes/c.yaml"), ["quant.model=by-hand/b/best.pt"]), Path("by-hand/c"))
    for name, weight in _weights("../by-hand/c").items():
        assert torch.equal(weight, _weights("c")[name])


@pytest.mark.usefixtures("three")
def test_finished_stages_are_found(call: Call) -> None:
    assert call("recipes/b.yaml")[0] == 0
    before = Path("runs/b/last.pt").read_bytes()
    code, said = call("recipes/c.yaml")
    assert code == 0
    assert "stage" not in said
    assert "pocketsr: c begins with runs/b/best.pt\n" in said
    assert Path("runs/b/last.pt").read_bytes() == before
    assert call("recipes/c.yaml")[0] == 2  # it holds a run already


def test_a_kept_checkpoint_serves_but_not_with_all_stages(call: Call, write: Write) -> None:
    write("a")
    assert call("recipes/a.yaml", "--out", "kept")[0] == 0
    Path("kept/best.pt").rename("kept.pt")
    write("b", init={"recipe": "a.yaml", "checkpoint": "../kept.pt"})
    code, said = call("recipes/b.yaml", "--out", "one/b")
    assert code == 0
    assert "pocketsr: b begins with kept.pt, kept of a run of recipes/a.yaml\n" in said
    assert not Path("one/a").exists()
    code, said = call("recipes/b.yaml", "--out", "two/b", "--all-stages")
    assert code == 0
    assert "stage 1 of 2: a, in two/a\n" in said
    assert "b begins with two/a/best.pt\n" in said
    assert load_checkpoint(Path("one/b/best.pt"))["recipe"]["init"] == "kept.pt"
    # a longer run goes on from what it began with, though a stage was trained meanwhile
    assert call("recipes/a.yaml", "--out", "one/a")[0] == 0
    code, said = call("recipes/b.yaml", "--out", "one/b", "--set", "steps=3", "--resume")
    assert code == 0, said
    assert load_checkpoint(Path("one/b/last.pt"))["recipe"]["init"] == "kept.pt"


@pytest.mark.parametrize(("lr", "stage"), [(0.001, 1), (0.002, 2), (0.003, 3)])
def test_interrupted_in_any_stage_the_same_command_goes_on(
    call: Call, write: Write, monkeypatch: pytest.MonkeyPatch, lr: float, stage: int
) -> None:
    for number, name in enumerate("abc", 1):
        init = {"recipe": f"{chr(ord(name) - 1)}.yaml"} if number > 1 else None
        write(name, init=init, optimiser={"lr": number / 1000})
    with monkeypatch.context() as patched:
        _interrupt_in(patched, lr)
        code, said = call("recipes/c.yaml", "--all-stages")
    assert code == 130
    assert f"stopped at step 1 of 2{'' if stage == 3 else f' ({chr(96 + stage)}, stage {stage} of 3)'}; best" in said
    again = said.rpartition("go on with: pocketsr train ")[2].split()
    assert again == ["recipes/c.yaml", "--out", "runs/c", "--all-stages", "--resume"]
    code, said = call(*again)
    assert code == 0, said
    assert call("recipes/c.yaml", "--out", "straight/c")[0] == 0
    for name, weight in _weights("c").items():
        assert torch.equal(weight, _weights("../straight/c")[name])


def test_settings_for_all_stages(call: Call, write: Write, pictures: Path) -> None:
    data = {"folder": "nowhere", "valid_share": 0.25}
    write("a", data=data)
    write("b", data=data, init={"recipe": "a.yaml"}, schedule={"kind": "constant"})
    code, said = call("recipes/b.yaml")
    assert (code, said.count("\n"), said[-34:]) == (2, 1, "others: --set-all data.folder=DIR\n")
    for_all = [f"data.folder={pictures}", "steps=1", "schedule.kind=cosine", "data.codec.frames=20"]
    code, said = call("recipes/b.yaml", "--set", "seed=3", *(word for each in for_all for word in ("--set-all", each)))
    assert code == 0, said
    a, b = (load_checkpoint(Path("runs") / name / "best.pt")["recipe"] for name in "ab")
    assert a["data"]["codec"] is b["data"]["codec"] is None  # neither has that section
    assert call("recipes/b.yaml", "--set-all", "dat.folder=x")[1].count("dat is unknown; did you mean data?") == 1
    assert (a["steps"], a["seed"], b["steps"], b["seed"], b["schedule"]["kind"]) == (1, 0, 1, 3, "cosine")


def test_a_stage_that_ran_by_other_settings(call: Call, write: Write) -> None:
    write("a")
    write("b", init={"recipe": "a.yaml"})
    assert call("recipes/a.yaml", "--set", "seed=9")[0] == 0
    code, said = call("recipes/b.yaml", "--all-stages")
    assert (code, said) == (
        2, "pocketsr: runs/a ran by another recipe (seed was 9 and is now 0): move it away, or name another place "
        "with --out\n",
    )  # fmt: skip
    code, said = call("recipes/b.yaml")
    assert code == 0
    assert "b begins with runs/a/best.pt, of a run with other settings: seed\n" in said


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "missing": (
        {"init": {"recipe": "none.yaml"}},
        "b.yaml starts from the recipe recipes/none.yaml, which isn't there",
    ),
    "itself": ({"init": {"recipe": "b.yaml"}}, "its stages form a cycle"),
    "circle": ({"init": {"recipe": "round.yaml"}}, "its stages form a cycle"),
    "a link to itself": ({"init": {"recipe": "link.yaml"}}, "its stages form a cycle"),
    "a folder": ({"init": {"recipe": "."}}, "which isn't there"),
    "no recipe": ({"init": {"recipe": "text.yaml"}}, "text.yaml is no recipe"),
    "same name": ({"init": {"recipe": "same.yaml"}}, "two of its stages are called b"),
    "wider": ({"init": {"recipe": "wider.yaml"}}, "recipes/wider.yaml holds another network than the recipe's net"),
    "quantized": (
        {"init": {"recipe": "bits.yaml"}},
        "which is quantized: name a stage in full precision, or",
    ),
    "quantized twice": (
        {"net": None, "quant": {"spec": "w4a4", "model": {"recipe": "bits.yaml"}}},
        "which is quantized: name a stage in full precision, or",
    ),
    "a slip": ({"init": {"recipee": "a.yaml"}}, "init.recipee is unknown; did you mean recipe?"),
    "a number": ({"init": 3}, "init: expected"),
    "zero byte": ({"init": {"recipe": "a\0.yaml"}}, "which isn't there"),
}


@pytest.mark.parametrize("case", WRONG)
def test_stages_that_can_not_be_are_one_line_before_anything_is_trained(call: Call, write: Write, case: str) -> None:
    changes, expected = WRONG[case]
    write("a")
    write("round", init={"recipe": "b.yaml"})
    write("wider", net={"name": "pocket", "config": {"layers": [{"channels": 5}, {"channels": 4}], "expansion": 4}})
    write("bits", net=None, quant={"spec": "w8a8", "model": "tiny"})
    write("same").write_text(write("same").read_text().replace("name: same", "name: b"))
    Path("recipes/text.yaml").write_text("- only\n- a list\n")
    os.link(write("b", **changes), "recipes/link.yaml")
    code, said = call("recipes/b.yaml")
    assert code == 2, said
    assert said.count("\n") == 1
    assert expected in said
    assert not Path("runs").exists()


def test_a_stage_is_looked_for_from_the_recipes_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a")
    path = write("b", init={"recipe": "a.yaml", "checkpoint": "../kept.pt"})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    ((found, file),) = earlier_stages(parse_recipe(path), path)
    assert (found.name, file) == ("a", (tmp_path / "recipes" / "a.yaml").resolve())
    with pytest.raises(UserError, match=r"b starts from a, which run/a holds no finished run of and .*kept\.pt is abs"):
        train(parse_recipe(path), Path("run/b"))


def test_the_cost_is_a_number_that_follows_the_steps(write: Write) -> None:
    path = write("a", cost={"core_hours": 1.5, "note": "a guess"})
    costs = [
        parse_recipe(path, said).cost for said in ([], ["steps=4"], ["cost.core_hours=9", "steps=4"], ["cost=null"])
    ]
    assert [cost and cost.core_hours for cost in costs] == [1.5, 3.0, 9, None]
    for wrong in ("-1", "many"):
        with pytest.raises(UserError, match=r"cost\.core_hours: expected"):
            parse_recipe(path, [f"cost.core_hours={wrong}"])


def test_another_cost_does_not_keep_a_run_from_going_on(call: Call, write: Write) -> None:
    assert call(write("a"))[0] == 0
    assert call(write("a", cost={"core_hours": 2}), "--resume")[0] == 0
