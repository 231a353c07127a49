"""Candidates drawn: parameters against multiply-adds with a curve a family, and capacity against predicted time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pocketsr.design.rank import Row, front, slopes, weights_of
from pocketsr.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "draw_capacity", "draw_work", "families_of"]

COLOURS = ("#2e6f9e", "#d1495b", "#3a7d44", "#b8860b", "#7b4b94", "#00838f", "#c2571a", "#555555")
"""Of the families, in their order; again from the first where they are more."""

_NAMED = 8  # of the fronts, at most, bear their names
_LINES = ("-", "--", ":", "-.", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 5)))  # of the fronts of each kind of weights


def families_of(rows: Sequence[Row]) -> dict[str, str]:
    """The families' colours."""
    names = dict.fromkeys(row.candidate.family for row in rows)
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def _canvas(rows: Sequence[Row]) -> tuple[Figure, Axes]:
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import EngFormatter
    except ModuleNotFoundError as error:
        raise UserError(f"drawings need {error.name}: pip install 'pocketsr[train]'") from error
    if not rows:
        raise UserError("no candidate is left to draw")
    figure = Figure(figsize=(10, 6.5), dpi=150)
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.08, top=0.98)
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log", ylabel="parameters")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.grid(which="both", alpha=0.2, linewidth=0.6)
    return figure, axes


def _scatter(axes: Axes, rows: Sequence[Row], x: Sequence[float], labels: dict[str, str]) -> None:
    for name, colour in families_of(rows).items():
        places = [i for i, row in enumerate(rows) if row.candidate.family == name]
        across, up = [x[i] for i in places], [rows[i].params for i in places]
        axes.scatter(across, up, 9, color=colour, alpha=0.35, linewidths=0, label=labels[name], rasterized=True)


def draw_work(rows: Sequence[Row]) -> Figure:
    """Parameters against GMACs a frame, with a line a family. Raises UserError without rows or matplotlib."""
    figure, axes = _canvas(rows)
    steep = slopes(rows)
    labels = {
        name: f"{name}: {steep[name]:,.0f} parameters for each GMAC" if name in steep else name
        for name in families_of(rows)
    }
    _scatter(axes, rows, [row.gmacs for row in rows], labels)
    for name, colour in families_of(rows).items():
        own = [row for row in rows if row.candidate.family == name]
        if name in steep:
            x = np.geomspace(min(row.gmacs for row in own), max(row.gmacs for row in own), 50)
            middle = np.mean([row.params for row in own]) - steep[name] * np.mean([row.gmacs for row in own])
            y = steep[name] * x + middle
            axes.plot(x[y > 0], y[y > 0], color=colour, linewidth=1.2)
    axes.set(xlabel="GMAC a frame, as direct convolution counts them")
    axes.legend(loc="lower right", fontsize=9)
    return figure


def draw_capacity(rows: Sequence[Row], device: str, budget_ms: float | None = None) -> Figure:
    """Parameters against predicted milliseconds, the front of each kind of weights joined, its largest named.

    Raises UserError as `draw_work`.
    """
    figure, axes = _canvas(rows)
    _scatter(axes, rows, [row.predicted_ms for row in rows], {name: name for name in families_of(rows)})
    kinds = weights_of(rows)
    for place, weights in enumerate(kinds):
        best = [rows[i] for i in front(rows, weights)]
        axes.plot(
            [row.predicted_ms for row in best], [row.params for row in best],
            linestyle=_LINES[place % len(_LINES)], color="#222222", linewidth=1, drawstyle="steps-post",
            label=f"most parameters within a time, {weights}",
        )  # fmt: skip
        for index in sorted({round(i) for i in np.linspace(0, len(best) - 1, max(2, _NAMED // len(kinds)))}):
            row = best[index]
            axes.annotate(
                row.candidate.name, (row.predicted_ms, row.params), (-4, 4),
                textcoords="offset points", ha="right", fontsize=7,
            )  # fmt: skip
    if budget_ms is not None:
        axes.axvline(budget_ms, color="#888888", linestyle=":", linewidth=1)
    axes.set(xlabel=f"predicted milliseconds a frame, {device}")
    axes.legend(loc="lower right", fontsize=9)
    return figure
