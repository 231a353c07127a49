"""The folder of a run: what stands in it, and when it may be written."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pocketsr.atomic_io import is_part, replacing
from pocketsr.errors import UserError
from pocketsr.nets import to_onnx
from pocketsr.quant import QuantNet, write_onnx
from pocketsr.train.checkpoint import load_checkpoint, load_network
from pocketsr.train.recipe import Recipe
from pocketsr.train.recipe_file import differences, dump_recipe, recipe_from

__all__ = ["RunFolder"]


class RunFolder:
    """recipe.yaml, drawn.json, last.pt, best.pt, curve.csv, curve.svg, curve.png and NAME.onnx.

    A teacher's pictures stand in teacher/.
    """

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path, self._recipe = path, recipe
        self.last, self.best = path / "last.pt", path / "best.pt"
        self.curve, self.teacher = path / "curve.csv", path / "teacher"
        self.onnx = path / f"{recipe.name}.onnx"

    def finished(self) -> bool:
        """Whether a run has come to its end here."""
        return self.best.is_file() and self.onnx.is_file()

    def check_new(self) -> None:
        """Raises UserError where something stands already: nothing is ever overwritten."""
        if self.last.exists():
            raise UserError(f"{self.path} holds a run already: go on with --resume, or name another folder with --out")
        if self.path.exists() and (not self.path.is_dir() or any(not self._of_start(f) for f in self.path.iterdir())):
            raise UserError(f"{self.path} exists and is not empty: choose another folder with --out")

    def _of_start(self, path: Path) -> bool:
        """Whether a run that was killed before its first checkpoint may have left this."""
        return path.name in ("recipe.yaml", "drawn.json") or is_part(path.name)

    def create(self, drawn: Sequence[dict[str, Any]] = ()) -> None:
        """Make the folder, with the recipe in it, and what was drawn to make its data (where anything was).

        Raises UserError where that can't be done.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with replacing(self.path / "recipe.yaml") as part:
                part.write_text(dump_recipe(self._recipe))
            if drawn:
                with replacing(self.path / "drawn.json") as part:
                    part.write_text(json.dumps(drawn, indent=1) + "\n")
        except OSError as error:
            raise UserError(f"{self.path} can't be written ({error.strerror}): choose another with --out") from error

    def reopen(self, changed: Collection[str]) -> dict[str, Any] | None:
        """The last checkpoint, if it is of this recipe; only the keys in `changed` may differ.

        None where the run was killed before its first one: it begins anew then. Raises UserError where there is no
        run, or where the recipe is another one.
        """
        if not self.last.exists():
            if (self.path / "recipe.yaml").exists():
                self.check_new()
                return None
            raise UserError(f"{self.path} holds no run: leave --resume out, or name its folder with --out")
        state = load_checkpoint(self.last)
        began = recipe_from(state["recipe"], str(self.last))  # with the defaults of keys that are newer than the run
        differ = differences(msgspec.to_builtins(began), msgspec.to_builtins(self._recipe))
        free = ("cost", *changed)
        refused = {key: pair for key, pair in differ.items() if not any(f"{key}.".startswith(f"{c}.") for c in free)}
        if refused:
            listed = ", ".join(f"{key} was {old!r} and is now {new!r}" for key, (old, new) in refused.items())
            raise UserError(
                f"{self.path} began with another recipe ({listed}): take {self.path / 'recipe.yaml'}, "
                "or allow the change by naming it with --set; the run is then no longer one that the recipe gives"
            )
        return state

    def export(self) -> None:
        """Write the best averaged weights, collapsed or quantized, as NAME.onnx: complete or absent."""
        net = load_network(self.best)
        if isinstance(net, QuantNet):
            write_onnx(net, self.onnx)
        else:
            to_onnx(net, self.onnx)
