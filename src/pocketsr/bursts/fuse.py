"""Frames as arrays of pixels, into one larger array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.camera import Camera
from pocketsr.bursts.fusion import fused
from pocketsr.bursts.motion import Box, boxes
from pocketsr.bursts.noise import noise_of
from pocketsr.bursts.registration import Registered, register
from pocketsr.bursts.view import view_of
from pocketsr.engine import Plane, Upscaler, repeat_edges, repeated, told
from pocketsr.image import fill_hidden_colour, from_planes, to_planes, upscale_array
from pocketsr.models import DEFAULT_SCALE
from pocketsr.pixels import resized
from pocketsr.sizing import Plan, Size, plan

__all__ = ["Fused", "fuse"]

_MARGIN = 24  # pixels of the small picture around a tile that are solved with it
_TILE = 256  # pixels of the small picture a side
_AGREEING_PERCENT, _UNLIKE = 10, 4.0  # of the blocks of a frame that is used: no more than so many times its noise
_UNIT = np.float32(1 / 257)  # levels of 255, of what planes hold

Planes = list[NDArray[np.uint16]]


@dataclass(frozen=True)
class Fused:
    """pixels: the large picture. shares: of each frame but the reference, how much of the picture it helped, 0..1."""

    pixels: Plane
    shares: list[float]


@dataclass(frozen=True)
class _Frame:
    """Another frame that shows the same. noise: variance, in levels, of what it differs by where nothing moved."""

    pixels: Plane
    registered: Registered
    noise: float

    def planes(self, box: Box) -> Planes:
        return to_planes(self.pixels[box.slices])


def fuse(
    frames: Sequence[Plane], net: Upscaler, bicubic: Upscaler, *, scale: int = DEFAULT_SCALE, reference: int = 0,
    strength: float | None = None, refining: Upscaler | None = None,
) -> Fused:  # fmt: skip
    """One picture, `scale` times as large, of `frames[reference]` and what the others know of it.

    frames: (H, W), (H, W, 3) or (H, W, 4) of one height and width, all grey or all in colour, uint8 or uint16.
    net: what the reference is upscaled by, and what stays where no other frame agrees; bicubic: of the same scale, for
    chroma and alpha. strength: what a network that takes one is told. refining: what corrects the luma of several
    frames (`bursts.refine`), trained for this scale. With one frame the result is that of `upscale_array`.
    """
    first = frames[reference]
    height, width = first.shape[:2]
    way = plan(Size(factor=Fraction(scale)), net.scale, width, height)
    if len(frames) == 1:
        return Fused(upscale_array(first, net, bicubic, way, strength), [])
    if first.ndim == 3 and first.shape[2] == 4:
        opaque = [_opaque(each) for each in frames]
        made = fuse(opaque, net, bicubic, scale=scale, reference=reference, strength=strength, refining=refining)
        alpha = _resized(repeated(bicubic, way.passes)(np.ascontiguousarray(first[..., 3])), way)
        return Fused(np.dstack((made.pixels, alpha)), made.shares)
    frames = [_opaque(each) for each in frames]
    camera = Camera(scale)
    start = _start(first, net, bicubic, way, strength)
    others = _registered(camera, start[0], [first, *(f for index, f in enumerate(frames) if index != reference)])
    kept = [each for each in others if each is not None]
    noise = float(np.median([each.noise for each in kept])) if kept else 0.0

    def own_planes(box: Box) -> Planes:
        return to_planes(first[box.slices])

    result = np.empty((height * scale, width * scale, *first.shape[2:]), first.dtype)
    shares = [0.0] * len(kept)
    for core in boxes(height, width, _TILE):
        tile = core.grown(_MARGIN, height, width)
        large = [plane[tile.times(scale).slices].astype(np.float32) * _UNIT for plane in start]
        whole = view_of(camera, tile, (height, width), None, own_planes)
        seen = {
            index: view_of(camera, tile, (height, width), each.registered.motion, each.planes, each.noise)
            for index, each in enumerate(kept)
        }
        views = {index: view for index, view in seen.items() if view is not None}
        assert whole is not None  # the reference sees all of itself
        planes, weights = fused(camera, [whole, *views.values()], large, noise, refining)
        for index, weight in zip(views, weights, strict=True):
            shares[index] += weight * views[index].weight.size * core.area / tile.area
        inner = Box(core.top - tile.top, core.left - tile.left, core.bottom - tile.top, core.right - tile.left)
        part = inner.times(scale).slices
        levels = [np.clip(np.rint(plane[part] * np.float32(257)), 0, 65535).astype(np.uint16) for plane in planes]
        result[core.times(scale).slices] = from_planes(levels, first.dtype)
    used = iter(shares)
    return Fused(result, [0.0 if each is None else next(used) / (height * width) for each in others])


def _start(pixels: Plane, net: Upscaler, bicubic: Upscaler, way: Plan, strength: float | None) -> Planes:
    """The reference upscaled as a single picture would be, in planes."""
    if net.channels == 3:
        return to_planes(upscale_array(pixels, net, bicubic, way, strength))
    luma, *chroma = to_planes(pixels)
    network = told(repeat_edges(repeated(net, way.passes)), strength)
    large = [network(luma), *(repeated(bicubic, way.passes)(each) for each in chroma)]
    return [_resized(plane, way) for plane in large]


def _resized(plane: Plane, way: Plan) -> Plane:
    return resized(plane, *way.target) if way.resizes else plane


def _opaque(pixels: Plane) -> Plane:
    """The colour alone, also where it can't be seen."""
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    return fill_hidden_colour(pixels[..., :3], pixels[..., 3])


def _registered(camera: Camera, large: NDArray[np.uint16], frames: Sequence[Plane]) -> list[_Frame | None]:
    """All but the first of `frames`, which `large` was made of."""
    sums = _blurred(camera, large)
    reference = to_planes(frames[0])[0]
    own = noise_of(reference)
    made: list[_Frame | None] = []
    for pixels in frames[1:]:
        luma = to_planes(pixels)[0]
        found = register(camera, sums, reference, luma)
        most = 1.5 * (own + noise_of(luma)) + 1
        if found is None or np.percentile(found.error, _AGREEING_PERCENT) > _UNLIKE * most:
            made.append(None)
        else:
            made.append(_Frame(pixels, found, min(float(np.median(found.error)), most)))
    return made


def _blurred(camera: Camera, large: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """`Camera.blurred` of a whole picture, in tiles: in floats it would take four times its memory."""
    made = np.empty_like(large)
    for core in boxes(large.shape[0], large.shape[1], 2048):
        tile = core.grown(camera.reach, *large.shape)
        sums = camera.blurred(large[tile.slices].astype(np.float32))
        inner = sums[core.top - tile.top :, core.left - tile.left :][: core.shape[0], : core.shape[1]]
        made[core.slices] = np.clip(np.rint(inner), 0, 65535).astype(np.uint16)
    return made
