from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from pocketsr import UserError
from pocketsr.bench.labels import place_labels
from pocketsr.bench.plot import as_svg, plot, write_plot
from pocketsr.bench.table import Figures, Network, Origin, Table


def row(model: str, origin: Origin, params: int | None, ms: float | None, psnr_db: float) -> Network:
    return Network(model, origin, params, None, ms, {"Set5": Figures(psnr_db, None)})


TABLE = Table(
    "Some CPU",
    (
        row("imdn", "published", 694_400, None, 38.0),
        row("imdn", "reproduced", 694_400, 900.0, 37.996),
        row("rfdn", "published", 534_000, None, 38.05),
        row("small", "ours", 5_848, 5.4, 37.08),
        row("bicubic", "reproduced", 0, 0.6, 33.66),
        row("unknown", "published", None, None, 37.0),
    ),
)


def covered(a: np.ndarray, b: np.ndarray, half_a: np.ndarray, half_b: np.ndarray) -> bool:
    return bool((np.abs(a - b) < half_a + half_b - 1e-6).all())


def test_labels_cover_neither_each_other_nor_a_mark() -> None:
    """40 points along a curve, as the field lies, with labels of 60 x 14 pixels."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(100, 1300, 40))
    anchors = np.column_stack((x, 300 + 0.3 * x + rng.normal(0, 25, 40)))
    sizes = np.tile([60.0, 14.0], (40, 1))
    frame, taken = np.array([50.0, 50, 1400, 900]), np.array([[1200.0, 60, 1390, 200]])
    places = place_labels(anchors, sizes, anchors, np.full(40, 6.0), frame, taken)
    half = sizes[0] / 2
    assert not any(covered(a, b, half, half) for a, b in combinations(places, 2))
    assert not any(covered(label, mark, half, np.full(2, 6.0)) for label in places for mark in anchors)
    assert (places - half >= frame[:2]).all()
    assert (places + half <= frame[2:]).all()
    assert np.hypot(*(places - anchors).T).max() < 120


def test_a_lone_label_is_right_at_its_point() -> None:
    one = np.array([[500.0, 500.0]])
    place = place_labels(
        one, np.array([[60.0, 14.0]]), one, np.array([9.0]), np.array([0.0, 0, 1000, 1000]), np.empty((0, 4))
    )
    assert np.hypot(*(place - one)[0]) < 40


@pytest.fixture(scope="module")
def by_params() -> Axes:
    return plot(TABLE, "Set5", "params").axes[0]


@pytest.fixture(scope="module")
def by_ms() -> Axes:
    return plot(TABLE, "Set5", "ms").axes[0]


def test_each_network_has_one_label(by_params: Axes, by_ms: Axes) -> None:
    assert sorted(text.get_text() for text in by_params.texts) == ["imdn", "rfdn", "small"]
    assert sorted(text.get_text() for text in by_ms.texts) == ["imdn", "small"]  # of rfdn no time is known


def test_points_and_axes(by_params: Axes, by_ms: Axes) -> None:
    points = {tuple(point) for group in by_params.collections for point in group.get_offsets().tolist()}
    assert points == {(694_400, 38.0), (694_400, 37.996), (534_000, 38.05), (5_848, 37.08)}
    assert by_params.get_xscale() == by_ms.get_xscale() == "log"
    assert "Set5" in by_params.get_ylabel()
    legend = by_params.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["ours", "reproduced", "published"]
    assert legend.get_title().get_text() == "off the scale: bicubic 33.66 dB"
    assert "Some CPU" in by_ms.get_xlabel()


def test_drawn_labels_lie_inside_and_apart_from_all_marks() -> None:
    """24 networks, 8 of them with two points, pressed together by one far off; read after everything is drawn."""
    rng = np.random.default_rng(1)
    rows = []
    for i, params in enumerate(np.geomspace(10_000, 40_000, 24).astype(int).tolist()):
        psnr_db = 36.4 + 0.5 * np.log10(params / 1_000) + rng.normal(0, 0.05)
        rows.append(row(f"network-{i}", "reproduced", params, None, psnr_db))
        rows += [row(f"network-{i}", "published", params, None, psnr_db + 0.1)] * (i % 3 == 0)
    rows.append(row("far", "ours", 100_000_000, None, 41.0))
    axes = plot(Table("", tuple(rows)), "Set5", "params").axes[0]
    assert len(axes.lines) > 8  # the joins, and lines to names that had to go farther
    axes.autoscale_view()  # what drawing does, where limits aren't fixed
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 25
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    marks = axes.transData.transform(np.vstack([group.get_offsets() for group in axes.collections]))
    assert not any(box.contains(*mark) for box in boxes for mark in marks)
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


def test_the_legend_covers_no_point() -> None:
    axes = plot(Table("", (*TABLE.rows, row("large", "ours", 9_000_000, None, 36.9))), "Set5", "params").axes[0]
    box = axes.get_legend().get_window_extent()
    points = axes.transData.transform(np.vstack([group.get_offsets() for group in axes.collections]))
    assert len(points) == 5
    assert not any(box.contains(*point) for point in points)


def test_labels_stay_at_their_points_at_any_resolution() -> None:
    """An SVG is drawn at 72 pixels an inch, whatever labels were placed at."""
    figure = plot(TABLE, "Set5", "params")
    places = []
    for dpi in (150, 72):
        figure.set_dpi(dpi)
        figure.canvas.draw()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
        places.append([((box.x0 + box.x1) / 2 / dpi, (box.y0 + box.y1) / 2 / dpi) for box in boxes])
    assert len(places[0]) == 3
    np.testing.assert_allclose(places[0], places[1], atol=0.03)  # inches


def test_files(by_ms: Axes, tmp_path: Path) -> None:
    write_plot(by_ms.figure, tmp_path / "new" / "psnr_ms")  # type: ignore[arg-type]
    with Image.open(tmp_path / "new" / "psnr_ms.png") as image:
        assert image.width > 1000
    svg = (tmp_path / "new" / "psnr_ms.svg").read_text()
    assert svg == as_svg(plot(TABLE, "Set5", "ms"))  # the same figures, the same file
    assert svg.startswith("<svg")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["psnr_ms.png", "psnr_ms.svg"]


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(UserError, match="'ms' and a PSNR on Set14"):
        plot(TABLE, "Set14", "ms")
