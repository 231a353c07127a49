"""The ways from a clip to the receiver's picture: sent whole or smaller, and what makes it large again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.bench.codec_clip import SCALES
from pocketsr.engine import Upscaler, load, repeat_edges, takes_strength, upscaled
from pocketsr.errors import UserError
from pocketsr.frames import layout_of
from pocketsr.frames.looking import Following
from pocketsr.frames.resize import Resizer
from pocketsr.models import NAMES, resolve
from pocketsr.source import Hints

__all__ = ["BICUBIC", "NATIVE", "Enlarger", "Path", "make_paths"]

Plane = NDArray[np.uint8]
NATIVE = "native"
BICUBIC = "bicubic"


@dataclass(frozen=True)
class Path:
    """scale: a key of `SCALES`. model: None for native. corrected: with the sender's corrections."""

    scale: str
    model: str | None = None
    corrected: bool = False

    @property
    def label(self) -> str:
        """The network without the folder of its file; empty for native."""
        return "" if self.model is None else self.model if self.model in NAMES else PurePath(self.model).stem

    @property
    def name(self) -> str:
        """As in the JSON: "native", "1.5x bicubic", "2x small-call", "2x small-call + correction"."""
        words = (self.scale, self.label, "+ correction" if self.corrected else "")
        return " ".join(word for word in words if word)

    @cached_property
    def sha256(self) -> str:
        """Of the network's file, empty where there is none."""
        return "" if self.model is None else hashlib.sha256(resolve(self.model).read_bytes()).hexdigest()


def make_paths(models: Sequence[str], *, correction: bool = False) -> list[Path]:
    """Native first, then 1.5x and 2x, each by bicubic and by each of `models`; corrected ones behind the others.

    Raises UserError for a network that can't be loaded, isn't x2 on luma, or is called like another.
    """
    names = list(dict.fromkeys((BICUBIC, *models)))
    labels = [Path("2x", name).label for name in names]
    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise UserError(f"two networks are called '{twice}': rename the file of one")
    for name in names:
        _network(name)  # refused before anything is measured
    paths = [Path(NATIVE), *(Path(scale, name) for scale in SCALES if scale != NATIVE for name in names)]
    if correction:
        paths += [Path("2x", name, corrected=True) for name in names if name != BICUBIC]
    return paths


class Enlarger:
    """Decoded luma to the size of the original, in one thread.

    2x is the network. 1.5x is the network and then FFmpeg's antialiased bicubic to the size, as `upscale --size` does
    it: any network serves, and none is trained for it. Bicubic 1.5x is that resize alone.

    hints: what a receiver knows of the stream: a network that takes a strength is told an estimate, as `upscale` does.
    """

    def __init__(
        self, path: Path, source: tuple[int, int], target: tuple[int, int], hints: Hints | None = None
    ) -> None:  # fmt: skip
        self._following = Following(hints)
        self._net: Upscaler | None = None
        self._resizer: Resizer | None = None
        self._large = np.empty((2 * source[1], 2 * source[0]), np.uint8)
        if path.model is not None and (path.scale == "2x" or path.model != BICUBIC):
            self._net = _network(path.model)
        if path.scale == "1.5x":
            middle = source if self._net is None else (2 * source[0], 2 * source[1])
            self._resizer = Resizer(layout_of("gray"), "center", middle, target)

    def __call__(self, decoded: Plane) -> Plane:
        """A plane of its own."""
        large = decoded if self._net is None else np.asarray(
            upscaled(self._net, decoded, out=self._large, strength=self._strength(self._net, decoded))
        )  # fmt: skip
        if self._resizer is None:
            return np.array(large)
        next(self._resizer.middle.components)[...] = large
        made: NDArray[Any] = next(self._resizer().components)
        return np.array(made)

    def _strength(self, net: Upscaler, decoded: Plane) -> float | None:
        return self._following.of_luma(decoded) if takes_strength(net) else None


def _network(model: str) -> Upscaler:
    net = load(model, threads=1)
    if (net.scale, net.channels) != (2, 1):
        raise UserError(f"model '{model}' is x{net.scale} with {net.channels} channels: x2 on luma is expected")
    return repeat_edges(net)
