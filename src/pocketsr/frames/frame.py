"""A frame: planes of samples, what they mean, and their presentation time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.arguments import check_text, check_type, check_whole
from pocketsr.engine import Plane, Siting
from pocketsr.errors import ArgumentError, ArgumentTypeError, UserError
from pocketsr.frames.format import NO_COLOUR, Colour, FrameFormat, check_common, check_size
from pocketsr.frames.layout import Component, Layout, layout_of
from pocketsr.frames.pyav import another, messages_of, tag, viewed

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Frame"]

_FULL = 2  # FFmpeg's AVCOL_RANGE_JPEG
_ALIASES = {"i420": "yuv420p", "i422": "yuv422p", "i444": "yuv444p", "grey": "gray", "rgb": "rgb24", "bgr": "bgr24"}


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video. It holds views: no samples are copied when a frame is created or read.

    `Frame.from_planes`, `from_array`, `from_buffer` and `from_av` make one; the constructor is for planes with gaps.

    layout: the pixel format.
    width, height: of the picture, in pixels, 1 to 2**26.
    planes: arrays (rows, samples a row or more), uint8 or uint16 as the layout says, with any row stride.
        Packed formats have one plane, whose rows hold the samples of several components in turn.
    siting: position of 4:2:0 and 4:2:2 chroma samples.
    pts, time_base: the presentation time is pts * time_base seconds; None if unknown.
    owner: object that owns the memory, kept alive with the frame.
    duration: in units of time_base; None if unknown.
    messages: corrections for x2 networks that came with it, as bytes (docs/correction-format.md).

    Raises ArgumentError and ArgumentTypeError for planes that don't hold such a picture, and for invalid values.
    """

    layout: Layout
    width: int
    height: int
    planes: tuple[Plane, ...]
    colour: Colour = NO_COLOUR
    siting: Siting = "left"
    pts: int | None = None
    time_base: Fraction | None = None
    owner: Any = field(default=None, repr=False)
    duration: int | None = None
    messages: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        layout = self.layout
        check_type(layout, Layout, "layout", "a Layout, as other frames' have,")
        check_type(self.planes, (tuple, list), "planes", "a tuple of arrays")
        for name in ("pts", "duration"):
            if (value := getattr(self, name)) is not None and type(value) is not int:
                check_whole(value, name, -(2**63), 2**63 - 1)
        check_common(self)
        check_type(self.messages, tuple, "messages", "a tuple of bytes")
        for message in self.messages:
            check_type(message, bytes, "a message", "bytes")
        if len(self.planes) != layout.planes:
            raise ArgumentError(f"{layout.name} has {layout.planes} planes, {len(self.planes)} are given")
        shapes = _plane_shapes(layout, self.width, self.height)
        for index, (plane, (rows, columns)) in enumerate(zip(self.planes, shapes, strict=True)):
            check_type(plane, np.ndarray, f"plane {index}", "a NumPy array")
            if plane.ndim != 2 or plane.dtype != layout.dtype or plane.shape[0] < rows or plane.shape[1] < columns:
                raise ArgumentError(
                    f"plane {index} of {layout.name} is {plane.shape} {plane.dtype}: a frame of "
                    f"{self.width}x{self.height} needs ({rows}, {columns}) {layout.dtype} or more"
                )

    def __repr__(self) -> str:
        time = "" if self.pts is None else f", pts {self.pts}"
        return f"<Frame {self.width}x{self.height} {self.layout.name}{time}>"

    @property
    def format(self) -> FrameFormat:
        """Its format, without samples and times."""
        return FrameFormat(self.layout.name, self.width, self.height, self.colour, self.siting, self.time_base)

    @property
    def components(self) -> Iterator[Plane]:
        """Views (H, W) of Y U V [A], R G B [A] or Y [A], as stored: see `Layout.components` for their shift."""
        return (self.component(part) for part in self.layout.components)

    def component(self, part: Component) -> Plane:
        """The samples of a component as a view (H, W) of its plane, still shifted by `part.shift`."""
        height, width = self.layout.size_of(part, self.width, self.height)
        return self.planes[part.plane][:height, part.offset :: part.step][:, :width]

    def at(self, pts: int | None, time_base: Fraction | None) -> Frame:
        """The same picture at another time."""
        return replace(self, pts=pts, time_base=time_base)

    @staticmethod
    def named(pix_fmt: str) -> str:
        """FFmpeg's name of a pixel format, also from an alias (i420). Raises UserError for an unsupported one."""
        return _layout(pix_fmt).name

    @classmethod
    def blank(cls, pix_fmt: str, width: int, height: int) -> Frame:
        """A frame of uninitialised samples, to write into.

        pix_fmt: as in `from_planes`. width, height: in pixels, 1 to 2**26.
        Raises ArgumentError and ArgumentTypeError for others, and UserError where memory is short.
        """
        layout = _layout(pix_fmt)
        check_size(width, height)
        try:
            planes = [np.empty(shape, layout.dtype) for shape in _plane_shapes(layout, width, height)]
        except (MemoryError, ValueError) as error:  # ValueError: more than the address space
            raise UserError(f"there is no memory for a frame of {width:,}x{height:,} pixels") from error
        return cls(layout, width, height, tuple(planes))

    @classmethod
    def from_planes(
        cls, pix_fmt: str, planes: Sequence[Plane], *, colour: Colour = NO_COLOUR, siting: Siting = "left",
        pts: int | None = None, time_base: Fraction | None = None,
    ) -> Frame:  # fmt: skip
        """From one array a plane: Y, U, V for i420; Y, UV for nv12, where UV is (H/2, W) or (H/2, W/2, 2).

        pix_fmt: as FFmpeg names it, or i420, i422, i444, grey, rgb, bgr. The first plane says how large the frame is.
        colour, siting, pts, time_base: as in `Frame`.
        Raises ArgumentError and ArgumentTypeError for arrays that don't fit the format.
        """
        layout = _layout(pix_fmt)
        check_type(planes, (Sequence, np.ndarray), "planes", "a list of arrays, one a plane,")
        flat = [_flat(plane, layout, index) for index, plane in enumerate(planes)]
        if not flat:
            raise ArgumentError(f"{pix_fmt} has {layout.planes} planes, none is given")
        step = layout.components[0].step
        height, (width, rest) = flat[0].shape[0], divmod(flat[0].shape[1], step)
        if rest:
            raise ArgumentError(f"a row of {layout.name} has {step} samples a pixel, {flat[0].shape[1]} are given")
        return cls(layout, width, height, tuple(flat), colour, siting, pts, time_base)

    @classmethod
    def from_array(cls, pix_fmt: str, array: Plane, **about: Any) -> Frame:
        """From one array: (H, W) grey, (H, W, 3) rgb24 or bgr24, (H, W, 4) rgba; `about` as in `from_planes`."""
        return cls.from_planes(pix_fmt, [array], **about)

    @classmethod
    def from_buffer(cls, pix_fmt: str, data: Any, width: int, height: int, **about: Any) -> Frame:
        """From bytes that hold the planes one after the other without gaps, as cameras and pipes deliver them.

        width, height: in pixels, 1 to 2**26. about: as in `from_planes`.
        Raises ArgumentError where there are fewer or more bytes than such a frame has, or they aren't in one piece, and
        ArgumentTypeError for what holds no bytes.
        """
        layout = _layout(pix_fmt)
        check_size(width, height)
        try:
            samples = np.frombuffer(data, np.uint8)
        except (TypeError, BufferError) as error:
            raise ArgumentTypeError(
                f"data is a {type(data).__name__}: bytes, or what holds them, is expected"
            ) from error
        except ValueError as error:  # no bytes at all, or an array with gaps
            raise ArgumentError(f"data holds no frame: {error}") from error
        shapes = _plane_shapes(layout, width, height)
        wanted = sum(rows * columns for rows, columns in shapes) * layout.dtype.itemsize
        if samples.nbytes != wanted:
            raise ArgumentError(f"a {pix_fmt} frame of {width}x{height} has {wanted} bytes, {samples.nbytes} are given")
        planes, typed = [], samples.view(layout.dtype)
        for rows, columns in shapes:
            planes.append(typed[: rows * columns].reshape(rows, columns))
            typed = typed[rows * columns :]
        return cls(layout, width, height, tuple(planes), owner=data, **about)

    @classmethod
    def from_av(cls, frame: VideoFrame, siting: Siting = "left") -> Frame:
        """From a PyAV frame, without a copy. Siting is a parameter of its own, since PyAV doesn't expose it.

        Raises ArgumentTypeError for what is no frame of PyAV, and ArgumentError for an unsupported pixel format.
        """
        from av.video.frame import VideoFrame

        check_type(frame, VideoFrame, "frame", "a frame (of pocketsr or PyAV) or an array")
        layout = layout_of(frame.format.name)
        planes = []
        for plane, (rows, _) in zip(frame.planes, _plane_shapes(layout, frame.width, frame.height), strict=False):
            stride = abs(plane.line_size) // layout.dtype.itemsize
            samples: Plane = np.frombuffer(memoryview(plane), layout.dtype)[: rows * stride].reshape(rows, stride)
            planes.append(samples[::-1] if plane.line_size < 0 else samples)  # stored bottom-up
        full = True if layout.name.startswith("yuvj") else None if not frame.color_range else frame.color_range == _FULL
        colour = Colour(frame.color_primaries, frame.color_trc, frame.colorspace, full)
        return cls(
            layout, frame.width, frame.height, tuple(planes), colour, siting, frame.pts, frame.time_base, frame,
            frame.duration or None, messages_of(frame),
        )  # fmt: skip

    def to_av(self) -> VideoFrame:
        """A PyAV frame with these samples, colours, siting and times.

        A view of a PyAV frame isn't copied: the result is that very frame if its properties are the same, else another
        over the same memory. Everything else is copied.
        """
        made = viewed(self)
        if made is None:
            made = self._copied()
        elif self._is_told_by(made):
            return made
        subsampled = self.layout.kind == "yuv" and (self.layout.sub_x or self.layout.sub_y)
        if made is self.owner or (subsampled and self.siting != "left"):  # FFmpeg takes "left" for granted
            made = another(made, self.siting)
        tag(made, self.colour)
        made.pts, made.duration = self.pts, self.duration or 0
        if self.time_base is not None:
            made.time_base = self.time_base
        return made

    def _is_told_by(self, frame: VideoFrame) -> bool:
        told = Frame.from_av(frame, self.siting)
        times = (told.pts, told.time_base, told.duration) == (self.pts, self.time_base, self.duration)
        return times and told.colour == self.colour and (self.siting == "left" or not self.layout.sub_x)

    def _copied(self) -> VideoFrame:
        from av.video.frame import VideoFrame

        made = VideoFrame(self.width, self.height, self.layout.name)
        for source, target in zip(self.components, Frame.from_av(made).components, strict=True):
            target[...] = source
        return made

    def to_array(self) -> Plane:
        """Packed formats and grey as one array, (H, W, channels) or (H, W), without a copy.

        Raises ArgumentError for planar formats: take their `components`.
        """
        if self.layout.planes != 1:
            raise ArgumentError(f"{self.layout.name} is planar: take its components one by one")
        step = self.layout.components[0].step
        rows = self.planes[0][: self.height, : self.width * step]
        return rows if step == 1 else rows.reshape(self.height, self.width, step)


def _layout(pix_fmt: str) -> Layout:
    check_text(pix_fmt, "pix_fmt")
    name = pix_fmt.lower()
    return layout_of(_ALIASES.get(name, name))


@lru_cache(64)  # a stream asks three times a frame, for the same sizes over and over
def _plane_shapes(layout: Layout, width: int, height: int) -> tuple[tuple[int, int], ...]:
    """Rows and samples a row of each plane."""
    shapes = []
    for index in range(layout.planes):
        parts = [part for part in layout.components if part.plane == index]
        rows = max(layout.size_of(part, width, height)[0] for part in parts)
        shapes.append((rows, max(layout.size_of(part, width, height)[1] * part.step for part in parts)))
    return tuple(shapes)


def _flat(plane: NDArray[Any], layout: Layout, index: int) -> Plane:
    """(H, W, C) as (H, W * C), a view where C lie side by side."""
    check_type(plane, np.ndarray, f"plane {index}", "a NumPy array")
    steps = [part.step for part in layout.components if part.plane == index]
    if plane.ndim == 3 and steps and plane.shape[2] != min(steps):
        raise ArgumentError(f"plane {index} is {plane.shape}: {layout.name} has {min(steps)} samples side by side")
    if plane.ndim not in (2, 3) or plane.dtype != layout.dtype:
        raise ArgumentError(f"plane {index} is {plane.shape} {plane.dtype}: {layout.name} has rows of {layout.dtype}")
    return plane if plane.ndim == 2 else plane.reshape(plane.shape[0], -1)
