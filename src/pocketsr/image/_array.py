"""An array of pixels in, an array of more pixels out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr import engine
from pocketsr.arguments import check_strength, check_type
from pocketsr.engine import Plane, Same, Upscaler, check_told, repeat_edges, repeated, takes_strength, told
from pocketsr.errors import ArgumentError, ArgumentTypeError
from pocketsr.image._alpha import fill_hidden_colour
from pocketsr.loading import as_network, is_estimated
from pocketsr.models import at_size
from pocketsr.pixels import resized, rgb_to_ycbcr, ycbcr_to_rgb
from pocketsr.sizing import Plan, Shape, Size, Sized, as_size, plan
from pocketsr.source import AUTO, Hints, choose, look

__all__ = ["from_planes", "to_planes", "upscale_array", "upscale_image"]

# Colour is converted in bands of rows, so that the float copies stay small beside the image: 64 rows of an
# 8000 pixel wide result are 6 MB as float32 RGB, all of a 96 megapixel one would be 1.2 GB.
_BAND = 64


def upscale_image(
    rgb: Plane,
    model: str | Path | Upscaler = AUTO,
    threads: int | None = None,
    *,
    size: Sized | None = None,
    strength: float | None = None,
) -> Plane:
    """Upscale an image that is held as an array.

    rgb: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGB with straight alpha; uint8 or uint16, full range, sRGB.
    model: "auto" chooses a shipped network by what the picture is: `small`, unless it was compressed before, or is text
        and windows; else a shipped network's name, the path of an ONNX file, or what `pocketsr.load` returned.
    threads: for the networks loaded here; None: all cores.
    size: of the result, default: the network's factor. A factor, 1.5 for instance; (width, height), of which one may be
        None and then follows; a `pocketsr.Size`. The network makes as many passes as fit, a bicubic resize the rest;
        above 2 and 3 times the size `small` and `quality` stand for their networks of x3 and x4.
    strength: how far the image is from its clean shrink, 0 (clean) to 1, for a network that is told. Default: estimated
        for shipped networks that are named or chosen, else its own.

    Returns an array of the same type and channels, (scale * H, scale * W, ...) or of the size that is asked for.

    A luma network upscales BT.601 studio-range luma, as in the protocol of the published figures, and the two
    chroma planes go through bicubic interpolation. Alpha is interpolated too, so that what is fully opaque
    stays fully opaque; the colour under fully transparent pixels is replaced from its visible neighbours
    first, so that it cannot bleed into them.

    Raises ArgumentError or ArgumentTypeError for an array of another shape or type, and UserError for an unavailable
    model.
    """
    _check(rgb)
    wanted = as_size(size)
    net, strength = _network(rgb, model, wanted, threads, strength)
    way = plan(wanted, net.scale, rgb.shape[1], rgb.shape[0])
    bicubic = engine.load_chroma(scale=net.scale, siting="center", threads=threads)
    return upscale_array(rgb, net, bicubic, way, strength)


def _network(
    rgb: Plane, model: str | Path | Upscaler, size: Size | None, threads: int | None, strength: float | None
) -> tuple[Upscaler, float | None]:
    """The network for an array, and what it is told. It says nothing of the file it came from: what shows no blocks is
    taken for whole where a network is chosen."""
    if isinstance(model, str) and model == AUTO:
        seen = look(rgb, Hints(lossless=True))
        choice = choose(seen if strength is None else replace(seen, strength=check_strength(strength)))
        net = as_network(at_size(choice.network, size, seen.shape), threads)
        return net, choice.strength if takes_strength(net) else None
    net = as_network(at_size(model, size, Shape(rgb.shape[1], rgb.shape[0])), threads)
    if strength is None and is_estimated(model, net):
        strength = look(rgb).strength
    return net, strength


def upscale_array(
    rgb: Plane, net: Upscaler, bicubic: Upscaler, way: Plan | None = None, strength: float | None = None
) -> Plane:
    """`upscale_image` with both networks given: `bicubic` takes the chroma and alpha planes.

    way: how the size is reached; None: by one pass.
    """
    _check(rgb)
    check_told(net, strength)
    passes = 1 if way is None else way.passes
    strength = strength if passes else None
    net = Same(net.channels) if passes == 0 else repeated(net, passes)
    bicubic = repeated(bicubic, passes)
    size = way.target if way is not None and way.resizes else None
    return _upscaled(rgb, net, bicubic, size, strength)


def _upscaled(
    rgb: Plane, net: Upscaler, bicubic: Upscaler, size: tuple[int, int] | None, strength: float | None
) -> Plane:
    """Through the networks, and to (width, height) where it is given."""
    rgb = np.asarray(rgb)  # of what subclasses do when they are indexed, nothing
    inner = told(repeat_edges(net), strength)
    if rgb.ndim == 3 and rgb.shape[2] == 4:
        alpha = np.ascontiguousarray(rgb[..., 3])
        colour = fill_hidden_colour(rgb[..., :3], alpha)
        return np.dstack((_upscaled(colour, net, bicubic, size, strength), _resized(bicubic(alpha), size)))
    if net.channels == 3:
        if rgb.ndim == 3:
            return _resized(inner(rgb), size)
        return _resized(_to_grey(inner(np.repeat(rgb[..., None], 3, axis=2))), size)
    planes = to_planes(rgb)
    big = [inner(planes[0]), *(bicubic(plane) for plane in planes[1:])]
    return from_planes([_resized(plane, size) for plane in big], rgb.dtype)


def _resized(pixels: Plane, size: tuple[int, int] | None) -> Plane:
    if size is None:
        return pixels
    if pixels.ndim == 2:
        return resized(pixels, *size)
    return np.stack([resized(pixels[..., channel], *size) for channel in range(pixels.shape[2])], axis=-1)


def _check(rgb: Plane) -> None:
    check_type(rgb, np.ndarray, "the image", "a NumPy array")
    if rgb.dtype not in (np.uint8, np.uint16):
        raise ArgumentTypeError(f"an image array must be uint8 or uint16, this one is {rgb.dtype}: convert it first")
    if rgb.ndim not in (2, 3) or (rgb.ndim == 3 and rgb.shape[2] not in (3, 4)) or 0 in rgb.shape:
        raise ArgumentError(
            f"an image array must be (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, this one is {rgb.shape}"
        )


def to_planes(rgb: Plane) -> list[NDArray[np.uint16]]:
    """Y, Cb, Cr (only Y for grey) as 16-bit planes in BT.601 studio range: Y from 16 * 257 to 235 * 257."""
    height, width = rgb.shape[:2]
    planes = [np.empty((height, width), np.uint16) for _ in range(1 if rgb.ndim == 2 else 3)]
    unit = np.float32(255.0 / np.iinfo(rgb.dtype).max)
    for top in range(0, height, _BAND):
        rows = slice(top, top + _BAND)
        band = rgb[rows].astype(np.float32) * unit
        if rgb.ndim == 2:
            band = np.repeat(band[..., None], 3, axis=2)
        ycbcr = rgb_to_ycbcr(band, matrix="bt601", full_range=False)
        for index, plane in enumerate(planes):
            plane[rows] = np.rint(ycbcr[..., index] * np.float32(257.0))
    return planes


def from_planes(planes: list[Plane], dtype: np.dtype[Any]) -> Plane:
    """Back to RGB, or grey where there is only Y, rounded and clipped to `dtype`."""
    height, width = planes[0].shape
    top_value = np.iinfo(dtype).max
    out = np.empty((height, width, 3) if len(planes) == 3 else (height, width), dtype)
    for top in range(0, height, _BAND):
        rows = slice(top, top + _BAND)
        ycbcr = np.full((*planes[0][rows].shape, 3), 128.0, np.float32)
        for index, plane in enumerate(planes):
            ycbcr[..., index] = plane[rows] * np.float32(1 / 257.0)
        rgb = ycbcr_to_rgb(ycbcr, matrix="bt601", full_range=False)
        band = np.clip(np.rint(rgb * np.float32(top_value / 255.0)), 0, top_value)
        out[rows] = band if len(planes) == 3 else band[..., 1]
    return out


def _to_grey(rgb: Plane) -> Plane:
    """One plane of what an RGB network made of a grey image: its BT.601 luma, full range."""
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    grey: Plane = np.rint(luma).astype(rgb.dtype)
    return grey
