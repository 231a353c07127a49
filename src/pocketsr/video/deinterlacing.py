"""Whole pictures from fields, by FFmpeg's bwdif."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

import av
from av.filter import Graph
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from pocketsr.errors import UserError
from pocketsr.video.cutting import Picture
from pocketsr.video.source import Source

__all__ = ["Deinterlace", "Deinterlacer"]

Deinterlace: TypeAlias = Literal["frame", "field"]
"""A picture for each frame, or for each field: twice as many."""


class Deinterlacer:
    """Pictures and packets in, the same with pictures made of fields out.

    Args:
        path: of the film, for messages.
        base: of the pictures' times.
        marked: whether the film says that it is interlaced: then pictures that say they aren't stay as they are.

    Attributes:
        base: of the times of what comes out.
    """

    def __init__(self, path: Path, rate: Deinterlace, base: Fraction, marked: bool) -> None:
        self._path, self._rate, self._from, self._marked = path, rate, base, marked
        self.base = base / 2 if rate == "field" else base
        self._graph: Graph | None = None
        self._form: tuple[int, int, str] | None = None
        self._frames_per_s: Fraction | None = None

    @property
    def words(self) -> str:
        """What is done, in words, once `described` was called."""
        rate = "" if self._frames_per_s is None else f" to {float(self._frames_per_s):g} frames per second"
        return f"deinterlaced{rate} by bwdif"

    def described(self, source: Source, first: int) -> Source:
        """What comes out, of a film that is `source`; first: time of its first picture, in `base`."""
        factor = 2 if self._rate == "field" else 1
        self._frames_per_s = None if source.rate is None else source.rate * factor
        total = None if source.total is None else source.total * factor
        start = first * self.base
        return replace(source, time_base=self.base, start=start, rate=self._frames_per_s, total=total)

    def __call__(self, items: Iterator[Picture | Packet[Stream]]) -> Iterator[Picture | Packet[Stream]]:
        """The pictures of `items` whole, one or two for each."""
        for item in items:
            if isinstance(item, Packet):
                yield item
                continue
            form = item.frame.width, item.frame.height, item.frame.format.name
            if form != self._form:
                yield from self._drain()
                self._begin(item.frame)
                self._form = form
            assert self._graph is not None
            item.frame.pts, item.frame.time_base, item.frame.duration = item.pts, self._from, item.duration
            try:
                self._graph.vpush(item.frame)
            except (av.FFmpegError, ValueError) as error:
                raise self._refused(error) from error
            yield from self._pull()
        yield from self._drain()

    def _begin(self, like: VideoFrame) -> None:
        graph = Graph()
        about = f"video_size={like.width}x{like.height}:pix_fmt={like.format.name}:time_base={self._from}"
        about += f":colorspace={like.colorspace}:range={like.color_range}"
        which = "interlaced" if self._marked or like.interlaced_frame else "all"
        steps = [
            graph.add("buffer", about),
            graph.add("bwdif", f"mode=send_{self._rate}:parity=auto:deint={which}"),
            graph.add("buffersink"),
        ]
        for one, other in pairwise(steps):
            one.link_to(other)
        try:
            graph.configure()
        except (av.FFmpegError, ValueError) as error:
            raise self._refused(error) from error
        self._graph = graph

    def _pull(self) -> Iterator[Picture]:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):  # it wants more, or has given all
                return
            except av.FFmpegError as error:
                raise self._refused(error) from error
            assert isinstance(frame, VideoFrame)
            assert frame.pts is not None
            assert frame.time_base is not None
            ticks = frame.time_base / self.base  # it counts in half units, whatever it makes
            yield Picture(frame, round(frame.pts * ticks), round(frame.duration * ticks))

    def _drain(self) -> Iterator[Picture]:
        if self._graph is not None:
            self._graph.vpush(None)
            last: Picture | None = None
            for picture in self._pull():
                # It takes for granted that the last frame stays as long as the one before it.
                if last is not None and last.duration:
                    picture = replace(picture, pts=min(picture.pts, last.pts + last.duration))  # noqa: PLW2901
                last = picture
                yield picture
            self._graph = None

    def _refused(self, error: Exception) -> UserError:
        why = str(getattr(error, "strerror", None) or error).splitlines()[0]
        return UserError(f"{self._path}: FFmpeg's bwdif can't deinterlace it ({why}): leave out --deinterlace")
