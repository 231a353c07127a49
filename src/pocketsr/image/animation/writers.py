"""What writes animated pictures: FFmpeg frame by frame, and Pillow, which wants a sequence."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, cast

import av
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from pocketsr.image._formats import save_options
from pocketsr.image.animation.last_delay import set_length

__all__ = ["ByFFmpeg", "ByPillow", "Writer"]

Pixels = NDArray[Any]
_QUALITY = 90


class Writer(Protocol):
    def add(self, pixels: Pixels, pts: int, duration: int) -> None: ...

    def finish(self, end: int) -> None: ...

    def abort(self) -> None: ...


class ByFFmpeg:
    """GIF, WebP and APNG by FFmpeg's encoders, frame by frame."""

    def __init__(
        self, path: Path, kind: str, width: int, height: int, tick: Fraction, plays: int, lossy: bool
    ) -> None:  # fmt: skip
        encoder, pix_fmt, options, about = {
            # GIF says how often it is played again
            "gif": ("gif", "pal8", {}, {"loop": str({0: 0, 1: -1}.get(plays, plays - 1))}),
            "apng": ("apng", "rgba", {"pred": "mixed"}, {"plays": str(plays)}),
            "webp": (
                "libwebp_anim",
                "bgra",
                {"lossless": "0", "quality": str(_QUALITY)} if lossy else {"lossless": "1"},
                {"loop": str(plays)},
            ),
        }[kind]
        self._path, self._kind, self._tick = path, kind, tick
        self._container = av.open(f"file:{path}", "w", format=kind, container_options=about)
        self._stream = cast(VideoStream, self._container.add_stream(encoder, rate=25))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, pix_fmt
        context = self._stream.codec_context
        context.time_base = self._stream.time_base = tick
        context.options = options
        context.flags |= av.codec.context.Flags.frame_duration.value

    def add(self, pixels: Pixels, pts: int, duration: int) -> None:
        frame = VideoFrame.from_ndarray(pixels, format="rgba")
        frame = _with_palette(frame) if self._kind == "gif" else frame.reformat(format=self._stream.pix_fmt)
        frame.pts, frame.time_base, frame.duration = pts, self._tick, duration
        self._container.mux(self._stream.encode(frame))

    def finish(self, end: int) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        if self._kind != "gif":
            set_length(self._path, round(end * self._tick * 1000))

    def abort(self) -> None:
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()


def _with_palette(frame: VideoFrame) -> VideoFrame:
    """A frame in 255 colours of its own and transparent: alpha is all or nothing."""
    graph = Graph()
    source = graph.add("buffer", f"video_size={frame.width}x{frame.height}:pix_fmt=rgba:time_base=1/100")
    both, colours = graph.add("split"), graph.add("palettegen", "stats_mode=single:reserve_transparent=1")
    used, sink = graph.add("paletteuse", "new=1:alpha_threshold=128"), graph.add("buffersink")
    source.link_to(both)
    both.link_to(colours, 0, 0)
    both.link_to(used, 1, 0)
    colours.link_to(used, 0, 1)
    used.link_to(sink)
    graph.configure()
    frame.pts, frame.time_base = 0, Fraction(1, 100)
    graph.vpush(frame)
    graph.vpush(None)
    return graph.vpull()


class _Sequence(Image.Image):
    """As Pillow's writers see it: a picture whose frames come one by one."""

    def __init__(self, frames: Iterator[Image.Image]) -> None:
        super().__init__()
        self._frames, self._at = frames, -1
        self.is_animated = True
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame == self._at + 1:
            now = next(self._frames, None)
            if now is None:
                raise EOFError
            self.im, self._mode, self._size = now.im, now.mode, now.size
            self._at = frame

    def tell(self) -> int:
        return 0  # what they go back to at the end, which costs nothing


class ByPillow:
    """AVIF by Pillow, which asks for frames: in a thread of its own, one frame ahead."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames: queue.Queue[Image.Image | None] = queue.Queue(1)
        self._durations: list[int] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._save, name="pocketsr_avif", daemon=True)
        self._thread.start()

    def add(self, pixels: Pixels, pts: int, duration: int) -> None:  # noqa: ARG002  they follow each other
        self._durations.append(duration)
        self._put(Image.fromarray(pixels))

    def _put(self, item: Image.Image | None) -> None:
        while self._thread.is_alive():
            try:
                self._frames.put(item, timeout=0.2)
                return
            except queue.Full:
                pass
        if self._error is not None:
            raise self._error

    def _pulled(self) -> Iterator[Image.Image]:
        while (item := self._frames.get()) is not None:
            yield item

    def _save(self) -> None:
        try:
            sequence = _Sequence(self._pulled())
            with self._path.open("wb") as file:
                sequence.save(
                    file, format="AVIF", save_all=True, duration=self._durations, **save_options("AVIF", True)
                )
        except EOFError:
            pass  # no frame came
        except Exception as error:
            self._error = error

    def finish(self, end: int) -> None:  # noqa: ARG002
        self._put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        try:
            self._put(None)
        except Exception:
            return
        self._thread.join()
