"""The levels that a governor chooses from, ready to run, and what they take on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pocketsr.arguments import check_type
from pocketsr.engine import Plane, Siting, Upscaler
from pocketsr.engine.onnx.model_file import read_file
from pocketsr.errors import ArgumentError
from pocketsr.frames import Frame
from pocketsr.frames.looking import Following
from pocketsr.live.probe import kept, probe
from pocketsr.live.situation import Level
from pocketsr.live.stream import Stream
from pocketsr.models import NAMES, resolve
from pocketsr.sizing import Size

__all__ = ["SHIPPED", "Ladder", "Repeat"]

SHIPPED: dict[str, str] = {name: name for name in ("quality", "medium", "small", "tiny", "phone", "bicubic")}


class Repeat:
    """Pass through: every sample `scale` by `scale` times, a tenth of bicubic's time. An `Upscaler`."""

    channels = 1
    edge_halo = 0

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:  # noqa: ARG002
        scale, (height, width) = self.scale, y.shape
        if out is None:
            out = np.empty((height * scale, width * scale), y.dtype)
        for column in range(scale):
            out[::scale, column::scale] = y
        for row in range(1, scale):
            out[row::scale] = out[::scale]
        return out


class _Repeating(Stream):
    def _load_chroma(self, siting: Siting) -> Upscaler:  # noqa: ARG002
        return self._network


class Ladder:
    """A `Stream` for each level that has a network, and pass through.

    networks: by the level's name. Raises UserError for networks that can't be loaded, or differ in scale.
    """

    def __init__(
        self, networks: Mapping[str, str | Path | Upscaler], pix_fmt: str | None, threads: int | None,
        size: Size | None = None,
    ) -> None:  # fmt: skip
        check_type(networks, Mapping, "ladder", "a dict of networks by the name of their level")
        self._networks, self._pix_fmt, self._threads = networks, pix_fmt, threads
        following = Following()  # one for all levels: a change of network is none of strength
        self._streams = {
            _level(name): Stream(net, pix_fmt=pix_fmt, threads=threads, size=size, strength=following)
            for name, net in networks.items()
        }
        self._size = size
        scales = sorted({stream.scale for stream in self._streams.values()})
        if len(scales) != 1:
            raise ArgumentError(f"the networks of a ladder have one scale, these have {scales or 'none'}")
        self.scale = scales[0]
        self._streams[Level.PASS_THROUGH] = _Repeating(Repeat(self.scale), pix_fmt=pix_fmt, size=size)

    def __getitem__(self, level: Level) -> Stream:
        return self._streams[level]

    def close(self) -> None:
        """Let go of the networks' memory."""
        for stream in self._streams.values():
            stream.close()

    def costs(self) -> list[int]:
        """Microseconds for a million pixels, of each `Level` in their order; 0 where there is none."""
        if not all(isinstance(network, str | Path) for network in self._networks.values()):
            return self._measured()  # nobody knows what a network is that was made elsewhere
        files = [f"{name} {self._threads}".encode() + _content(self._networks[name]) for name in sorted(self._networks)]
        return kept(files, self._measured)

    def _measured(self) -> list[int]:
        def time_level(level: Level, width: int, height: int) -> int:
            noise = np.random.default_rng(0).integers(0, 256, width * height * 3 // 2, np.uint8)
            frame = Frame.from_buffer("i420", noise, width, height)
            started = time.monotonic_ns()
            plain[level](frame)
            return (time.monotonic_ns() - started) // 1000

        plain = self if self._pix_fmt is None and self._size is None else Ladder(self._networks, None, self._threads)
        return probe(list(self._streams), time_level)


def _level(name: str) -> Level:
    levels = {level.name.lower(): level for level in Level if level}
    if name not in levels:
        raise ArgumentError(f"a ladder has no level '{name}': {', '.join(levels)} are expected")
    return levels[name]


def _content(network: str | Path | Upscaler) -> bytes:
    """What tells a network from others."""
    known = isinstance(network, str | Path) and (str(network) in NAMES or Path(network).suffix.lower() == ".onnx")
    return read_file(resolve(network)).key() if known else str(network).encode()  # type: ignore[arg-type]
