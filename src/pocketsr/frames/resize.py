"""Frames of any size from frames of another: bicubic, its kernel stretched where they shrink, chroma where it lies."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from pocketsr.engine import Siting
from pocketsr.errors import UserError
from pocketsr.frames.frame import Frame
from pocketsr.frames.layout import Layout

__all__ = ["Resizer"]

# swscale's bicubic has a = -0.6 unless told: param1 is -a. It folds what lies beyond an edge onto the edge's sample.
_FLAGS = "flags=bicubic+accurate_rnd+bitexact:param0=0:param1=0.5"


class Resizer:
    """From frames of one planar layout and size to frames of another size.

    Luma and chroma of Y'CbCr go through swscale together, which knows where chroma lies. R, G and B, grey and alpha go
    through it one by one as grey: it would turn RGB to Y'CbCr and back.

    Args:
        layout: planar, of native byte order: the first of `candidates`.
        siting: of the chroma planes, as `plane_siting` gives it.
        source, target: (width, height).

    Attributes:
        middle: the frame that is resized by the next call: write the samples here.

    Raises UserError where FFmpeg has no filter from the one to the other.
    """

    def __init__(self, layout: Layout, siting: Siting, source: tuple[int, int], target: tuple[int, int]) -> None:
        self._layout, self._target = layout, target
        deep = f"{layout.bits}le" if layout.bits > 8 else ""
        colour: list[_Scaler] = []
        if layout.kind == "yuv":
            colour = [_Scaler(layout.name.replace("yuva", "yuv"), siting, source, target)]
        rest = len(layout.components) - (3 if colour else 0)
        self._scalers = colour + [_Scaler(f"gray{deep}", None, source, target) for _ in range(rest)]
        self._packed = layout.planes < len(layout.components)  # grey with alpha, which no format keeps apart
        planes = tuple(plane for each in self._scalers for plane in each.planes)
        self.middle = Frame.blank(layout.name, *source) if self._packed else Frame(layout, *source, planes)

    def __call__(self) -> Frame:
        """What stands in `middle`, resized: a view of new memory."""
        if not self._packed:
            planes = [plane for each in self._scalers for plane in each().planes]
            return Frame(self._layout, *self._target, tuple(planes))
        made = Frame.blank(self._layout.name, *self._target)
        for scaler, samples, out in zip(self._scalers, self.middle.components, made.components, strict=True):
            scaler.planes[0][: samples.shape[0], : samples.shape[1]] = samples
            out[...] = next(scaler().components)
        return made


class _Scaler:
    """One graph of FFmpeg's filters, for frames of one format and size."""

    def __init__(
        self, pix_fmt: str, siting: Siting | None, source: tuple[int, int], target: tuple[int, int]
    ) -> None:  # fmt: skip
        self._source, self._target = source, target
        sited = "" if siting is None else f":in_chroma_loc={siting}:out_chroma_loc={siting}"
        graph = self._graph = Graph()
        graph.threads = 1  # beside decoder, network and encoder more of them gain nothing
        about = f"video_size={source[0]}x{source[1]}:pix_fmt={pix_fmt}:time_base=1/1000"
        steps = [
            graph.add("buffer", about),
            graph.add("scale", f"{target[0]}:{target[1]}:{_FLAGS}{sited}"),
            graph.add("buffersink"),
        ]
        for one, other in pairwise(steps):
            one.link_to(other)
        try:
            graph.configure()
            self._input = VideoFrame(*source, pix_fmt)
        except (av.FFmpegError, ValueError) as error:
            raise self._refused from error
        self.planes = Frame.from_av(self._input).planes

    def __call__(self) -> Frame:
        try:
            self._graph.vpush(self._input)
            return Frame.from_av(self._graph.vpull())
        except (av.FFmpegError, ValueError) as error:
            raise self._refused from error

    @cached_property
    def _refused(self) -> UserError:
        (a, b), (c, d) = self._source, self._target
        return UserError(f"{a}x{b} can't be resized to {c}x{d}: ask for another size")
