"""curve.csv, a row every some steps, and the picture that is drawn of it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pocketsr.atomic_io import replacing

__all__ = ["Curve", "draw"]


class Curve:
    """Appends to curve.csv. A resumed run drops the rows of the steps that it takes again.

    terms: the names of the losses.
    Columns: step (steps done), lr, each loss term (mean since the last row, unweighted), valid_psnr_db (empty where
    nothing was validated), seconds (of training so far).
    """

    def __init__(self, path: Path, terms: Sequence[str], start: int) -> None:
        self._columns = ["step", "lr", *terms, "valid_psnr_db", "seconds"]
        kept = [row for row in _rows(path) if int(row["step"]) <= start] if path.exists() else []
        with replacing(path) as part, part.open("w", newline="") as file:  # a kill just now must not cost the rows
            writer = self._writer_to(file)
            writer.writeheader()
            writer.writerows(kept)
        self._file: IO[str] = path.open("a", newline="")
        self._writer = self._writer_to(self._file)

    def _writer_to(self, file: IO[str]) -> csv.DictWriter[str]:
        return csv.DictWriter(file, self._columns, restval="", extrasaction="ignore")

    def add(self, step: int, lr: float, losses: dict[str, float], valid_psnr_db: float | None, seconds: float) -> None:
        row: dict[str, object] = {"step": step, "lr": f"{lr:.6g}", "seconds": f"{seconds:.1f}"}
        row |= {name: f"{loss:.6g}" for name, loss in losses.items()}
        if valid_psnr_db is not None:
            row["valid_psnr_db"] = f"{valid_psnr_db:.4f}"
        self._writer.writerow(row)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _rows(path: Path) -> list[dict[str, str]]:
    """The whole rows; the last one may have been cut off by a power cut."""
    with path.open(newline="", errors="replace") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if None not in row.values() and (row.get("step") or "").isdecimal()]


def draw(path: Path) -> None:
    """Draw curve.csv at `path` beside it as curve.svg and curve.png: losses and rate, and validation."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = _rows(path)
    names = [name for name in (rows[0] if rows else {}) if name not in ("step", "lr", "valid_psnr_db", "seconds")]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name in [*names, "lr"]:
        points = [(int(row["step"]), float(row[name])) for row in rows if row[name]]
        style = {"color": "grey", "linestyle": ":", "label": "learning rate"} if name == "lr" else {"label": name}
        left.plot(*zip(*points, strict=True) if points else ((), ()), **style)
    valid = [(int(row["step"]), float(row["valid_psnr_db"])) for row in rows if row["valid_psnr_db"]]
    right.plot(*zip(*valid, strict=True) if valid else ((), ()), marker=".", color="tab:green")
    left.set(xlabel="step", ylabel="loss, mean since the last point", yscale="log")
    right.set(xlabel="step", ylabel="PSNR of the averaged weights, dB", title="Validation images")
    left.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    for suffix in (".svg", ".png"):
        figure.savefig(path.with_suffix(suffix), dpi=120)
    plt.close(figure)
