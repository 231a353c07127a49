"""PSNR against what a network costs, drawn so that every point can be told by its name."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from pocketsr.atomic_io import replacing
from pocketsr.bench.labels import FONT, MARKER, Label, write_labels
from pocketsr.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pocketsr.bench.table import Origin, Table

__all__ = ["COSTS", "Cost", "as_svg", "drawable", "plot", "write_plot"]

Cost = Literal["params", "ms"]
COSTS: dict[Cost, str] = {"params": "parameters", "ms": "milliseconds a frame, 1280x720 out"}
"""What stands below the axis."""

_LOOKS: dict[Origin, tuple[str, str, str]] = {  # marker, face, edge; the first origin of a network bears its label
    "ours": ("*", "#d1495b", "#8c1c2e"),
    "trained here": ("^", "#3a7d44", "#24502b"),
    "reproduced": ("o", "#2e6f9e", "#1b4462"),
    "published": ("o", "none", "#777777"),
}
_SIZES = {"*": 190, "^": 42, "o": 34}  # of markers, in points squared
_DPI = 150
_STAR, _LINE = 16, 3  # pixels from the middle of our marker, and from a line, that labels keep away


@dataclass(frozen=True)
class _Point:
    model: str
    origin: Origin
    cost: float
    psnr_db: float


def drawable(table: Table, test_set: str) -> list[Cost]:
    """The costs that a network of `table` has beside a PSNR on `test_set`: a table may be half measured."""
    return [cost for cost in COSTS if _points(table, test_set, cost)[0]]


def plot(table: Table, test_set: str, cost: Cost) -> Figure:
    """PSNR on `test_set` against `cost`, on a logarithmic axis.

    What has no parameters (bicubic) is named beside the points: far below all others, it would press them together.
    A network that was both published and measured has a point for each, joined, and one label.
    Raises UserError where matplotlib is missing, or no network has both figures.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import EngFormatter
    except ModuleNotFoundError as error:
        raise UserError(f"plots need {error.name}: pip install 'pocketsr[train]'") from error
    drawn, fixed = _points(table, test_set, cost)
    if not drawn:
        raise UserError(f"no network of the table has '{cost}' and a PSNR on {test_set}")
    figure = Figure(figsize=(10, 6.5), dpi=_DPI)
    FigureCanvasAgg(figure)  # measures the labels
    figure.subplots_adjust(left=0.07, right=0.97, bottom=0.08, top=0.98)
    axes = figure.add_subplot()
    where = f", {table.machine_name}" if cost == "ms" else ""
    axes.set(xscale="log", xlabel=COSTS[cost] + where, ylabel=f"PSNR on {test_set}, dB (luma, x2)")
    axes.xaxis.set_major_formatter(EngFormatter(sep="") if cost == "params" else "{x:g}")
    axes.grid(which="both", alpha=0.2, linewidth=0.6)
    axes.margins(x=0.08, y=0.08)
    for origin, (marker, face, edge) in _LOOKS.items():
        if here := [point for point in drawn if point.origin == origin]:
            x, y = [point.cost for point in here], [point.psnr_db for point in here]
            size = _SIZES[marker]
            axes.scatter(
                x, y, size, marker=marker, facecolors=face, edgecolors=edge, linewidths=1, label=origin, zorder=3
            )
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # fixed from here on: labels are placed in pixels
    _legend(axes, drawn, _beside(fixed, cost))
    _label(axes, drawn)
    return figure


def _legend(axes: Axes, points: list[_Point], title: str | None) -> None:
    """In the first corner where it covers no point."""
    places = axes.transData.transform([(point.cost, point.psnr_db) for point in points])
    for corner in ("lower right", "upper left", "upper right", "lower left", "lower right"):
        legend = axes.legend(loc=corner, fontsize=FONT + 1, title=title, title_fontsize=FONT + 1)
        box = legend.get_window_extent().padded(_STAR)
        if not any(box.contains(x, y) for x, y in places):
            return


def _beside(fixed: list[_Point], cost: Cost) -> str | None:
    """What is left out, in words."""
    words = {
        f"{point.model} {point.psnr_db:.2f} dB" + (f", {point.cost:.3g} ms" if cost == "ms" else "") for point in fixed
    }
    return "off the scale: " + "; ".join(sorted(words)) if words else None


def _points(table: Table, test_set: str, cost: Cost) -> tuple[list[_Point], list[_Point]]:
    """What has both figures: networks, those that bear their network's label first; and what has no parameters."""
    drawn: list[_Point] = []
    fixed: list[_Point] = []
    for row in table.rows:
        figures, amount = row.sets.get(test_set), row.params if cost == "params" else row.ms
        if figures is not None and figures.psnr_db is not None and amount is not None:
            (drawn if row.params != 0 and amount else fixed).append(
                _Point(row.model, row.origin, amount, figures.psnr_db)
            )
    return sorted(drawn, key=lambda point: list(_LOOKS).index(point.origin)), fixed


def _label(axes: Axes, points: list[_Point]) -> None:
    """Names beside their points; two points of a network are joined, and share one."""
    named: dict[str, _Point] = {}
    joins: list[tuple[float, float]] = []  # places along the lines between two points of a network
    for point in points:
        first = named.setdefault(point.model, point)
        if first is not point:
            axes.plot(
                [first.cost, point.cost], [first.psnr_db, point.psnr_db], color="#aaaaaa", linewidth=0.8, zorder=1
            )
            ends = axes.transData.transform([(p.cost, p.psnr_db) for p in (first, point)])
            joins += [tuple(ends[0] + share * (ends[1] - ends[0])) for share in np.linspace(0.1, 0.9, 9)]
    labels = [
        Label(point.model, (point.cost, point.psnr_db), _LOOKS[point.origin][2], bold=point.origin == "ours")
        for point in named.values()
    ]
    marks = np.vstack([axes.transData.transform([(point.cost, point.psnr_db) for point in points]), *joins])
    radii = np.array([_STAR if point.origin == "ours" else MARKER for point in points] + [_LINE] * len(joins), float)
    write_labels(axes, labels, marks, radii)


def as_svg(figure: Figure) -> str:
    """The picture as an SVG element, the same for the same figures."""
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "pocketsr"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def write_plot(figure: Figure, path: Path) -> None:
    """Write PATH.svg and PATH.png."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path.with_suffix(".svg")) as part:
        part.write_text(as_svg(figure))
    with replacing(path.with_suffix(".png")) as part:
        figure.savefig(part, format="png", dpi=_DPI)
