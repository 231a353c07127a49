"""Pixel formats as NumPy sees them: where each component's samples lie in a frame's planes, by FFmpeg's names.

No colour is ever converted here: a component is read from, and written to, the samples of a plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from av.video.format import VideoFormat

from pocketsr.errors import ArgumentError

__all__ = ["Component", "Layout", "candidates", "layout_of"]

Role = Literal["luma", "chroma", "alpha"]
Kind = Literal["yuv", "rgb", "gray"]


@dataclass(frozen=True)
class Component:
    """Samples `plane[:, offset::step] >> shift`; `offset` and `step` count samples."""

    plane: int
    role: Role
    offset: int = 0
    step: int = 1
    shift: int = 0


@dataclass(frozen=True)
class Layout:
    """A pixel format. Components stand in the order Y U V [A], R G B [A] or Y [A]."""

    name: str
    kind: Kind
    bits: int
    sub_x: int  # log2 of the chroma subsampling
    sub_y: int
    components: tuple[Component, ...]
    big_endian: bool = False

    @property
    def alpha(self) -> bool:
        return self.components[-1].role == "alpha"

    @property
    def dtype(self) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
        """Type of the samples as stored."""
        if self.bits <= 8 and not any(c.shift for c in self.components):
            return np.dtype(np.uint8)
        return np.dtype(">u2" if self.big_endian else "<u2")

    @property
    def planes(self) -> int:
        """How many planes of memory hold the samples: 1 for packed formats, 2 for semi-planar ones."""
        return 1 + max(component.plane for component in self.components)

    @property
    def samples(self) -> tuple[Kind, int, int, int]:
        """What the samples are, wherever they lie in memory: formats that agree here differ in bits at most."""
        return self.kind, self.sub_x, self.sub_y, len(self.components)

    def size_of(self, component: Component, width: int, height: int) -> tuple[int, int]:
        """(height, width) of a component in a frame of width x height: chroma rounds up."""
        if component.role != "chroma":
            return height, width
        return -(-height >> self.sub_y), -(-width >> self.sub_x)


def _packed(order: str, kind: Kind, bits: int = 8, sub_x: int = 0, big_endian: bool = False) -> Layout:
    """One plane of interleaved samples; `order` spells a pixel ("bgra"; x is padding) or a pair ("yuyv")."""
    names = {"yuv": "yuva", "rgb": "rgba", "gray": "ya"}[kind]
    parts = []
    for name in names:
        if name not in order:
            continue
        role: Role = "alpha" if name == "a" else "chroma" if name in "uv" else "luma"
        step = len(order) // order.count(name)
        parts.append(Component(0, role, order.index(name), step))
    return Layout("", kind, bits, sub_x, 0, tuple(parts), big_endian)


def _semi(bits: int, shift: int, sub_x: int, sub_y: int, swapped: bool = False) -> Layout:
    """A plane of luma, and one of interleaved chroma."""
    parts = (
        Component(0, "luma", shift=shift),
        Component(1, "chroma", int(swapped), 2, shift),
        Component(1, "chroma", int(not swapped), 2, shift),
    )
    return Layout("", "yuv", bits, sub_x, sub_y, parts)


_INTERLEAVED: dict[str, Layout] = {
    "nv12": _semi(8, 0, 1, 1),
    "nv21": _semi(8, 0, 1, 1, swapped=True),
    "nv16": _semi(8, 0, 1, 0),
    "nv20le": _semi(10, 0, 1, 0),
    "nv24": _semi(8, 0, 0, 0),
    "nv42": _semi(8, 0, 0, 0, swapped=True),
    "p010le": _semi(10, 6, 1, 1),
    "p012le": _semi(12, 4, 1, 1),
    "p016le": _semi(16, 0, 1, 1),
    "p210le": _semi(10, 6, 1, 0),
    "p216le": _semi(16, 0, 1, 0),
    "p410le": _semi(10, 6, 0, 0),
    "p416le": _semi(16, 0, 0, 0),
    "yuyv422": _packed("yuyv", "yuv", sub_x=1),
    "yvyu422": _packed("yvyu", "yuv", sub_x=1),
    "uyvy422": _packed("uyvy", "yuv", sub_x=1),
    "rgb24": _packed("rgb", "rgb"),
    "bgr24": _packed("bgr", "rgb"),
    "rgba": _packed("rgba", "rgb"),
    "bgra": _packed("bgra", "rgb"),
    "argb": _packed("argb", "rgb"),
    "abgr": _packed("abgr", "rgb"),
    "rgb0": _packed("rgbx", "rgb"),
    "bgr0": _packed("bgrx", "rgb"),
    "0rgb": _packed("xrgb", "rgb"),
    "0bgr": _packed("xbgr", "rgb"),
    "rgb48le": _packed("rgb", "rgb", 16),
    "rgb48be": _packed("rgb", "rgb", 16, big_endian=True),
    "rgba64le": _packed("rgba", "rgb", 16),
    "rgba64be": _packed("rgba", "rgb", 16, big_endian=True),
    "ya8": _packed("ya", "gray"),
    "ya16le": _packed("ya", "gray", 16),
    "ya16be": _packed("ya", "gray", 16, big_endian=True),
}


@cache
def layout_of(name: str) -> Layout:
    """The layout of FFmpeg's pixel format `name`.

    Raises:
        ArgumentError: the format isn't supported (palettes, bit fields, floats, Bayer, XYZ).
    """
    if name in _INTERLEAVED:
        known = _INTERLEAVED[name]
        return Layout(name, known.kind, known.bits, known.sub_x, known.sub_y, known.components, known.big_endian)
    try:
        form = VideoFormat(name, 16, 16)
        parts = form.components
        planes = [part.plane for part in parts]
        bits = {part.bits for part in parts}
        simple = (
            len(set(planes)) == len(planes)
            and len(bits) == 1
            and max(bits) in range(8, 17)
            and not (form.is_bit_stream or form.has_palette or form.is_bayer)
            and not any(odd in name for odd in ("f16", "f32", "msb", "xyz"))
        )
    except ValueError:
        simple = False
    if not simple:
        raise ArgumentError(
            f"pixel format {name} is not supported: convert it first, for instance with "
            "ffmpeg -i INPUT -pix_fmt yuv444p -c:v ffv1 CONVERTED.mkv"
        )
    kind: Kind = "rgb" if form.is_rgb else "gray" if len(parts) <= 2 else "yuv"
    components = tuple(
        Component(part.plane, "alpha" if part.is_alpha else "chroma" if kind == "yuv" and index else "luma")
        for index, part in enumerate(parts)
    )
    chroma = parts[1 if kind == "yuv" else 0]
    sub_x, sub_y = (16 // chroma.width).bit_length() - 1, (16 // chroma.height).bit_length() - 1
    return Layout(name, kind, bits.pop(), sub_x, sub_y, components, form.is_big_endian)


def candidates(layout: Layout) -> list[str]:
    """Names of formats that hold exactly the same samples, planar first, for an encoder to choose from."""
    deep = f"{layout.bits}le" if layout.bits > 8 else ""
    alpha = "a" if layout.alpha else ""
    if layout.kind == "gray":
        names = [f"ya{layout.bits}{'le' * bool(deep)}"] if alpha else [f"gray{deep}"]
    elif layout.kind == "rgb":
        names = [f"gbr{alpha}p{deep}"]
        if layout.bits == 8:
            names += ["rgba", "bgra", "argb"] if alpha else ["rgb24", "bgr24", "bgr0", "rgb0"]
        elif layout.bits == 16:
            names += ["rgba64le", "rgba64be"] if alpha else ["rgb48le", "rgb48be"]
    else:
        ratio = {(1, 1): "420", (1, 0): "422", (0, 0): "444", (0, 1): "440", (2, 0): "411", (2, 2): "410"}
        sub = ratio[layout.sub_x, layout.sub_y]
        names = [f"yuv{alpha}{sub}p{deep}"] + ([] if alpha or deep else [f"yuvj{sub}p"])
    return [*names, *([] if layout.name in names else [layout.name])]
