"""Every width against the definition, in scratch memory full of what was there before."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from emitted import ZIG, check
from numpy.typing import NDArray

from pocketsr.engine.analysis.count import count
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.plan import Plan, make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.ir.graph import Graph
from pocketsr.engine.ir.reference import evaluate
from pocketsr.engine.runtime.build import FLAGS
from pocketsr.names import API

__all__ = ["HEIGHTS", "TARGETS", "Built", "built", "faults", "halo_of", "widest_tile"]

HEIGHTS = (1, 2, 3, 4, 5, 9, 13)  # in turn: seven, so that each meets each remainder of a width by four
TARGETS = {  # what an x86-64 machine with AVX2 can run, and the schedule of AVX-512 in halves
    "sse": Target(None, "x86_64", 4, 16),
    "avx2": Target(None, "x86_64_v3", 8, 16),
    "16 lanes": Target(None, "x86_64_v3", 16, 32, l1_bytes=49152),
    "16 lanes, dots": Target(None, "x86_64_v3", 16, 32, l1_bytes=49152, dot_cost=1),
}
Floats = NDArray[np.float32]


class Built:
    """The C of a network as a library, called with scratch memory that the caller fills."""

    def __init__(self, plan: Plan, library: Path) -> None:
        self.plan, self.graph = plan, plan.graph
        made = ctypes.CDLL(str(library))
        self._scratch, self._bands, *_ = (getattr(made, f"{self.graph.name}_{part}") for part in API)
        self._scratch.restype = ctypes.c_size_t
        pointer, distance, number = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int
        self._entries = {np.dtype(kind): getattr(made, f"{self.graph.name}_{part}")
                         for kind, part in ((np.uint8, "u8"), (np.float32, "f32"))}  # fmt: skip
        for entry in self._entries.values():
            entry.argtypes = [pointer, distance, distance] * 2 + [number] * 4 + [pointer]
            entry.restype = None

    def scratch(self, width: int) -> NDArray[np.uint8]:
        """Working memory for `width` pixels: NaN, whether read as floats or as bytes of 255."""
        return np.full(self._scratch(width), 255, np.uint8)

    def __call__(self, planes: NDArray[np.generic], scratch: NDArray[np.uint8], strips: int = 1) -> NDArray[np.generic]:
        """(C, H, W), uint8 or float32, to `scale` times the size; strip after strip in the same memory."""
        channels, height, width = planes.shape
        scale, bands = self.graph.scale, self._bands(height)
        out = np.empty((channels, scale * height, scale * width), planes.dtype)
        for strip in range(strips):
            self._entries[planes.dtype](
                planes.ctypes.data, width, height * width, out.ctypes.data, scale * width, scale**2 * height * width,
                width, height, bands * strip // strips, bands * (strip + 1) // strips, scratch.ctypes.data,
            )  # fmt: skip
        return out


def built(graph: Graph, target: Target, folder: Path) -> Built:
    """`graph` compiled for `target`, faster than it would be for use."""
    plan = make_plan(graph, target)
    source, library = folder / f"{graph.name}.c", folder / f"{graph.name}_{target.cpu}_{target.lanes}.so"
    source.write_text(emit(plan))
    flags = [flag for flag in FLAGS if flag not in ("-O3", "-mprefer-vector-width=512")]
    object_file = library.with_suffix(".o")
    check([*ZIG, *flags, "-O1", "-Wno-psabi", *target.flags, "-c", str(source), "-o", str(object_file)])
    check([*ZIG[:-1], "ld.lld", "-shared", "-o", str(library), str(object_file)])
    return Built(plan, library)


def widest_tile(plan: Plan) -> int:
    """Columns that an inner loop takes at once, in pixels of the picture; tiles wider than a screen don't count."""
    tiles = [step.method.tile for step in plan.steps if step.method.tile <= 160]
    return plan.phases * max(plan.span, *tiles, 0)


def halo_of(path: Path) -> int:
    return (count(path).receptive_field or 0) // 2 + 1


def _picture(channels: int, height: int, width: int) -> Floats:
    """Noise over gradients, as 8-bit samples are: C H W."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = 0.5 + 0.4 * np.sin(x / 9 + 1) * np.cos(y / 7)
    noise = np.random.default_rng(height).normal(0, 0.2, (channels, height, width))
    return (np.round(np.clip(smooth + noise, 0, 1) * 255) / 255).astype(np.float32)


def faults(network: Built, halo: int, widths: range, limit: float = 1e-5) -> list[str]:
    """What is wrong at some width: each is run twice in one memory, poisoned before, and compared with the definition.

    Of a wide picture the definition is computed once, and serves for the columns that don't see the right edge; those
    within `halo` of it are the same as in a picture of the last few columns.
    """
    graph, scale = network.graph, network.graph.scale
    wide = {height: _picture(graph.channels, height, widths[-1] + halo) for height in HEIGHTS}
    left = {height: evaluate(graph, planes * np.float32(graph.max_value)) for height, planes in wide.items()}
    found = []
    for width in widths:
        height = HEIGHTS[width % len(HEIGHTS)]
        planes = np.ascontiguousarray(wide[height][:, :, :width]) * np.float32(graph.max_value)
        near = evaluate(graph, planes[:, :, -2 * halo :])[:, :, -min(halo, width) * scale :]
        inner = max(0, width - halo) * scale
        exact = np.concatenate([left[height][:, :, :inner], near], axis=2)
        scratch = network.scratch(width)
        first, again = network(planes, scratch), network(planes, scratch)
        off = float(np.abs(first - exact).max() / graph.max_value)
        if not off <= limit:
            found.append(f"width {width}, height {height}: off by {off:.2g}")
        samples = np.round(planes * (255 / graph.max_value)).astype(np.uint8)
        large = np.floor(np.clip(exact * (255 / graph.max_value), 0, 255) + 0.5)
        network(np.full_like(planes, np.nan), scratch)  # what a frame before may leave behind
        small = [network(samples, scratch, strips) for strips in (1, 2, 1)]
        if np.abs(small[0] - large).max() > 1:
            found.append(f"width {width}, height {height}: samples off by {np.abs(small[0] - large).max():.0f}")
        if not (first == again).all() or any((small[0] != each).any() for each in small):
            found.append(f"width {width}, height {height}: the second time is not the first")
    return found
