"""Frames become an animated picture: GIF, WebP, APNG or AVIF."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, Self, cast

import av
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from pocketsr.atomic_io import Beside
from pocketsr.errors import UserError
from pocketsr.frames import Frame, FrameFormat
from pocketsr.image._animated import ANIMATIONS
from pocketsr.image._array import from_planes
from pocketsr.image._formats import WRITABLE, save_options
from pocketsr.image.animation.last_delay import set_length
from pocketsr.image.animation.source import COLOUR

__all__ = ["AnimationSink"]

Pixels = NDArray[Any]
_MOST_SIDE = {"gif": 65_535, "webp": 16_383, "apng": 2**31 - 1, "avif": WRITABLE["AVIF"].side}
_TICK = {"gif": Fraction(1, 100)}  # seconds; a thousandth in all others
_LEAST = {"gif": 2}  # ticks: what is shorter, browsers show for a tenth of a second
_QUALITY = 90


class _Writer(Protocol):
    def add(self, pixels: Pixels, pts: int, duration: int) -> None: ...

    def finish(self, end: int) -> None: ...

    def abort(self) -> None: ...


class AnimationSink:
    """An animated picture to write, whose suffix says the format; it is complete at the end of the `with`, or absent.

    Args:
        source: the file that the frames come from, which isn't written over.
        plays: how often it is to be played; 0: for ever, as AVIF always is.
        lossy: whether WebP may lose something, as the source has. AVIF always does.

    Attributes:
        warnings: what could not be kept, one line each.

    Raises UserError, from every method, where it can't be written.
    """

    def __init__(
        self, path: Path, *, source: Path, plays: int = 0, lossy: bool = False, overwrite: bool = False
    ) -> None:  # fmt: skip
        self._path, self._plays, self._lossy = path, plays, lossy
        self._kind = ANIMATIONS[path.suffix.lower()]
        self._tick = _TICK.get(self._kind, Fraction(1, 1000))
        self._beside = Beside(path, source, overwrite=overwrite)
        self._writer: _Writer | None = None
        self._size: tuple[int, int] | None = None
        self._held: tuple[Pixels, int] | None = None  # the last frame and its time, until the next tells how long
        self._last_length = 0
        self._dropped = 0
        self._lock = threading.Lock()  # an encoder isn't closed while another thread is in it
        self.warnings: list[str] = []
        if self._kind == "avif" and plays:
            self.warnings.append(f"{path}: AVIF can't be told to be played {plays} times: it goes on for ever")

    def begin(self, form: FrameFormat) -> None:
        """Frames of this size follow. Raises UserError for a change of size."""
        if self._size == (form.width, form.height):
            return
        if self._size is not None:
            a, b = self._size
            raise UserError(f"{self._path}: frames change from {a}x{b} to {form.width}x{form.height}: cut it there")
        most = _MOST_SIDE[self._kind]
        if max(form.width, form.height) > most:
            raise UserError(f"{self._path}: {form.width}x{form.height} is too large: {most:,} a side are the most")
        self._size = (form.width, form.height)
        with self._writing():
            self._writer = self._opened(form.width, form.height)

    def _opened(self, width: int, height: int) -> _Writer:
        if self._kind == "avif":
            return _Pillow(self._beside.path)
        return _FFmpeg(self._beside.path, self._kind, width, height, self._tick, self._plays, self._lossy)

    def write(self, frame: Frame) -> None:
        """Add a frame, which has a time."""
        if frame.pts is None or frame.time_base is None:
            raise UserError(f"{self._path}: its frames have no times")
        pts = round(frame.pts * frame.time_base / self._tick)
        pixels = _rgba(frame)
        length = max(1, round((frame.duration or 0) * frame.time_base / self._tick))
        with self._lock, self._writing():
            if self._held is not None and pts - self._held[1] < _LEAST.get(self._kind, 1):
                self._dropped += 1
                return
            self._add_held(pts)
            self._held, self._last_length = (pixels, pts), length

    def _add_held(self, until: int) -> None:
        if self._held is not None:
            assert self._writer is not None
            self._writer.add(*self._held, until - self._held[1])

    def close(self) -> None:
        """Write what is still held, and move the file into place."""
        with self._lock, self._writing():
            if self._writer is None or self._held is None:
                self._beside.discard()
                return
            end = self._held[1] + max(self._last_length, _LEAST.get(self._kind, 1))
            self._add_held(end)
            self._writer.finish(end)
            self._beside.keep()
            self._beside.discard()  # lets go of the lock
        if self._dropped:
            self.warnings.append(f"{self._path}: GIF shows at most 50 frames a second: {self._dropped:,} were left out")

    def abort(self) -> None:
        """Leave nothing behind."""
        with self._lock:
            if self._writer is not None:
                self._writer.abort()
            self._beside.discard()

    def _writing(self) -> _Guard:
        return _Guard(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise


class _Guard:
    """What encoders and the disk raise becomes a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if isinstance(error, av.FFmpegError | OSError | ValueError) and not isinstance(error, UserError):
            why = " ".join(str(getattr(error, "strerror", None) or error).split())
            raise UserError(f"{self._path} can't be written: {why}") from error


class _FFmpeg:
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


class _Pillow:
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


def _rgba(frame: Frame) -> Pixels:
    """(H, W, 4) uint8, straight alpha."""
    layout = frame.layout
    if layout.name in ("yuv444p16le", "yuva444p16le") and frame.colour == COLOUR:
        planes = list(frame.components)
        rgb = from_planes(planes[:3], np.dtype(np.uint8))
        alpha = (planes[3] + np.uint32(128)) // 257 if layout.alpha else np.full(rgb.shape[:2], 255)
        return np.dstack((rgb, alpha.astype(np.uint8)))
    matrix = 5 if frame.colour.matrix == 2 else frame.colour.matrix
    span = "JPEG" if frame.colour.full_range else "MPEG"
    made = frame.to_av().reformat(format="rgba", src_colorspace=matrix, src_color_range=span, dst_color_range="JPEG")
    return made.to_ndarray()
