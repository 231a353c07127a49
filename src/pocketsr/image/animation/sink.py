"""Frames become an animated picture: GIF, WebP, APNG or AVIF."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np

from pocketsr.atomic_io import Beside
from pocketsr.errors import UserError
from pocketsr.frames import Frame, FrameFormat
from pocketsr.image._animated import ANIMATIONS
from pocketsr.image._array import from_planes
from pocketsr.image._formats import WRITABLE
from pocketsr.image.animation.source import COLOUR
from pocketsr.image.animation.writers import ByFFmpeg, ByPillow, Pixels, Writer

__all__ = ["AnimationSink"]

_MOST_SIDE = {"gif": 65_535, "webp": 16_383, "apng": 2**31 - 1, "avif": WRITABLE["AVIF"].side}
_TICK = {"gif": Fraction(1, 100)}  # seconds; a thousandth in all others
_LONGER = 2  # times: of two frames within the least time the later one is shown if it lasts so much longer
_LEAST = {"gif": 2}  # ticks: what is shorter, browsers show for a tenth of a second


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
        self._writer: Writer | None = None
        self._size: tuple[int, int] | None = None
        self._held: tuple[Pixels, int] | None = None  # the last frame and its time, until the next tells how long
        self._last_length = 0  # ticks, as far as is known: until what was left out after it ends
        self._shown_s = Fraction(0)  # how long its own picture is meant to be shown
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

    def _opened(self, width: int, height: int) -> Writer:
        if self._kind == "avif":
            return ByPillow(self._beside.path)
        return ByFFmpeg(self._beside.path, self._kind, width, height, self._tick, self._plays, self._lossy)

    def write(self, frame: Frame) -> None:
        """Add a frame, which has a time."""
        if frame.pts is None or frame.time_base is None:
            raise UserError(f"{self._path}: its frames have no times")
        pts = round(frame.pts * frame.time_base / self._tick)
        pixels = _rgba(frame)
        shown_s = (frame.duration or 0) * frame.time_base
        length = max(1, round(shown_s / self._tick))
        with self._lock, self._writing():
            if self._held is not None and pts - self._held[1] < _LEAST.get(self._kind, 1):
                self._dropped += 1
                self._last_length = max(self._last_length, pts + length - self._held[1])
                if shown_s > _LONGER * self._shown_s:  # a glimpse, and then what is to be seen
                    self._held, self._shown_s = (pixels, self._held[1]), shown_s
                return
            self._add_held(pts)
            self._held, self._last_length, self._shown_s = (pixels, pts), length, shown_s

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
