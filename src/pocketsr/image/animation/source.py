"""Animated pictures (GIF, WebP, APNG, AVIF) as a source of frames."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from pocketsr.errors import UserError
from pocketsr.frames import Colour, Frame, Span, cut
from pocketsr.image._alpha import fill_hidden_colour
from pocketsr.image._array import to_planes
from pocketsr.image._formats import kind_of
from pocketsr.image._memory import check_memory, growth_of
from pocketsr.image._png import read_png
from pocketsr.models import DEFAULT_SCALE
from pocketsr.sizing import Size

__all__ = ["COLOUR", "AnimationSource"]

# sRGB, as BT.601 in studio range: what the networks were trained on.
COLOUR = Colour(primaries=1, transfer=13, matrix=5, full_range=False)
_MS = Fraction(1, 1000)
_SHORTEST_MS, _USUAL_MS = 10, 100  # what is this short or shorter, browsers show for a tenth of a second
_MOST_PIXELS = 2**34  # of all frames together: 8,000 of Full HD
_WHITE = 255


class AnimationSource:
    """The frames of an animated picture, each as it is shown: `with AnimationSource(path) as source`.

    Frames are Y'CbCr 4:4:4 in 16 bits, as pictures are upscaled (`upscale_image`), with an alpha plane; colour under
    transparent pixels is that of their neighbours. Times count milliseconds from 0; a duration of 10 ms or less is
    100 ms, as in browsers. Frames are decoded one by one as they are asked for.

    Args:
        flat: whether frames have no alpha, and white shows through where they are transparent: for videos.
        span: the part that is wanted; its times start at 0. size, scale: what is asked for, and the network's
            factor: for what it takes of memory.

    Attributes:
        plays: how often it is played; 0: for ever.
        lossy: whether the file it came from had lost something.
        warnings: what is left out, one line each.

    Raises UserError for what is broken, too large for this machine's memory, or too long.
    """

    def __init__(
        self,
        path: Path,
        *,
        flat: bool = False,
        span: Span | None = None,
        size: Size | None = None,
        scale: int = DEFAULT_SCALE,
    ) -> None:
        self._path, self._flat, self._span = path, flat, span
        self.warnings: list[str] = []
        kind = kind_of(path)
        assert kind is not None
        self._kind = kind[0]
        self._file = path.open("rb")
        try:
            self._image = self._opened()
            self._check(size, scale)
            self.plays = self._plays()
            self.lossy = self._kind == "AVIF" or (self._kind == "WEBP" and b"VP8 " in _head(path))
            self._note_lost()
        except UserError:
            self._file.close()
            raise
        except Exception as error:
            self._file.close()
            raise self._broken(error) from error

    def _opened(self) -> ImageFile.ImageFile:
        content: BinaryIO = self._file
        if self._kind == "PNG":
            png = read_png(self._file, self._path, animated=True)
            if png.bits > 8:
                raise UserError(f"{self._path} is animated with {png.bits} bits a colour: save it with 8 bits first")
            content = png.pixels
        Image.init()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.OPEN[self._kind][0](content, "")

    def _check(self, size: Size | None, scale: int) -> None:
        image = self._image
        check_memory(self._path, *image.size, 4, 2, growth_of(size, scale)(*image.size))
        count: int = image.n_frames  # type: ignore[attr-defined]
        self._first = 1 if image.info.get("default_image") else 0  # a PNG may show those a picture who know no APNG
        self._count = count
        if count * image.size[0] * image.size[1] > _MOST_PIXELS:
            raise UserError(
                f"{self._path} has {count:,} frames of {image.size[0]}x{image.size[1]}: more than "
                f"{_MOST_PIXELS / 1e9:.0f} billion pixels in all; cut it into parts"
            )

    def _plays(self) -> int:
        loop = self._image.info.get("loop")
        if self._kind == "GIF":  # which counts how often it is played again
            return 1 if loop is None else 0 if loop == 0 else int(loop) + 1
        return int(loop or 0)

    def _note_lost(self) -> None:
        info = self._image.info
        names = {"icc_profile": "colour profile", "exif": "EXIF data", "xmp": "XMP data", "comment": "comment"}
        lost = [word for key, word in names.items() if info.get(key)]
        if lost:
            self.warnings.append(f"{self._path}: left out of the animation: {', '.join(lost)}")

    def __len__(self) -> int:
        return self._count - self._first

    def __iter__(self) -> Iterator[Frame]:
        frames = self._frames()
        if self._span is None:
            yield from frames
            return
        some = False
        for frame in cut(frames, self._span):
            some = True
            yield frame
        if not some:
            raise UserError(f"{self._path} ends after {self._time / 1000:.2f} s, before --start")

    def _frames(self) -> Iterator[Frame]:
        self._time = 0
        for index in range(self._first, self._count):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._image.seek(index)
                    self._image.load()
                    pixels = np.asarray(self._image.convert("RGBA"))
                length = float(self._image.info.get("duration") or 0)
            except (MemoryError, UserError):
                raise
            except Exception as error:
                raise self._broken(error, index) from error
            duration = round(length) if length > _SHORTEST_MS else _USUAL_MS
            yield self._frame(pixels, self._time, duration)
            self._time += duration

    def _frame(self, rgba: NDArray[Any], pts: int, duration: int) -> Frame:
        alpha = rgba[..., 3]
        if self._flat:
            share = alpha[..., None].astype(np.float32) / 255
            rgb = np.rint(rgba[..., :3] * share + _WHITE * (1 - share)).astype(np.uint8)
            planes = to_planes(rgb)
        else:
            planes = [*to_planes(fill_hidden_colour(rgba[..., :3], alpha)), alpha.astype(np.uint16) * 257]
        frame = Frame.from_planes(
            "yuv444p16le" if self._flat else "yuva444p16le", planes, colour=COLOUR, siting="center", pts=pts,
            time_base=_MS,
        )  # fmt: skip
        return Frame(
            frame.layout, frame.width, frame.height, frame.planes, frame.colour, frame.siting, pts, _MS, None, duration
        )

    def _broken(self, error: Exception, index: int | None = None) -> UserError:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        where = "" if index is None else f" in frame {index - self._first + 1}"
        return UserError(f"{self._path} is broken{where}, or of a kind that is not supported: {why}")

    def close(self) -> None:
        """Close the file."""
        self._image.close()
        self._file.close()

    def __enter__(self) -> AnimationSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _head(path: Path) -> bytes:
    """Names of the chunks of a WebP near its beginning, those of its first frame among them."""
    names: list[bytes] = []
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8 and len(names) < 16:
            names.append(head[:4])
            (size,) = struct.unpack("<I", head[4:])
            if head[:4] == b"ANMF":
                file.seek(16, 1)
            else:
                file.seek(size + size % 2, 1)
    return b" ".join(names)
