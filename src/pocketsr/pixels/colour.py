"""R'G'B' to Y'CbCr and back, unrounded (ITU-R BT.601-7, BT.709-6, BT.2020-2 non-constant luminance)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matrix", "luma_to_grey", "rgb_to_luma", "rgb_to_ycbcr", "ycbcr_to_rgb"]

Matrix = Literal["bt601", "bt709", "bt2020"]

# Kr, Kb: BT.601-7 section 2.5.1, BT.709-6 item 3.2, BT.2020-2 table 4; Kg is what is left of 1.
_WEIGHTS: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
_CHROMA_ZERO = 128.0


def _range(full_range: bool) -> tuple[float, float, float]:
    """Offset of black, then what luma and chroma span, for R'G'B' of 0..255."""
    return (0.0, 1.0, 1.0) if full_range else (16.0, 219 / 255, 224 / 255)


def _to_matrix(matrix: Matrix, full_range: bool) -> NDArray[np.float64]:
    kr, kb = _WEIGHTS[matrix]
    luma = np.array([kr, 1 - kr - kb, kb])
    blue = (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - kb))
    red = (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - kr))
    _, span, chroma_span = _range(full_range)
    return np.stack([luma * span, blue * chroma_span, red * chroma_span])


def _float(array: NDArray[Any]) -> NDArray[Any]:
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)


def rgb_to_ycbcr(rgb: NDArray[Any], matrix: Matrix = "bt601", full_range: bool = False) -> NDArray[Any]:
    """(..., 3) R'G'B' in 0..255 to Y'CbCr, unrounded and unclipped.

    Limited range (the default): Y' 16..235, Cb and Cr 16..240; full range (JPEG): all 0..255. Chroma is
    centred on 128. float64 stays float64, everything else is computed in float32.
    """
    rgb = _float(rgb)
    offset = np.array([_range(full_range)[0], _CHROMA_ZERO, _CHROMA_ZERO], rgb.dtype)
    out: NDArray[Any] = rgb @ _to_matrix(matrix, full_range).T.astype(rgb.dtype) + offset
    return out


def ycbcr_to_rgb(ycbcr: NDArray[Any], matrix: Matrix = "bt601", full_range: bool = False) -> NDArray[Any]:
    """The inverse of `rgb_to_ycbcr`: (..., 3) R'G'B' in 0..255, unrounded and unclipped."""
    ycbcr = _float(ycbcr)
    offset = np.array([_range(full_range)[0], _CHROMA_ZERO, _CHROMA_ZERO], ycbcr.dtype)
    back = np.linalg.inv(_to_matrix(matrix, full_range))
    out: NDArray[Any] = (ycbcr - offset) @ back.T.astype(ycbcr.dtype)
    return out


def rgb_to_luma(image: NDArray[Any]) -> NDArray[np.float64]:
    """BT.601 studio-range luma in float64, unrounded: what published PSNR and SSIM are taken on.

    image: (H, W, 3) R'G'B' or (H, W) grey, in 0..255; grey counts as R = G = B.
    """
    if image.ndim == 2:
        return image.astype(np.float64) * (219 / 255) + 16.0
    out: NDArray[np.float64] = image.astype(np.float64) @ _to_matrix("bt601", False)[0] + 16.0
    return out


def luma_to_grey(luma: NDArray[Any]) -> NDArray[np.uint8]:
    """The grey picture whose `rgb_to_luma` is nearest to `luma` of studio range: any shape, 0..255, rounded."""
    grey: NDArray[np.uint8] = np.clip(np.rint((luma - 16.0) * (255 / 219)), 0, 255).astype(np.uint8)
    return grey
