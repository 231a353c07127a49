"""The taps of resizing by an integer factor as the rows of a small matrix: a row a phase, a column an input pixel."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Conv, Graph, Pad, Ref, Shuffle

__all__ = ["chroma_graph", "cubic_taps", "resize_kernel"]


def _cubic(distance: float, a: float) -> float:
    """Keys' cubic convolution kernel (1981), equation 4 with a free."""
    d = abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    if d < 2:
        return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return 0.0


def _linear(distance: float) -> float:
    return max(0.0, 1.0 - abs(distance))


def _taps(positions: list[float], kernel: Callable[[float], float]) -> NDArray[np.float64]:
    """Rows of weights at integer offsets around 0 for samples at `positions`; an odd number of columns."""
    halo = 3
    table = np.array([[kernel(p - t) for t in range(-halo, halo + 1)] for p in positions])
    while table.shape[1] > 1 and not table[:, [0, -1]].any():
        table = table[:, 1:-1]
    return table


def cubic_taps(factor: int, shift: float = 0.0, a: float = -0.5) -> NDArray[np.float64]:
    """Phases of bicubic upsampling; `shift` (input pixels) is added to the half-pixel-centre positions."""
    return _taps([(i + 0.5) / factor - 0.5 + shift for i in range(factor)], lambda d: _cubic(d, a))


def resize_kernel(
    mode: str, factor: int, coordinates: str, nearest_mode: str, cubic_a: float
) -> NDArray[np.float64] | None:
    """The taps of ONNX's Resize by `factor`, factor x odd; None where they are not the same for every pixel."""
    match coordinates:
        case "half_pixel" | "pytorch_half_pixel" | "half_pixel_symmetric":
            positions = [(i + 0.5) / factor - 0.5 for i in range(factor)]
        case "asymmetric":
            positions = [i / factor for i in range(factor)]
        case _:
            return None
    match mode:
        case "cubic":
            return _taps(positions, lambda d: _cubic(d, cubic_a))
        case "linear":
            return _taps(positions, _linear)
        case "nearest":
            nearest = {
                "floor": math.floor,
                "ceil": math.ceil,
                "round_prefer_floor": lambda p: math.ceil(p - 0.5),
                "round_prefer_ceil": lambda p: math.floor(p + 0.5),
            }.get(nearest_mode)
            if nearest is None:
                return None
            offsets = [nearest(p) for p in positions]
            return _taps([float(o) for o in offsets], lambda d: float(d == 0))
    return None


def chroma_graph(scale: int, siting: str) -> Graph:
    """Bicubic upsampling of one subsampled plane, its samples where `siting` says.

    A cosited sample i lies on luma sample 2i: upscaled sample j belongs at luma (j*2 + 0.5)/scale - 0.5, which is
    1/4 pixel of the plane further on than between two centred ones, less 1/(4*scale).
    """
    cosited = 0.25 - 0.25 / scale
    horizontal, vertical = {"center": (0.0, 0.0), "left": (cosited, 0.0), "topleft": (cosited, cosited)}[siting]
    rows, columns = cubic_taps(scale, vertical), cubic_taps(scale, horizontal)
    kernel = np.einsum("iy,jx->ijyx", rows, columns).reshape(scale**2, 1, rows.shape[1], columns.shape[1])
    conv = Conv("bicubic", 1, (Ref(0, 0),), kernel.astype(np.float32), np.zeros(scale**2, np.float32), pad=Pad.EDGE)
    shuffle = Shuffle("shuffle", 2, tuple(Ref(1, c) for c in range(scale**2)), scale)
    return Graph(f"chroma_{siting}_{scale}x", 1, (conv, shuffle), (Ref(2, 0),))
