"""Where a frame lies, to a few hundredths of a pixel: its samples against those that the large picture predicts.

Comparing two small frames with each other would stop at their aliasing. The large picture, made of the reference by a
network, is blurred to what a frame can show (`Camera.blurred`) and is sampled finely enough to be read anywhere, so
each frame is aligned with that (Gauss-Newton on squares, as Lucas and Kanade, and Irani and Peleg do).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.camera import Camera
from pocketsr.bursts.coarse import rough_motion
from pocketsr.bursts.motion import Box, Motion, boxes, grid_shape
from pocketsr.bursts.opencv import Map, Plane32, opencv, places, resampled

__all__ = ["Registered", "register"]

BLOCK = 16
_TILE = 32 * BLOCK
_SAMPLED = 16  # tiles that the global motion is found from
_GLOBAL_STEPS, _LOCAL_STEPS = 4, 2
_LEAST_CORRELATION = 0.3
_MOST_ZOOM = 1.5  # of a side of the picture, between two frames
_SPREAD_PX = 0.25  # of local motions, where the picture doesn't say
_DEPENDENT = 4.0  # neighbouring residuals are no independent witnesses: as if there were so many times fewer
_LONGEST_PX = 1.0  # a step
_BETTER = 0.9  # optical flow is taken where it leaves less than this share of the error
_STILL_PX = 0.4  # optical flow of less is left to the blocks themselves


@dataclass(frozen=True)
class Registered:
    """motion: of the frame. error: mean square of what is left, in levels of 255, of each block."""

    motion: Motion
    error: Plane32


class _Normals:
    """The normal equations of each block: A (symmetric), b, and sums of squared errors with the samples' count."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.sums = np.zeros((7, *shape))

    def smoothed(self) -> NDArray[np.float64]:
        """Of overlapping windows, two blocks wide at half their height."""
        cv2 = opencv()
        taps = np.array([0.25, 0.5, 0.25]) * 2
        return np.stack([cv2.sepFilter2D(each, -1, taps, taps, borderType=cv2.BORDER_CONSTANT) for each in self.sums])


def register(
    camera: Camera, sums: NDArray[np.uint16], reference: NDArray[np.uint16], frame: NDArray[np.uint16]
) -> Registered | None:
    """The motion of `frame`; None where it doesn't show what the reference shows.

    sums: `Camera.blurred` of the large picture's luma. reference, frame: luma (H, W). All in 257ths of a level.
    """
    rough = rough_motion(reference, frame)
    height, width = frame.shape
    if rough.correlation < _LEAST_CORRELATION or not _plausible(rough.matrix, width, height):
        return None
    shape = grid_shape(height, width, BLOCK)
    still = np.zeros((*shape, 2), np.float32)
    motion = Motion(rough.matrix, still, BLOCK)
    tiles = boxes(height, width, _TILE)
    some = tiles[:: max(1, len(tiles) // _SAMPLED)]
    for _ in range(_GLOBAL_STEPS):
        motion = Motion(_globally(_normals(camera, sums, frame, motion, some), motion, width, height), still, BLOCK)
    if not _plausible(motion.matrix, width, height):
        return None
    first = _locally(camera, sums, frame, motion, tiles)
    flow = _on_grid(rough.flow, frame.shape, shape)
    moving = [box for box in tiles if np.abs(flow[_blocks(box)]).max() > _STILL_PX]
    if not moving:
        return first
    second = _locally(camera, sums, frame, Motion(motion.matrix, flow, BLOCK), moving)
    better = (second.error < _BETTER * first.error) & _covered(moving, shape)
    grid = np.where(better[..., None], second.motion.grid, first.motion.grid)
    return Registered(Motion(motion.matrix, grid, BLOCK), np.where(better, second.error, first.error))


def _plausible(matrix: NDArray[np.float64], width: int, height: int) -> bool:
    """Whether the frame's corners lie as those of a picture from nearly the same place and at nearly the same zoom."""
    x, y = np.array([0.0, width, width, 0.0]), np.array([0.0, 0.0, height, height])
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    if not (np.isfinite(matrix).all() and depth.min() > 0.1):
        return False
    moved = (matrix[:2] @ np.stack([x, y, np.ones(4)])) / depth
    across, down = np.diff(moved, append=moved[:, :1])
    sides = np.hypot(across, down) / np.array([width, height, width, height])
    turns = across * np.roll(down, -1) - down * np.roll(across, -1)
    return bool(turns.min() > 0 and sides.min() > 1 / _MOST_ZOOM and sides.max() < _MOST_ZOOM)


def _normals(
    camera: Camera, sums: NDArray[np.uint16], frame: NDArray[np.uint16], motion: Motion, tiles: list[Box]
) -> _Normals:
    height, width = frame.shape
    made = _Normals(grid_shape(height, width, BLOCK))
    for box in tiles:
        x, y = motion.to_reference(box)
        inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
        if not inside.any():
            continue
        part, at = _around(sums, camera.index(x), camera.index(y), inside)
        error = frame[box.slices].astype(np.float32) * np.float32(1 / 257) - resampled(part, at)
        # Derivatives by x and y of the reference, a pixel of the small picture long; then of the frame
        across, down = (resampled(_slope(part, axis), at) * np.float32(camera.scale) for axis in (1, 0))
        m = motion.matrix[:2, :2].astype(np.float32)
        across, down = m[0, 0] * across + m[1, 0] * down, m[0, 1] * across + m[1, 1] * down
        square = error * error
        usual = max(float(np.median(square[inside])) * 6.0, 4.0)
        weight = inside / np.square(1 + square / np.float32(usual))
        rows, columns = _blocks(box)
        parts = (across * across, across * down, down * down, across * error, down * error)
        for index, each in enumerate(parts):
            made.sums[index, rows, columns] = _block_sums(weight * each)
        made.sums[5, rows, columns] = _block_sums(np.minimum(square, 400.0) * inside)
        made.sums[6, rows, columns] = _block_sums(inside.astype(np.float32))
    return made


def _blocks(box: Box) -> tuple[slice, slice]:
    """Of the grid."""
    return (
        slice(box.top // BLOCK, -(-box.bottom // BLOCK)),
        slice(box.left // BLOCK, -(-box.right // BLOCK)),
    )


def _covered(tiles: list[Box], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which blocks lie in `tiles`."""
    made = np.zeros(shape, bool)
    for box in tiles:
        made[_blocks(box)] = True
    return made


def _around(
    sums: NDArray[np.uint16], x: NDArray[np.float64], y: NDArray[np.float64], inside: NDArray[np.bool_]
) -> tuple[Plane32, Map]:
    """The part of `sums` that is read, in levels, and the places in it."""
    left, top = (max(int(each[inside].min()) - 4, 0) for each in (x, y))
    right, bottom = (int(each[inside].max()) + 6 for each in (x, y))
    part = sums[top:bottom, left:right].astype(np.float32) * np.float32(1 / 257)
    return part, places(x - left, y - top)


def _slope(plane: Plane32, axis: int) -> Plane32:
    cv2 = opencv()
    made: Plane32 = cv2.Sobel(plane, cv2.CV_32F, axis, 1 - axis, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
    return made


def _block_sums(values: NDArray[np.float32]) -> NDArray[np.float64]:
    height, width = values.shape
    padded = np.pad(values, ((0, -height % BLOCK), (0, -width % BLOCK)))
    blocks = padded.reshape(padded.shape[0] // BLOCK, BLOCK, padded.shape[1] // BLOCK, BLOCK)
    made: NDArray[np.float64] = blocks.sum(axis=(1, 3), dtype=np.float64)
    return made


def _globally(normals: _Normals, motion: Motion, width: int, height: int) -> NDArray[np.float64]:
    """The matrix, better by the affine motion that all blocks together ask for."""
    a11, a12, a22, b1, b2 = normals.sums[:5]
    rows, columns = a11.shape
    unit = max(width, height) / 2
    x = ((np.arange(columns) + 0.5) * BLOCK - 0.5 - (width - 1) / 2) / unit
    y = ((np.arange(rows) + 0.5) * BLOCK - 0.5 - (height - 1) / 2) / unit
    terms = np.stack(np.broadcast_arrays(1.0, x[None], y[:, None]))  # 3 rows columns
    whole = [np.einsum("iyx,jyx,yx->ij", terms, terms, each) for each in (a11, a12, a22)]
    left = np.block([[whole[0], whole[1]], [whole[1], whole[2]]])
    right = np.concatenate([np.einsum("iyx,yx->i", terms, each) for each in (b1, b2)])
    left += np.eye(6) * (1e-4 * np.trace(left) / 6 + 1e-9)
    step = np.clip(np.linalg.solve(left, right), -4.0, 4.0).reshape(2, 3)
    to_unit = np.array([[1 / unit, 0, -(width - 1) / 2 / unit], [0, 1 / unit, -(height - 1) / 2 / unit], [0, 0, 1]])
    shift = np.zeros((3, 3))
    shift[:2] = step[:, [1, 2, 0]] @ to_unit
    return motion.matrix @ (np.eye(3) + shift)


def _locally(
    camera: Camera, sums: NDArray[np.uint16], frame: NDArray[np.uint16], motion: Motion, tiles: list[Box]
) -> Registered:
    """Each block's own motion, drawn to the one that is given where the picture says little."""
    before = motion.grid
    for _ in range(_LOCAL_STEPS):
        motion = _local_step(_normals(camera, sums, frame, motion, tiles), motion, before)
    _, _, _, _, _, square, count = _normals(camera, sums, frame, motion, tiles).smoothed()
    return Registered(motion, (square / np.maximum(count, 1)).astype(np.float32))


def _local_step(normals: _Normals, motion: Motion, before: Plane32) -> Motion:
    a11, a12, a22, b1, b2, square, count = normals.smoothed()
    ridge = _DEPENDENT * (square / np.maximum(count, 1) + 0.1) / _SPREAD_PX**2
    a11, a22 = a11 + ridge, a22 + ridge
    b1 = b1 + ridge * (before[..., 0] - motion.grid[..., 0])
    b2 = b2 + ridge * (before[..., 1] - motion.grid[..., 1])
    determinant = a11 * a22 - a12 * a12
    step = np.stack([a22 * b1 - a12 * b2, a11 * b2 - a12 * b1], axis=-1) / determinant[..., None]
    grid = motion.grid + np.clip(step, -_LONGEST_PX, _LONGEST_PX)
    return Motion(motion.matrix, grid.astype(np.float32), motion.block)


def _on_grid(flow: Plane32, size: tuple[int, ...], shape: tuple[int, int]) -> Plane32:
    """Optical flow of a small copy as the mean of each block."""
    cv2 = opencv()
    height, width = (-(-side // BLOCK) * BLOCK for side in size)
    full = cv2.copyMakeBorder(
        flow, 0, max(0, round(height * flow.shape[0] / size[0]) - flow.shape[0]),
        0, max(0, round(width * flow.shape[1] / size[1]) - flow.shape[1]), cv2.BORDER_REPLICATE,
    )  # fmt: skip
    made: Plane32 = cv2.resize(full, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return made
