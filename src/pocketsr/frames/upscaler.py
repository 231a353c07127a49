"""One frame in, one frame of `scale` times the size out: each component through its network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pocketsr.engine import (
    Plane,
    Reusing,
    Siting,
    Upscaler,
    load_correction,
    repeat_edges,
    reusing,
    takes_strength,
    upscaled,
)
from pocketsr.errors import ArgumentError
from pocketsr.frames.format import UNSPECIFIED
from pocketsr.frames.frame import Frame
from pocketsr.frames.heard import Heard
from pocketsr.frames.layout import Component, Layout, candidates, layout_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from pocketsr.codec.correction import Correction

__all__ = ["FrameUpscaler", "Strength", "fixed", "plane_siting"]

Strength = float | Callable[[Frame], float | None] | None
"""What a network is told: a number, 0..1; what is found for each frame; None: its default."""

_MATRIX_BT601 = 5  # FFmpeg's AVCOL_SPC_BT470BG


def fixed(strength: Strength) -> float | None:
    """A strength that is the same for all frames, to be checked before the first one."""
    return None if callable(strength) else strength


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
    chroma goes through `chroma(siting)` and alpha through `chroma("center")`. Samples are read and written in
    place, without intermediate copies.

    Args:
        network: takes (H, W) luma, or (H, W, 3) RGB.
        chroma: gives the network for planes of a siting; its scale must be that of `network`.
        source: layout of the input frames.
        target: name of the output's pixel format: `source`, one of `candidates(source)`, or such a one of fewer bits.
        siting: position of the chroma samples, in input and output.
        reuse: whether to keep each component of the last frame with its result, and compute only what a changed one
            changes; results are the same.
        strength: for a network that takes one; what is found for a frame isn't asked for where it takes none.
        heard: corrections that came along; those that frames bring are added. They are for Y of Y'CbCr, and grey.

    Attributes:
        corrected: how many frames a correction was applied to.

    Raises UserError for networks of different scales, and for a target with other components.
    """

    def __init__(
        self,
        network: Upscaler,
        chroma: Callable[[Siting], Upscaler],
        source: Layout,
        target: str,
        siting: Siting,
        reuse: bool = False,
        strength: Strength = None,
        heard: Heard | None = None,
    ) -> None:
        self._heard = heard or Heard()
        correctable = source.kind != "rgb" and network.scale == 2 and network.channels == 1
        self._digest: bytes | None = getattr(network, "digest", None) if correctable else None
        self._threads: int | None = getattr(network, "threads", None)
        self.corrected = 0
        self._strength = strength if takes_strength(network) else None
        self._source, self._target = source, layout_of(target)
        self._lost = source.bits - self._target.bits
        if source.samples != self._target.samples or self._lost < 0:
            raise ArgumentError(f"{target} doesn't hold the samples of {source.name}: use {candidates(source)[0]}")
        self.reusing: list[Reusing] = []

        def ready(network: Upscaler) -> Upscaler:
            if reuse:  # each component has a picture before of its own
                remembering = reusing(network)
                self.reusing.append(remembering)
                network = remembering
            return repeat_edges(network)

        chroma_of = cache(chroma)
        self._network, self.scale = ready(network), network.scale
        self._networks = [
            (self._network if index == 0 else ready(network))
            if part.role == "luma"
            else ready(chroma_of("center" if part.role == "alpha" else plane_siting(source, siting)))
            for index, part in enumerate(source.components)
        ]
        for other in self._networks:
            if other.scale != self.scale:
                raise ArgumentError(f"the network upscales {self.scale}x but chroma {other.scale}x: they must agree")
        self._spare: dict[tuple[tuple[int, int], bool], Plane] = {}
        self._spare_for = (0, 0)  # pixels of the frame that they were of use for

    def __call__(self, frame: Frame, into: Frame) -> None:
        """Upscale `frame` into the samples of `into`, a frame of the target format and `scale` times the size."""
        if (into.width, into.height) != (frame.width * self.scale, frame.height * self.scale):
            raise ArgumentError(f"{into} can't hold {frame} at {self.scale} times its size")
        if self._spare_for != (frame.width, frame.height):  # else a peer that changes its size fills the memory
            self._spare_for = frame.width, frame.height
            self._spare.clear()
        strength = self._strength(frame) if callable(self._strength) else self._strength
        if self._network.channels == 3:
            self._through_rgb(frame, into, strength)
            return
        self._heard.messages_with(frame)
        correction = self._heard.correction(self._digest)
        self.corrected += correction is not None
        for part, to, network in zip(self._source.components, self._target.components, self._networks, strict=True):
            own = (strength, correction) if part.role == "luma" else (None, None)
            self._component(frame.component(part), part, into.component(to), to, network, *own)

    def _component(
        self, stored: Plane, part: Component, out: Plane, to: Component, network: Upscaler,
        strength: float | None = None, correction: Correction | None = None,
    ) -> None:  # fmt: skip
        samples = _plain(stored, part)
        full = (samples.shape[0] * self.scale, samples.shape[1] * self.scale)
        direct = out.shape == full and to.step == 1 and not to.shift and out.dtype.isnative and not self._lost
        # Chroma of odd sizes comes out a sample larger than the frame's plane, and is cropped.
        made = out if direct else self._plane(full, samples.dtype)
        if correction is None:
            upscaled(network, samples, self._source.bits, made, strength)
        else:
            before = self._plane(full, samples.dtype, True)
            upscaled(network, samples, self._source.bits, before, strength)
            load_correction(self._threads)(correction.coefficients, samples, before, self._source.bits, made)
        if direct:
            return
        cropped = self._rounded(made[: out.shape[0], : out.shape[1]])
        np.copyto(out, cropped << to.shift if to.shift else cropped, casting="same_kind")

    def _plane(self, shape: tuple[int, int], dtype: np.dtype[Any], before: bool = False) -> Plane:
        """Memory for a plane, kept for the next frame of the same size. before: of what is corrected then."""
        spare = self._spare.get((shape, before))
        if spare is None or spare.dtype != dtype:
            spare = self._spare[shape, before] = np.empty(shape, dtype)
        return spare

    def _rounded(self, samples: Plane) -> Plane:
        """The nearest level of a target of fewer bits."""
        if not self._lost:
            return samples
        top = (1 << self._target.bits) - 1
        nearest = (samples.astype(np.uint32) + (1 << (self._lost - 1))) >> self._lost
        rounded: Plane = np.minimum(nearest, top).astype(self._target.dtype)
        return rounded

    def _through_rgb(self, frame: Frame, into: Frame, strength: float | None) -> None:
        deep = self._source.bits > 8
        if self._source.kind == "yuv":
            self._through_swscale(frame, into, "rgb48le" if deep else "rgb24", strength)
        else:
            colours = [part for part in self._source.components if part.role == "luma"]
            planes = [_plain(frame.component(part), part) for part in colours]
            triple = np.stack(planes if len(planes) == 3 else planes * 3, axis=-1)
            result = upscaled(self._network, triple, self._source.bits if deep else None, None, strength)
            for index, part in enumerate(self._target.components[: len(colours)]):
                plane = self._rounded(result[..., index] if len(planes) == 3 else result[..., 1])
                np.copyto(into.component(part), plane << part.shift if part.shift else plane)
        if self._source.alpha:
            part, to = self._source.components[-1], self._target.components[-1]
            self._component(frame.component(part), part, into.component(to), to, self._networks[-1])

    def _through_swscale(self, frame: Frame, into: Frame, packed: str, strength: float | None) -> None:
        """Y'CbCr to RGB and back around the network, exactly, with interpolated chroma."""
        from av.video.reformatter import Interpolation

        exact = (
            Interpolation.BICUBIC
            | Interpolation.FULL_CHR_H_INT
            | Interpolation.FULL_CHR_H_INP
            | Interpolation.ACCURATE_RND
            | Interpolation.BITEXACT
        )
        matrix = _MATRIX_BT601 if frame.colour.matrix == UNSPECIFIED else frame.colour.matrix
        span = "JPEG" if frame.colour.full_range else "MPEG"
        rgb = Frame.from_av(
            frame.to_av().reformat(
                format=packed, src_colorspace=matrix, src_color_range=span, dst_color_range="JPEG", interpolation=exact
            )
        )
        large = upscaled(self._network, rgb.to_array(), strength=strength)
        made: VideoFrame = Frame.from_array(packed, large).to_av().reformat(
            format=self._target.name, dst_colorspace=matrix, src_color_range="JPEG", dst_color_range=span,
            interpolation=exact,
        )  # fmt: skip
        for source, target in zip(Frame.from_av(made).components, into.components, strict=True):
            np.copyto(target, source)


def _plain(view: Plane, part: Component) -> Plane:
    """Samples as a network takes them: native, unshifted, rows contiguous; the view itself if it can be."""
    if part.shift:
        return view >> part.shift
    if not view.dtype.isnative:
        return view.astype(view.dtype.newbyteorder("="))
    return view if view.strides[1] == view.itemsize else np.ascontiguousarray(view)
