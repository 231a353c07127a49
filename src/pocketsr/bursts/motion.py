"""Where a frame's pixels lie in the reference frame, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.opencv import Plane32, opencv

__all__ = ["Box", "Motion", "boxes", "centres", "grid_shape"]

_INVERSIONS = 4  # of the local part, by fixed point: each divides the error by the flow's slope, 1/10 or less


class Box(NamedTuple):
    """Rows top .. bottom - 1, columns left .. right - 1."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        return self.shape[0] * self.shape[1]

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin: int, height: int, width: int) -> Box:
        """Larger by `margin` to each side, but not beyond a picture of height x width."""
        return Box(
            max(self.top - margin, 0), max(self.left - margin, 0),
            min(self.bottom + margin, height), min(self.right + margin, width),
        )  # fmt: skip

    def times(self, scale: int) -> Box:
        return Box(*(side * scale for side in self))


def boxes(height: int, width: int, side: int) -> list[Box]:
    """A picture of height x width in squares of `side`, row by row, smaller at the right and at the bottom."""
    return [
        Box(top, left, min(top + side, height), min(left + side, width))
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def grid_shape(height: int, width: int, block: int) -> tuple[int, int]:
    """Blocks along the rows and columns of a picture."""
    return -(-height // block), -(-width // block)


def centres(box: Box) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x (1, W) and y (H, 1) of the pixels of a box."""
    return np.arange(box.left, box.right, dtype=np.float64)[None], np.arange(box.top, box.bottom, dtype=np.float64)[
        :, None
    ]


@dataclass(frozen=True)
class Motion:
    """A frame's pixel p shows what the reference shows at matrix (p + d(p)).

    matrix: (3, 3), a homography. grid: (rows, columns, 2), d = (x, y) in pixels at the centres of blocks of `block`
    pixels of the frame, linear between them.
    """

    matrix: NDArray[np.float64]
    grid: Plane32
    block: int

    def to_reference(self, box: Box) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x and y in the reference, of the frame's pixels in `box`."""
        x, y = np.broadcast_arrays(*centres(box))
        d = self._local(x, y)
        return _projected(self.matrix, x + d[..., 0], y + d[..., 1])

    def to_frame(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x and y in the frame, of places in the reference."""
        inverse: NDArray[np.float64] = np.linalg.inv(self.matrix).astype(np.float64)
        far_x, far_y = _projected(inverse, *np.broadcast_arrays(x, y))
        near_x, near_y = far_x, far_y
        for _ in range(_INVERSIONS if self.grid.any() else 0):
            d = self._local(near_x, near_y)
            near_x, near_y = far_x - d[..., 0], far_y - d[..., 1]
        return near_x, near_y

    def _local(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """d at each place, (H, W, 2)."""
        if not self.grid.any():
            return np.zeros((*x.shape, 2))
        cv2 = opencv()
        column, row = ((each + 0.5) / self.block - 0.5 for each in (x, y))
        at = column.astype(np.float32), row.astype(np.float32)
        found: Plane32 = cv2.remap(self.grid, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return found.astype(np.float64)


def _projected(
    matrix: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    depth = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
    return (
        (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth,
        (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth,
    )
