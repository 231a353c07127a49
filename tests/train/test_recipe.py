"""Recipes are strict: what is unknown, of a wrong type or contradictory is refused, with the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from pocketsr.errors import PocketsrWarning, UserError
from pocketsr.train import Recipe, current_key, dump_recipe, parse_recipe
from pocketsr.train.recipe import Ema
from pocketsr.train.recipe_file import differences

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def file(tmp_path: Path, content: dict[str, Any]) -> Path:
    path = tmp_path / "probe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.name)
def test_recipes_that_ship_are_right_and_named_like_their_files(path: Path) -> None:
    assert parse_recipe(path).name == path.stem


def test_defaults_and_overrides(file: Path) -> None:
    plain = parse_recipe(file)
    assert plain.ema == Ema(decay=0.999)
    assert plain.losses == {"l1": 1.0}
    changed = parse_recipe(
        file,
        ["optimiser.lr=4e-3", "ema=null", "net.config.expansion=8", "losses={l2: 1}", "finish.losses.l1=1", "steps=20"],
    )
    assert changed.optimiser.lr == 0.004  # YAML 1.1 would read "4e-3" as text
    assert changed.ema is None
    assert changed.net.config["expansion"] == 8
    assert changed.net.config["layers"] == plain.net.config["layers"]
    assert changed.losses == {"l2": 1.0}
    assert changed.finish is not None
    assert changed.finish_step() == 16  # 0.8 of 20


def test_what_is_written_is_read_again_the_same(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    one = recipe(patch=[[0, 12], [3, 16]], finish={"losses": {"l2": 1.0}}, schedule={"restarts": [2, 4]})
    path = tmp_path / "written.yaml"
    path.write_text(dump_recipe(one))
    assert parse_recipe(path) == one


def test_keys_of_the_release_before_are_read_with_a_note(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "old.yaml"
    content["data"] |= {"favour": {"a/*": 2}, "valid_only": ["b/*"], "codec": {"clips": "c", "pans": 3, "draws": 4}}
    path.write_text(yaml.safe_dump(content))
    with pytest.warns(PocketsrWarning) as notes:
        read = parse_recipe(path, ["data.valid_only=[d/*]"])
    assert sorted(str(note.message).partition(": ")[2] for note in notes) == [
        "data.codec.draws is called data.codec.encodings now",
        "data.codec.pans is called data.codec.panned_clips now",
        "data.favour is called data.sampling_weights now",
        "data.valid_only is called data.valid_patterns now",
    ]
    assert read.data.sampling_weights == {"a/*": 2}
    assert read.data.valid_patterns == ("d/*",)
    assert read.data.codec is not None
    assert (read.data.codec.panned_clips, read.data.codec.encodings) == (3, 4)
    content["data"]["sampling_weights"] = {"e/*": 1}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"old.yaml: data.favour is data.sampling_weights now, and both are set"):
        parse_recipe(path)
    assert current_key("data.favour.a") == "data.sampling_weights.a"
    assert current_key("data.favourite") == "data.favourite"


def test_nothing_changes_after_reading(file: Path) -> None:
    with pytest.raises(AttributeError):
        parse_recipe(file).steps = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("stepz=5", r"probe.yaml: stepz is unknown; did you mean steps\? Known here: name, net, data, steps, "),
        (
            "optimiser.lrr=1",
            r"optimiser.lrr is unknown; did you mean lr\? Known here: lr, kind, betas, clip_norm, warmup",
        ),
        ("ema.decai=1", r"ema.decai is unknown; did you mean decay\? Known here: decay"),
        ("data.codec.clpis=x", r"data.codec.clpis is unknown; did you mean clips\?"),
        ("steps=many", "steps: expected int, got str"),
        ("steps=0", "steps: expected int >= 1"),
        ("optimiser.betas=[0.9]", "optimiser.betas: expected array of length 2, got 1"),
        ("optimiser={}", "optimiser.lr is missing"),
        ("schedule.kind=linear", "schedule.kind: invalid enum value 'linear'"),
        ("ema.decay=1", "ema.decay: expected float < 1"),
        ("name=../x", "name: expected str matching regex"),
        ("patch=[[0, 12], [4]]", "patch.1: expected array of length 2, got 1"),
        ("losses.l3=1", "no loss 'l3': known are "),
        ("losses={}", "losses: expected object of length >= 1"),
        ("name.x=1", "name is 'probe' and has no x in it"),
        ("steps", "--set steps: expected KEY=VALUE"),
        ("patch=[1, ", "--set patch, line 1 is not YAML that a recipe may hold"),
    ],
)
def test_mistakes_name_the_key_and_the_mend(file: Path, override: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_recipe(file, [override])


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["init_share=0.5"], "init_share 0.5 is of the weights to begin with: set init"),
        (["schedule={kind: constant, restarts: [3]}"], "set schedule.kind to cosine, or leave them out"),
        (["schedule.restarts=[3, 2]"], r"schedule.restarts must rise and lie below steps \(6\)"),
        (["schedule.restarts=[6]"], "must rise and lie below steps"),
        (["patch=[[2, 12]]"], "patch: the list must begin at step 0"),
        (["patch=[[0, 12], [0, 16]]"], "patch: the list must begin at step 0 and its steps must rise"),
        (["patch=[]"], "patch: the list must begin at step 0"),
        (["devices=3"], "batch 4 can't be shared by 3 processes: make it 6"),
        (["finish={at: 0.01, losses: {l2: 1}}"], "finish.at 0.01 of 6 steps leaves nothing on one side"),
        (["losses.distillation=1"], "there is none: set teacher.model, or leave them out"),
        (["finish={losses: {feature: 1}}"], "there is none: set teacher.model, or leave them out"),
        (["teacher.model=bicubic"], "nothing uses the teacher: set its share, add distillation"),
        (["teacher={model: bicubic, share: 1, cache: false}"], "teacher.share needs the teacher's pictures kept"),
        (
            ["teacher.model=bicubic", "losses.feature=1", "borders_every=2"],
            "borders_every needs losses of pictures alone",
        ),
        (["data.jpeg_quality=[90, 30]"], "data.jpeg_quality: the lowest quality comes first"),
    ],
)
def test_contradictions_are_refused_with_the_mend(file: Path, overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_recipe(file, overrides)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "is no recipe: it should hold keys such as name:, net: and data:"),
        ("", "is no recipe"),
        ("name: a\nname: b\n", "line 1 is not YAML that a recipe may hold: the key name stands twice"),
        ("name: [a\n", "is not YAML that a recipe may hold"),
        ("name: !!python/object:os.system a\n", "is not YAML that a recipe may hold"),
    ],
)
def test_files_that_are_no_recipes(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        parse_recipe(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml can't be read as a recipe"):
        parse_recipe(tmp_path / "none.yaml")


def test_differences_are_found_at_any_depth(recipe: Callable[..., Recipe]) -> None:
    old = msgspec.to_builtins(recipe())
    new = msgspec.to_builtins(recipe(steps=7, optimiser={"lr": 0.1, "warmup": 2}, ema=None))
    assert differences(old, new) == {"steps": (6, 7), "optimiser.lr": (0.005, 0.1), "ema": ({"decay": 0.999}, None)}
    assert differences(old, old) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 5000, "is nested too deeply for a recipe"),
        ("name: x\n" + "".join(f"k{i}: 1\n" for i in range(20_000)), "has more than 100,000 characters"),
        ("name: x\n" * 2, "the key name stands twice"),
        ("net: !!python/object/apply:os.system [true]", "is not YAML that a recipe may hold"),
    ],
)
def test_files_that_are_no_recipe_are_answered_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "made.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        parse_recipe(path)
