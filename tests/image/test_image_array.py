from __future__ import annotations

import numpy as np
import pytest
from image_fakes import Nearest

from pocketsr.engine import Plane
from pocketsr.errors import UserError
from pocketsr.image import upscale_array
from pocketsr.image._alpha import fill_hidden_colour


def _noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    top = np.iinfo(dtype).max
    return np.random.default_rng(7).integers(0, top, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (150, 3), (1, 1, 3), (131, 9, 3), (6, 2, 4)])
def test_colour_survives_the_way_through_luma_and_back(shape: tuple[int, ...], channels: int, dtype: type) -> None:
    image = _noise(*shape, dtype=dtype)
    if len(shape) == 3 and shape[2] == 4:
        image[..., 3] |= 1  # nothing is fully transparent: every colour counts
    big = upscale_array(image, Nearest(channels), Nearest())
    want = image.repeat(2, axis=0).repeat(2, axis=1)
    assert big.dtype == image.dtype
    assert big.shape == want.shape
    # 16-bit planes in studio range resolve 1/257 of an 8-bit level: 8 bits come back exactly, 16 within the
    # rounding of two planes (0.5 * 255 / 219 for luma, 0.5 * 1.772 * 255 / 224 for blue, and 0.5 for the
    # output).
    tolerance = 0 if dtype == np.uint8 or channels == 3 else 2
    assert np.abs(big.astype(int) - want.astype(int)).max() <= tolerance


def test_luma_network_sees_16_bit_luma_in_studio_range() -> None:
    image = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0]]], np.uint8)
    net, bicubic = Nearest(), Nearest()
    upscale_array(image, net, bicubic)
    assert net.seen[0].tolist() == [[235 * 257, 16 * 257, round((16 + 0.299 * 219) * 257)]]
    cb, cr = bicubic.seen
    assert cr.tolist() == [[128 * 257, 128 * 257, 240 * 257]]
    assert cb[0, 2] == round((128 - 0.5 * 0.299 / 0.886 * 224) * 257)


def test_what_overshoots_is_clipped_and_not_wrapped() -> None:
    class Brighter(Nearest):
        def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:
            big = super().__call__(y, bits, out)
            big[...] = 65535
            return big

    assert upscale_array(np.zeros((2, 2), np.uint8), Brighter(), Nearest()).min() == 255


@pytest.mark.parametrize(("channels", "shape"), [(1, (9, 7)), (1, (9, 7, 3)), (3, (9, 7, 3)), (3, (1, 1))])
def test_edges_are_not_darkened_by_the_zero_padding_of_a_network(channels: int, shape: tuple[int, ...]) -> None:
    class Blur(Nearest):
        """The mean of 5x5 pixels, zeros around the image, as a convolution pads."""

        def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:
            height, width = y.shape[:2]
            padded = np.pad(y.astype(float), ((2, 2), (2, 2), (0, 0))[: y.ndim])
            shifts = [padded[i : i + height, j : j + width] for i in range(5) for j in range(5)]
            return super().__call__(np.mean(shifts, axis=0).astype(y.dtype), bits, out)

    big = upscale_array(np.full(shape, 200, np.uint8), Blur(channels, edge_halo=2), Nearest())
    assert big.shape[:2] == (2 * shape[0], 2 * shape[1])
    assert (big == 200).all()


def test_scale_of_the_network_is_the_scale_of_the_result() -> None:
    assert upscale_array(_noise(3, 5, 4), Nearest(scale=3), Nearest(scale=3)).shape == (9, 15, 4)


def test_alpha_goes_through_the_interpolation_not_the_network() -> None:
    image = _noise(4, 4, 4)
    net, bicubic = Nearest(), Nearest()
    big = upscale_array(image, net, bicubic)
    assert len(net.seen) == 1
    assert np.array_equal(bicubic.seen[-1], image[..., 3])
    assert np.array_equal(big[..., 3], image[..., 3].repeat(2, 0).repeat(2, 1))


def test_colour_under_transparent_pixels_cannot_bleed() -> None:
    image = np.zeros((9, 11, 4), np.uint8)
    image[3:6, 4:7] = (200, 100, 50, 255)  # an opaque patch amid transparent black
    filled = fill_hidden_colour(image[..., :3], image[..., 3])
    assert (filled == (200, 100, 50)).all()


def test_filling_leaves_visible_colour_alone_and_takes_the_nearer_neighbour() -> None:
    rgb = _noise(8, 64, 3)
    alpha = np.zeros((8, 64), np.uint8)
    alpha[:, :8], alpha[:, 56:] = 1, 255
    rgb[:, :8], rgb[:, 56:] = 10, 240
    filled = fill_hidden_colour(rgb, alpha)
    assert np.array_equal(filled[alpha > 0], rgb[alpha > 0])
    assert filled[:, 9].max() <= 12
    assert filled[:, 54].min() >= 238


@pytest.mark.parametrize("alpha", [0, 255])
def test_filling_needs_something_hidden_and_something_visible(alpha: int) -> None:
    rgb = _noise(5, 5, 3)
    assert fill_hidden_colour(rgb, np.full((5, 5), alpha, np.uint8)) is rgb


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((4, 4, 2), np.uint8), "(4, 4, 2)"),
        (np.zeros((0, 4), np.uint8), "(0, 4)"),
        (np.zeros((4,), np.uint8), "(4,)"),
        (np.zeros((4, 4), np.float32), "float32"),
    ],
)
def test_what_is_no_image_is_named(image: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=said.replace("(", r"\(").replace(")", r"\)")):
        upscale_array(image, Nearest(), Nearest())
