"""Text that was scaled, softened or faded is told from text whose edges `screen` wins back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pocketsr.pixels import imresize
from pocketsr.source import Hints, choose, look
from pocketsr.source.edges import EDGE_FEATURES, edge_features, typical_contrast
from pocketsr.source.tiles import luma_tiles

PNG = Hints("png", lossless=True)


def window(ink: int, paper: int) -> np.ndarray:
    """(480, 640, 3): text in Pillow's own font, Aileron, which nothing was fitted to."""
    image = Image.new("RGB", (640, 480), (paper,) * 3)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 639, 40), fill=(40, 90, 160))
    y = 56
    for number, size in enumerate((18, 22, 26, 20, 30, 24, 18, 20, 28, 22)):
        text = f"{number:3} Pack my box with five dozen jugs - {size} pixels, 3.50"
        draw.text((16, y), text, fill=(ink,) * 3, font=ImageFont.load_default(size))
        y += round(1.6 * size)
    return np.asarray(image)


def softened(rgb: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(sigma)))


def enlarged(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).resize((1280, 960), Image.Resampling.BICUBIC))[:480, :640]


@pytest.mark.parametrize(("ink", "paper"), [(20, 245), (0, 255), (225, 30)])
def test_screen_is_for_edges_that_are_sharp(ink: int, paper: int) -> None:
    """It gains 2 dB and more on the first, and loses as much on the others."""
    sharp = window(ink, paper)
    assert choose(look(imresize(sharp, 0.5), PNG)).network == "screen"
    for large in (softened(sharp, 0.8), softened(sharp, 1.2), enlarged(sharp)):
        seen = look(imresize(large, 0.5), PNG)
        assert not seen.crisp
        assert choose(seen).network == "small"


@pytest.mark.parametrize(("ink", "paper"), [(0, 67), (90, 30), (110, 50)])
def test_screen_is_for_ink_that_is_far_from_its_paper(ink: int, paper: int) -> None:
    """Greys that lie close it moves apart, and loses 0.3 to 5 dB, however sharp their edges are."""
    assert choose(look(imresize(window(ink, paper), 0.5), PNG)).network == "small"


def test_a_bright_bar_above_a_dimmed_page_makes_it_no_brighter() -> None:
    """Where the mean edge decided, the bar above `screen_wiki` lifted it over the bar: -3.3 dB."""
    page = window(0, 67).copy()
    page[:120] = window(0, 255)[56:176]
    tiles = luma_tiles(imresize(page, 0.5))
    assert typical_contrast(tiles) < 67
    assert 255 * edge_features(tiles)[EDGE_FEATURES.index("contrast")] > 80  # the mean
    assert choose(look(imresize(page, 0.5), PNG)).network == "small"


def test_features_of_one_edge() -> None:
    def features(*row: int) -> dict[str, float]:
        line = np.array([*[row[0]] * 12, *row, *[row[-1]] * 12], np.float32)
        found = edge_features(np.tile(line, (1, 8, 1)))
        return dict(zip(EDGE_FEATURES, found, strict=True))

    sharp, soft, halo = features(0, 200), features(0, 15, 60, 140, 185, 200), features(0, -8, 208, 200)
    assert sharp["over 0.85"] > soft["over 0.85"]
    assert soft["before over 0.03"] > max(sharp["before over 0.03"], halo["before over 0.03"])
    assert halo["halo"] > max(sharp["halo"], soft["halo"])
    assert halo["before"] < sharp["before"] == 0.0 < soft["before"]


def test_any_tiles_have_finite_features() -> None:
    rng = np.random.default_rng(0)
    for pixels in (
        rng.integers(0, 256, (300, 300), np.uint8),
        np.zeros((40, 40), np.uint8),
        np.eye(64, dtype=np.uint8),
    ):
        found = edge_features(luma_tiles(pixels))
        assert found.shape == (len(EDGE_FEATURES),)
        assert np.isfinite(found).all()


def test_both_directions_and_both_sides_count_alike() -> None:
    tiles = luma_tiles(imresize(window(20, 245), 0.5))
    for other in (tiles.swapaxes(1, 2), tiles[:, ::-1], tiles[:, :, ::-1], 255 - tiles):
        assert edge_features(other) == pytest.approx(edge_features(tiles), abs=0.02)
