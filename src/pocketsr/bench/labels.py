"""Names beside the points of a drawing, none over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FONT", "MARKER", "Label", "place_labels", "write_labels"]

FONT = 8  # points
MARKER = 9  # pixels from a marker's middle that labels keep away
_RINGS = (14, 20, 28, 38, 50, 64, 80, 100, 125, 155)  # pixels from a marker to where its label may begin
_DIRECTIONS = 16


@dataclass(frozen=True)
class Label:
    """place: of the point, in the units of the axes."""

    text: str
    place: tuple[float, float]
    colour: str
    bold: bool = False


def write_labels(axes: Axes, labels: Sequence[Label], marks: NDArray[np.float64], radii: NDArray[np.float64]) -> None:
    """Write `labels` near their places, with a line to those that had to go farther.

    marks, radii: M x, y in pixels that no label covers, and how far around. The limits of the axes, and a legend, must
    be there already.
    """
    texts = [
        axes.annotate(
            label.text,
            (0, 0),
            xycoords="figure fraction",
            ha="center",
            va="center",
            fontsize=FONT + label.bold,
            fontweight="bold" if label.bold else "normal",
            color=label.colour,
            zorder=4,
        )
        for label in labels
    ]
    anchors = axes.transData.transform([label.place for label in labels])
    boxes = [text.get_window_extent() for text in texts]
    sizes = np.array([(box.width + 4, box.height + 2) for box in boxes])
    frame = axes.get_window_extent()
    legend = axes.get_legend()
    taken = [] if legend is None else [legend.get_window_extent().extents]
    places = place_labels(anchors, sizes, marks, radii, np.array(frame.extents), np.array(taken).reshape(-1, 4))
    whole = np.array(axes.figure.bbox.size)
    for text, anchor, place, size in zip(texts, anchors, places, sizes, strict=True):
        x, y = place / whole  # as shares of the figure: an SVG has pixels of another size
        text.xy = (float(x), float(y))
        text.set_position((float(x), float(y)))
        near = place + np.clip(anchor - place, -size / 2, size / 2)  # of the label, what lies nearest to its point
        if np.hypot(*(anchor - near)) > 2 * MARKER:
            line = axes.transData.inverted().transform([anchor, near])
            axes.plot(*line.T, color="#999999", linewidth=0.6, zorder=2)


def place_labels(
    anchors: NDArray[np.float64],
    sizes: NDArray[np.float64],
    marks: NDArray[np.float64],
    radii: NDArray[np.float64],
    frame: NDArray[np.float64],
    taken: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The middles of labels that neither cover each other nor a mark, each near its anchor; pixels throughout.

    anchors, sizes: N x, y and N width, height. marks, radii: M x, y that stay free, and how far around. frame: left,
    bottom, right, top that all labels stay within. taken: K such boxes that stay free. Each label in turn takes the
    best of some places around its anchor, all others being where they are, until none moves.
    """
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    round_about = np.column_stack((np.cos(angles), np.sin(angles)))
    places = np.full_like(anchors, np.inf)  # not placed yet: it covers nothing
    order = np.argsort([np.sort(np.hypot(*(marks - anchor).T))[: 1 + len(marks) // 4].sum() for anchor in anchors])
    low, high = frame[:2], frame[2:]
    for _ in range(6):
        before = places.copy()
        for i in order:
            half = sizes[i] / 2
            # A label begins at a ring around its anchor: its middle is off by half its size more, in that direction
            choices = np.concatenate([anchors[i] + round_about * (ring - MARKER / 2 + half) for ring in _RINGS])
            others = np.arange(len(anchors)) != i
            cost = 4 * _covered(choices, half, places[others], sizes[others] / 2)
            cost += 4 * _covered(choices, half, marks, np.stack([radii, radii], axis=1))
            cost += 4 * _covered(choices, half, (taken[:, :2] + taken[:, 2:]) / 2, (taken[:, 2:] - taken[:, :2]) / 2)
            outside = np.maximum(low + half - choices, 0) + np.maximum(choices - high + half, 0)
            cost += 4 * outside.sum(axis=1) * sizes[i].max()
            cost += np.repeat(_RINGS, _DIRECTIONS) - 0.5 * np.tile(np.abs(round_about[:, 1]), len(_RINGS))
            places[i] = choices[np.argmin(cost)]
        if np.array_equal(places, before):
            break
    return places


def _covered(
    choices: NDArray[np.float64], half: NDArray[np.float64], middles: NDArray[np.float64], halves: NDArray[np.float64]
) -> NDArray[np.float64]:
    """For each of `choices`, the area that a box there shares with the boxes at `middles`."""
    known = np.isfinite(middles).all(axis=1)
    apart = np.abs(choices[:, None] - middles[None, known])
    shared = np.clip(half + halves[known] - apart, 0, None)
    area: NDArray[np.float64] = shared.prod(axis=2).sum(axis=1)
    return area
