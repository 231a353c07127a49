"""What a container cuts off a frame before it is shown: MP4's clean aperture, Matroska's PixelCrop."""

from __future__ import annotations

from collections.abc import Callable

from av.filter import Graph
from av.video.frame import VideoFrame

__all__ = ["cropper"]


def cropper(edges: tuple[int, int, int, int]) -> Callable[[VideoFrame], VideoFrame] | None:
    """A function that cuts (left, right, top, bottom) columns and rows off frames of one size; None: nothing to cut.

    Nothing is copied: a frame becomes a window of the one before. Where chroma is subsampled, an odd edge on the
    left or above would move the colours by half a pixel; FFmpeg's filter then cuts one column or row less.
    """
    if not any(edges):
        return None
    left, right, top, bottom = edges
    graph: Graph | None = None
    first: tuple[int, int, str] | None = None

    def crop(frame: VideoFrame) -> VideoFrame:
        nonlocal graph, first
        first = first or (frame.width, frame.height, frame.format.name)
        width, height = frame.width - left - right, frame.height - top - bottom
        if width <= 0 or height <= 0 or first != (frame.width, frame.height, frame.format.name):
            return frame  # nonsense, which players ignore too; or a change, which is refused elsewhere
        if graph is None:
            graph = Graph()
            size = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1000"
            made = (graph.add("buffer", size), graph.add("crop", f"{width}:{height}:{left}:{top}"))
            sink = graph.add("buffersink")
            made[0].link_to(made[1])
            made[1].link_to(sink)
            graph.configure()
        pts, duration, time_base = frame.pts, frame.duration, frame.time_base
        graph.vpush(frame)
        cut = graph.vpull()
        cut.pts, cut.duration, cut.time_base = pts, duration, time_base
        return cut

    return crop
