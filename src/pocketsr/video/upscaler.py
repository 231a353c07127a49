"""One decoded frame in, one frame of `scale` times the size out: every component through its network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from pocketsr.engine import repeat_edges
from pocketsr.errors import UserError
from pocketsr.video.pixfmt import Component, Layout, component_view, layout_of
from pocketsr.video.source import has_captions
from pocketsr.video.types import Plane, Siting, Upscaler

__all__ = ["FrameUpscaler", "plane_siting"]

# swscale is only used around networks that want RGB; these flags make it exact, and interpolate chroma.
_EXACT = (
    Interpolation.BICUBIC
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
)
_RANGE_UNSPECIFIED, _MATRIX_UNSPECIFIED, _MATRIX_BT601 = 0, 2, 5


def plane_siting(layout: Layout, siting: Siting) -> Siting:
    """The siting of a chroma plane as such: in a direction that isn't subsampled it lies on the luma's."""
    if not layout.sub_x:  # 4:4:4 and 4:4:0: nothing to place in x
        return "center"
    if not layout.sub_y and siting == "topleft":  # 4:2:2: nothing to place in y
        return "left"
    return siting


class FrameUpscaler:
    """Upscales frames of one pixel format.

    Luma (or each of R, G and B) goes through `network`, or R, G and B together where it takes three channels;
    chroma goes through `chroma(siting)` and alpha through `chroma("center")`. Planes are read where the
    decoder left them and written where the encoder reads them.

    Args:
        network: takes (H, W) luma, or (H, W, 3) RGB.
        chroma: gives the network for planes of a siting; its scale must be that of `network`.
        source: layout of the frames that come in.
        target: name of the pixel format to make, one of `pixfmt.candidates(source)`.
        siting: of the chroma samples, in and out.
    """

    def __init__(
        self,
        network: Upscaler,
        chroma: Callable[[Siting], Upscaler],
        source: Layout,
        target: str,
        siting: Siting,
    ) -> None:
        self._source, self._target = source, layout_of(target)
        network = repeat_edges(network)
        self._network, self._scale = network, network.scale
        chroma_of = cache(chroma)
        self._networks = [
            network
            if part.role == "luma"
            else chroma_of("center" if part.role == "alpha" else plane_siting(source, siting))
            for part in source.components
        ]
        for other in self._networks:
            if other.scale != self._scale:
                raise UserError(f"the network upscales {self._scale}x but chroma {other.scale}x: they must agree")
        self._spare: dict[tuple[int, int], Plane] = {}

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame upscaled, with the same colour tags; times are the caller's to set."""
        width, height = frame.width * self._scale, frame.height * self._scale
        if self._network.channels == 3:
            made = self._through_rgb(frame, width, height)
        else:
            made = _blank(frame, width, height, self._target.name)
            for part, to, network in zip(self._source.components, self._target.components, self._networks, strict=True):
                self._component(frame, part, made, to, network)
        made.colorspace, made.color_range = frame.colorspace, frame.color_range
        made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
        return made

    def _component(
        self, frame: VideoFrame, part: Component, made: VideoFrame, to: Component, network: Upscaler
    ) -> None:
        samples = _plain(component_view(frame, self._source, part), part)
        out = component_view(made, self._target, to)
        full = (samples.shape[0] * self._scale, samples.shape[1] * self._scale)
        lost = self._source.bits - self._target.bits
        if out.shape == full and to.step == 1 and not to.shift and out.dtype.isnative and not lost:
            network(samples, bits=self._source.bits, out=out)
            return
        # Chroma of odd sizes comes out a sample larger than the frame's plane, and is cropped.
        spare = self._spare.get(full)
        if spare is None or spare.dtype != samples.dtype:
            spare = self._spare[full] = np.empty(full, samples.dtype)
        network(samples, bits=self._source.bits, out=spare)
        cropped = spare[: out.shape[0], : out.shape[1]]
        if lost:  # an encoder of fewer bits: the nearest level
            top = (1 << self._target.bits) - 1
            cropped = np.minimum((cropped.astype(np.uint32) + (1 << (lost - 1))) >> lost, top).astype(cropped.dtype)
        np.copyto(out, cropped << to.shift if to.shift else cropped)

    def _through_rgb(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        deep = self._source.bits > 8
        packed = "rgb48le" if deep else "rgb24"
        if self._source.kind == "yuv":
            matrix = _MATRIX_BT601 if frame.colorspace == _MATRIX_UNSPECIFIED else frame.colorspace
            span = "JPEG" if frame.color_range == 2 or "yuvj" in self._source.name else "MPEG"
            rgb = frame.reformat(
                format=packed,
                src_colorspace=matrix,
                src_color_range=span,
                dst_color_range="JPEG",
                interpolation=_EXACT,
            )
            upscaled = _blank(rgb, width, height, packed)
            self._network(_rgb_view(rgb, packed), out=_rgb_view(upscaled, packed))
            made = upscaled.reformat(
                format=self._target.name,
                dst_colorspace=matrix,
                src_color_range="JPEG",
                dst_color_range=span,
                interpolation=_EXACT,
            )
        else:
            colours = [part for part in self._source.components if part.role == "luma"]
            planes = [_plain(component_view(frame, self._source, part), part) for part in colours]
            triple = np.stack(planes if len(planes) == 3 else planes * 3, axis=-1)
            result = self._network(triple, bits=self._source.bits if deep else None)
            made = _blank(frame, width, height, self._target.name)
            for index, part in enumerate(self._target.components[: len(colours)]):
                out = component_view(made, self._target, part)
                np.copyto(out, result[..., index] if len(planes) == 3 else result[..., 1])
        if self._source.alpha:
            part, to = self._source.components[-1], self._target.components[-1]
            self._component(frame, part, made, to, self._networks[-1])
        return made


def _blank(like: VideoFrame, width: int, height: int, pix_fmt: str) -> VideoFrame:
    """A frame to be filled, which carries the closed captions that hang on `like`.

    PyAV can't hang data on a frame, but a frame that swscale makes of another keeps what hung on that.
    """
    if has_captions(like):
        return like.reformat(width, height, pix_fmt, interpolation=Interpolation.POINT)
    return VideoFrame(width, height, pix_fmt)


def _plain(view: Plane, part: Component) -> Plane:
    """Samples as a network takes them: native, unshifted, rows contiguous; the view itself if it can be."""
    if part.shift:
        return view >> part.shift
    if not view.dtype.isnative:
        return view.astype(view.dtype.newbyteorder("="))
    return view if view.strides[1] == view.itemsize else np.ascontiguousarray(view)


def _rgb_view(frame: VideoFrame, packed: str) -> Plane:
    """(H, W, 3) view of a packed RGB frame."""
    dtype = layout_of(packed).dtype
    plane = frame.planes[0]
    return np.ndarray(
        (frame.height, frame.width, 3),
        dtype,
        memoryview(plane),
        strides=(plane.line_size, 3 * dtype.itemsize, dtype.itemsize),
    )
