"""curve.csv and its picture."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from pocketsr.train import Recipe
from pocketsr.train.curve import Curve, draw

HEAD = ["step", "lr", "l1", "l2", "valid_psnr_db", "seconds"]


def _lines(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def _written(path: Path, recipe: Recipe) -> None:
    curve = Curve(path, recipe.loss_plan().terms(), 0)
    curve.add(100, 0.005, {"l1": 0.25}, None, 1.04)
    curve.add(200, 0.0025, {"l2": 1 / 3}, 33.12345, 2.0)
    curve.close()


def test_a_column_a_loss_and_nothing_where_nothing_was_measured(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    path = tmp_path / "curve.csv"
    _written(path, recipe(finish={"losses": {"l2": 1.0}}))
    assert _lines(path) == [
        HEAD,
        ["100", "0.005", "0.25", "", "", "1.0"],
        ["200", "0.0025", "", "0.333333", "33.1234", "2.0"],
    ]


def test_a_resumed_run_takes_the_steps_behind_its_checkpoint_again(
    tmp_path: Path, recipe: Callable[..., Recipe]
) -> None:
    path, made = tmp_path / "curve.csv", recipe(finish={"losses": {"l2": 1.0}})
    _written(path, made)
    with path.open("a") as file:
        file.write("300,0.0")  # a power cut in the middle of a row
    curve = Curve(path, made.loss_plan().terms(), 150)
    curve.add(200, 0.0025, {"l2": 0.5}, None, 3.0)
    curve.close()
    assert _lines(path) == [HEAD, ["100", "0.005", "0.25", "", "", "1.0"], ["200", "0.0025", "", "0.5", "", "3.0"]]


def test_the_picture(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    path = tmp_path / "curve.csv"
    _written(path, recipe(finish={"losses": {"l2": 1.0}}))
    draw(path)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (tmp_path / "curve.svg").read_text()


def test_nothing_to_draw_is_no_mistake(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    path = tmp_path / "curve.csv"
    Curve(path, recipe().loss_plan().terms(), 0).close()  # stopped before the first report
    draw(path)
    assert (tmp_path / "curve.png").exists()
