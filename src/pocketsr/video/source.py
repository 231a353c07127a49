"""What a decoded stream says about itself, read once, before any work."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import cast

import av
import av.logging
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.frames import Colour, FrameFormat, Layout, layout_of
from pocketsr.sizing import Shape, kept_aspect
from pocketsr.video.ffmpeglog import listening
from pocketsr.video.types import Siting

__all__ = ["LOSSLESS", "Source", "describe", "described_format", "has_captions", "with_format"]

LOSSLESS = frozenset(
    [
        "ffv1",
        "huffyuv",
        "ffvhuff",
        "utvideo",
        "magicyuv",
        "png",
        "apng",
        "qtrle",
        "rawvideo",
        "v210",
        "v308",
        "v410",
        "r210",
        "yuv4",
        "tiff",
        "bmp",
        "gif",
    ]
)
"""Decoders whose streams hold every sample as it was."""

_SITINGS: dict[str, Siting] = {"center": "center", "topleft": "topleft"}
_UNCARRIED = {
    "DOVI_RPU_BUFFER": "Dolby Vision data",
    "DOVI_METADATA": "Dolby Vision data",
    "DYNAMIC_HDR_PLUS": "HDR10+ data",
    "DYNAMIC_HDR_VIVID": "HDR Vivid data",
    "STEREO3D": "stereo 3D marks",
    "SPHERICAL": "spherical projection marks",
    "ICC_PROFILE": "an ICC profile",
}


@dataclass(frozen=True)
class Source:
    """The video stream, and what of it must come out as it went in."""

    name: str
    codec: str  # FFmpeg's name of the decoder
    width: int
    height: int
    layout: Layout
    time_base: Fraction
    start: Fraction  # seconds
    rate: Fraction | None
    aspect: Fraction | None  # sample aspect ratio
    siting: Siting
    chroma_location: str  # as FFmpeg names it, "unspecified" included
    full_range: bool
    color_range: int
    color_primaries: int
    color_trc: int
    colorspace: int
    display_matrix: tuple[int, ...] | None
    mastering: bytes | None  # AVMasteringDisplayMetadata
    light: tuple[int, int] | None  # MaxCLL, MaxFALL
    captions: bool  # closed captions inside the video stream
    total: int | None  # frames, where it is known or can be estimated
    warnings: list[str] = field(default_factory=list)

    @property
    def lossless(self) -> bool:
        return self.codec in LOSSLESS

    @property
    def turned(self) -> bool:
        """Whether players turn the picture by 90 degrees, one way or the other."""
        matrix = self.display_matrix
        return matrix is not None and abs(matrix[1]) > abs(matrix[0])

    @property
    def shape(self) -> Shape:
        return Shape(self.width, self.height, self.aspect, self.turned)

    @property
    def colour(self) -> Colour:
        full = None if not self.color_range else self.full_range
        return Colour(self.color_primaries, self.color_trc, self.colorspace, full)


def described_format(form: FrameFormat, time_base: Fraction, rate: Fraction | None) -> Source:
    """Of frames that come from elsewhere than a file, what they say of themselves."""
    colour = form.colour
    return Source(
        name="frames",
        codec="",
        width=form.width,
        height=form.height,
        layout=layout_of(form.pix_fmt),
        time_base=time_base,
        start=Fraction(0),
        rate=rate,
        aspect=None,
        siting=form.siting,
        chroma_location=form.siting,
        full_range=bool(colour.full_range),
        color_range=0 if colour.full_range is None else 2 if colour.full_range else 1,
        color_primaries=colour.primaries,
        color_trc=colour.transfer,
        colorspace=colour.matrix,
        display_matrix=None,
        mastering=None,
        light=None,
        captions=False,
        total=None,
    )


def with_format(source: Source, form: FrameFormat, panes: tuple[int, int]) -> Source:
    """What a file's video is, tagged as its upscaled frames are.

    panes: how many pictures of its shape stand side by side in one of them, across and down.
    """
    size = form.width // panes[0], form.height // panes[1]
    colour = form.colour
    return replace(
        source,
        layout=source.layout if form.pix_fmt == source.layout.name else layout_of(form.pix_fmt),
        aspect=kept_aspect(source.aspect, (source.width, source.height), size),
        color_primaries=colour.primaries,
        color_trc=colour.transfer,
        colorspace=colour.matrix,
    )


def describe(container: InputContainer, stream: VideoStream, frame: VideoFrame, pts: int, *, captions: bool) -> Source:
    """From the open input, its first frame, that frame's time, and whether closed captions were seen later.

    Raises:
        UserError: the pixel format isn't supported.
    """
    context = stream.codec_context
    layout = layout_of(frame.format.name)
    location = _chroma_location(frame)
    warnings = []
    if layout.kind == "yuv" and location in ("top", "bottom", "bottomleft"):
        warnings.append(f"chroma samples sit at {location!r}: upscaled as if at their left")
    side, lost = _side_data(frame)
    warnings += [f"{what} can't be carried over and is left out" for what in sorted(lost)]
    light = side.get("CONTENT_LIGHT_LEVEL")
    matrix = side.get("DISPLAYMATRIX")
    color_range = frame.color_range or context.color_range
    return Source(
        name=container.name.removeprefix("file:"),
        codec=context.name,
        width=frame.width,
        height=frame.height,
        layout=layout,
        time_base=stream.time_base or Fraction(1, 1000),
        start=pts * (stream.time_base or Fraction(1, 1000)),
        rate=_rate(stream),
        aspect=stream.sample_aspect_ratio,
        siting=_SITINGS.get(location, "left"),
        chroma_location=location,
        full_range=color_range == 2 or layout.name.startswith("yuvj"),
        color_range=2 if layout.name.startswith("yuvj") else color_range,
        color_primaries=frame.color_primaries,
        color_trc=frame.color_trc,
        colorspace=frame.colorspace,
        display_matrix=tuple(int(v) for v in np.frombuffer(matrix, np.int32)) if matrix else None,
        mastering=side.get("MASTERING_DISPLAY_METADATA"),
        light=struct.unpack_from("<2I", light) if light else None,
        captions=captions or "A53_CC" in side,
        total=_total(container, stream),
        warnings=warnings,
    )


def _rate(stream: VideoStream) -> Fraction | None:
    """Frames a second: the least that the file and FFmpeg say, as wrong tags err upwards (1000 for Matroska).

    Of a raw stream, which has no times, FFmpeg's average is its demuxer's default of 25, and the stream's own counts.
    """
    if stream.start_time is None and stream.guessed_rate:
        return stream.guessed_rate
    return min((rate for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate) if rate), default=None)


def _total(container: InputContainer, stream: VideoStream) -> int | None:
    if stream.frames:
        return stream.frames
    rate = _rate(stream)
    if not rate:
        return None
    if stream.duration and stream.time_base:
        return round(stream.duration * stream.time_base * rate)
    return round(Fraction(container.duration, av.time_base) * rate) if container.duration else None


def has_captions(frame: VideoFrame) -> bool:
    """Whether closed captions (CEA-608, CEA-708) hang on the frame."""
    return "A53_CC" in _side_data(frame)[0]


def _side_data(frame: VideoFrame) -> tuple[dict[str, bytes], set[str]]:
    """Side data that is carried over, by name, and in words what can't be."""
    kept, lost = {}, set()
    try:
        for item in frame.side_data:  # a mapping that iterates over its values
            kind = cast(SideData, item).type.name
            if kind in _UNCARRIED:
                lost.add(_UNCARRIED[kind])
            else:
                kept[kind] = bytes(cast(SideData, item))
    except ValueError:  # side data newer than PyAV's list of names
        pass
    return kept, lost


def _chroma_location(frame: VideoFrame) -> str:
    """FFmpeg's name for where the chroma samples lie.

    PyAV exposes the field neither on frames nor on codec contexts, but the showinfo filter logs it.
    """
    graph = Graph()
    options = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1000"
    graph_in = graph.add("buffer", options)
    show = graph.add("showinfo", "checksum=0:udu_sei_as_ascii=1")
    graph_out = graph.add("buffersink")
    graph_in.link_to(show)
    show.link_to(graph_out)
    try:
        with listening(av.logging.INFO) as logs:
            graph.configure()
            graph_in.push(frame)
            graph_out.pull()
    except av.FFmpegError:
        return "unspecified"
    text = "".join(message for _, name, message in logs if name == "showinfo")
    found = re.search(r"\bcl:(\w+)", text)
    return found.group(1) if found else "unspecified"
