"""Between frames and those of PyAV."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame

    from pocketsr.engine import Siting
    from pocketsr.frames.format import Colour
    from pocketsr.frames.frame import Frame

__all__ = ["another", "messages_of", "tag", "viewed"]

_MOST_MESSAGES = 16  # of a picture


def messages_of(frame: VideoFrame) -> tuple[bytes, ...]:
    """Corrections in the SEI messages that FFmpeg's H.264 and H.265 decoders hang on a picture, unread."""
    found: list[bytes] = []
    try:
        for item in frame.side_data:  # a mapping that iterates over its values
            data = cast("SideData", item)
            if data.type.name == "SEI_UNREGISTERED":
                found += _messages_in(data)
    except ValueError:  # PyAV 18.1: side data newer than its list of names
        pass
    return tuple(found[:_MOST_MESSAGES])


def _messages_in(data: SideData) -> list[bytes]:
    from pocketsr.codec.correction import IDENTIFIER, MOST_BYTES

    identifier = IDENTIFIER.bytes
    if data.buffer_size > len(identifier) + MOST_BYTES:
        return []
    content = bytes(data)
    return [content[len(identifier) :]] if content.startswith(identifier) else []


def tag(frame: VideoFrame, colour: Colour) -> None:
    """Write what the samples mean into a frame of PyAV."""
    frame.color_primaries, frame.color_trc, frame.colorspace = colour.primaries, colour.transfer, colour.matrix
    frame.color_range = 0 if colour.full_range is None else 2 if colour.full_range else 1


def viewed(frame: Frame) -> VideoFrame | None:
    """The frame of PyAV whose samples these are, all of them, whatever it says of colours and times."""
    from av.video.frame import VideoFrame

    owner = frame.owner
    if not isinstance(owner, VideoFrame):
        return None
    if (owner.width, owner.height, owner.format.name) != (frame.width, frame.height, frame.layout.name):
        return None
    whole = frame.from_av(owner).planes
    same = all(
        (a.ctypes.data, a.strides) == (b.ctypes.data, b.strides) for a, b in zip(frame.planes, whole, strict=True)
    )
    return owner if same else None


def another(frame: VideoFrame, siting: Siting) -> VideoFrame:
    """A second frame of PyAV over the same memory, with all that hangs on the first, and `siting`.

    PyAV has no name for a frame's siting, but FFmpeg's filter setparams sets it.
    """
    from av.filter import Graph

    graph = Graph()
    about = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1000"
    about += f":colorspace={frame.colorspace}:range={frame.color_range}"
    source, change = graph.add("buffer", about), graph.add("setparams", f"chroma_location={siting}")
    sink = graph.add("buffersink")
    source.link_to(change)
    change.link_to(sink)
    graph.configure()
    graph.vpush(frame)
    return graph.vpull()
