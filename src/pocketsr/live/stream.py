"""A stream of frames through a network; size and format may change between frames."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pocketsr.arguments import check_type
from pocketsr.engine import Computed, Plane, Siting, Upscaler, check_told, load_chroma
from pocketsr.errors import ArgumentError
from pocketsr.frames import Frame, FrameUpscaler, Heard, SizedUpscaler, Strength, fixed, multiples
from pocketsr.frames.looking import Following
from pocketsr.live.forks import renew_in_children
from pocketsr.loading import as_network, is_estimated
from pocketsr.models import at_size
from pocketsr.sizing import Plan, Sized, as_size, plain_plan, plan

if TYPE_CHECKING:
    from types import TracebackType

    from av.video.frame import VideoFrame

__all__ = ["Stream", "as_frame"]

_ARRAYS = {2: "gray", 3: "rgb24", 4: "rgba"}


class Stream:
    """Upscales frames one by one: `big = stream(frame)`.

    Luma goes through the network, chroma and alpha through bicubic interpolation that respects the chroma
    siting; of RGB, each channel goes through the network. The result has the frame's colour tags and time. Frames may
    change size and pixel format at any time. One call at a time; a second thread waits for the first.

    Args:
        model: the network: a shipped one by name, an ONNX file, or what `pocketsr.load` returned.
        pix_fmt: pixel format of the output, by FFmpeg's name; it must have the same components as the input (i420 for
            nv12, say). Default: the input's.
        threads: for the networks loaded here; default: all cores.
        size: of the output, default: the network's factor. A factor; (width, height), of which one may be None and then
            follows; a `pocketsr.Size`. Both sides are given exactly, whatever the shape of the frames. Of a factor
            above 2 and 3 `small` and `quality` stand for their networks of x3 and x4.
        reuse: keep the last frame with its result, and compute only what a changed block changes: the results are the
            same, and where most of a picture stands still, as in calls, sooner there. `computed_share` tells.
        strength: how far frames are from what they were before an encoder, 0 (clean) to 1, for a network that is told;
            or what finds it for each `Frame`. Default: estimated for shipped networks that are named, else its own.

    Raises UserError for an unavailable network: ArgumentError and ArgumentTypeError for what names none.
    """

    def __init__(
        self, model: str | Path | Upscaler = "small", *, pix_fmt: str | None = None, threads: int | None = None,
        size: Sized | None = None, reuse: bool = False, strength: Strength = None,
    ) -> None:  # fmt: skip
        self._size, self._reuse = as_size(size), reuse
        self._pix_fmt, self._threads = None if pix_fmt is None else Frame.named(pix_fmt), threads
        self._network = as_network(at_size(model, self._size), threads)
        check_told(self._network, fixed(strength))
        self._strength = Following() if strength is None and is_estimated(model, self._network) else strength
        self._chroma = cache(self._load_chroma)
        self._heard = Heard()
        self._upscalers: dict[tuple[str, Siting], FrameUpscaler] = {}
        self._sized: tuple[tuple[str, Siting, Plan], SizedUpscaler] | None = None  # for frames as the last one
        self._computed = Computed()  # by what is there no more
        self._closed = False
        self._lock = threading.Lock()
        renew_in_children(self)

    def renew(self) -> None:
        """In a child of this process: the frame in hand is the parent's."""
        self._lock = threading.Lock()
        for upscaler in self._upscalers.values():
            for each in upscaler.reusing:
                each.renew()
        if self._sized is not None:
            for each in self._sized[1].reusing:
                each.renew()

    def _load_chroma(self, siting: Siting) -> Upscaler:
        return load_chroma(self.scale, siting, self._threads)

    @property
    def scale(self) -> int:
        """Factor by which frames become larger, in each direction."""
        return self._network.scale

    def __call__(self, frame: Frame | VideoFrame | Plane, out: Frame | None = None) -> Frame:
        """The frame, `scale` times as large, or of the size that the stream was made for.

        frame: a `Frame`, a PyAV frame, or an array of uint8: (H, W) grey, (H, W, 3) RGB, (H, W, 4) RGBA.
        out: a frame of the right size and format to write the samples into; default: a new one. Reusing one for frames
            of the same size saves its allocation.
        Raises ArgumentError and ArgumentTypeError for an unsupported format, an `out` that doesn't fit, and where the
        stream is closed.
        """
        frame = as_frame(frame)
        pix_fmt = self._target(frame)
        way = self._way(frame)
        if out is None:
            out = Frame.blank(pix_fmt, *way.target)
        else:
            check_type(out, Frame, "out", "a pocketsr.Frame")
            if out.layout.name != pix_fmt:
                raise ArgumentError(f"out is {out.layout.name}: {pix_fmt} is expected")
        with self._lock:
            self._upscaler(frame, way)(frame, out)
        return Frame(
            out.layout, out.width, out.height, out.planes, frame.colour, frame.siting, frame.pts, frame.time_base,
            out.owner,
        )  # fmt: skip

    def hear(self, data: bytes) -> bool:
        """Take a correction that came beside the frames, from the next one on (docs/correction-format.md).

        What came in H.264 or H.265 is on PyAV's frames already. A correction is applied to the luma of Y'CbCr, and to
        grey, behind the x2 network that it was fitted for. False for what is no message.
        """
        return self._heard.hear(data)

    def _target(self, frame: Frame) -> str:
        return self._pix_fmt or frame.layout.name

    def _way(self, frame: Frame) -> Plan:
        if self._size is None:
            return plain_plan(self.scale, frame.width, frame.height)
        return plan(self._size, self.scale, frame.width, frame.height, multiples=multiples(frame.layout))

    def _upscaler(self, frame: Frame, way: Plan) -> FrameUpscaler | SizedUpscaler:
        if self._closed:
            raise ArgumentError("the stream is closed: make another")
        if not way.plain:
            about = (frame.layout.name, frame.siting, way)
            if self._sized is None or self._sized[0] != about:
                target = self._target(frame)
                self._computed.add(self._sized[1].reusing if self._sized else ())
                made = SizedUpscaler(
                    self._network, self._chroma, frame.layout, target, frame.siting, way, self._reuse, self._strength,
                    self._heard,
                )  # fmt: skip
                self._sized = about, made
            return self._sized[1]
        key = (frame.layout.name, frame.siting)
        if key not in self._upscalers:
            target = self._target(frame)
            self._upscalers[key] = FrameUpscaler(
                self._network, self._chroma, frame.layout, target, frame.siting, self._reuse, self._strength,
                self._heard,
            )  # fmt: skip
        return self._upscalers[key]

    @property
    def computed_share(self) -> float | None:
        """With `reuse`: the share of all samples so far that was computed, 0 to 1; None before the first frame."""
        with self._lock:
            made: list[FrameUpscaler | SizedUpscaler] = [
                *self._upscalers.values(),
                *([self._sized[1]] if self._sized else []),
            ]
            return self._computed.share(each for upscaler in made for each in upscaler.reusing)

    def close(self) -> None:
        """Release the networks' memory."""
        with self._lock:  # not while a frame is on its way
            self._closed = True
            self._upscalers.clear()
            self._sized = None
            self._chroma.cache_clear()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self.close()

    def __repr__(self) -> str:
        return f"<Stream x{self.scale}{' closed' if self._closed else ''}>"


def as_frame(frame: Frame | VideoFrame | Plane) -> Frame:
    """A frame of any supported kind, as a `Frame`. Raises ArgumentError and ArgumentTypeError for what is none."""
    if isinstance(frame, Frame):
        return frame
    if isinstance(frame, np.ndarray):
        channels = 2 if frame.ndim == 2 else frame.shape[2] if frame.ndim == 3 else 0
        if frame.dtype != np.uint8 or channels not in _ARRAYS or (frame.ndim == 3 and channels == 2):
            raise ArgumentError(
                f"an array is (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA of uint8, this one is {frame.shape} "
                f"{frame.dtype}: say what it is with Frame.from_array or Frame.from_planes"
            )
        return Frame.from_array(_ARRAYS[channels], frame)
    return Frame.from_av(frame)
