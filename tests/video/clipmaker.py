"""Small clips for the tests, made with PyAV and NumPy, and ways to look into the results."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from pocketsr.frames import Frame, layout_of
from pocketsr.report import Report
from pocketsr.video import VideoOptions, upscale_video

Plane = NDArray[Any]


class Repeat:
    """A stand-in for a network that repeats samples: exact, fast, and easy to foresee."""

    def __init__(self, scale: int = 2, channels: int = 1) -> None:
        self.scale, self.channels, self.edge_halo = scale, channels, 0
        self.calls: list[tuple[tuple[int, ...], int | None]] = []

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:
        assert y.strides[-1] == y.itemsize, "a network may ask for contiguous rows"
        assert y.dtype.isnative
        self.calls.append((y.shape, bits))
        s = self.scale
        if out is None:
            out = np.empty((y.shape[0] * s, y.shape[1] * s, *y.shape[2:]), y.dtype)
        assert out.shape[:2] == (y.shape[0] * s, y.shape[1] * s)
        assert out.dtype == y.dtype
        for dy in range(s):
            for dx in range(s):
                out[dy::s, dx::s] = y
        return out


def upscale(source: Path, target: Path | None, scale: int = 2, channels: int = 1, **kw: Any) -> Report:
    """`upscale_video` with repeating networks; keywords are options or the function's own."""
    options = VideoOptions(**{k: kw.pop(k) for k in ("codec", "crf", "preset", "threads") if k in kw})
    return upscale_video(source, target, Repeat(scale, channels), lambda _: Repeat(scale), options, **kw)


@dataclass
class Clip:
    """What to put into a video stream."""

    width: int = 64
    height: int = 48
    pix_fmt: str = "yuv420p"
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "crf": "10"})
    time_base: Fraction = Fraction(1, 12800)
    rate: Fraction = Fraction(25)
    pts: Sequence[int] = tuple(range(0, 12 * 512, 512))
    tags: dict[str, Any] = field(default_factory=dict)  # codec context attributes
    container_options: dict[str, str] = field(default_factory=dict)
    format: str | None = None

    def write(self, path: Path, pictures: Iterable[Sequence[Plane]] | None = None, setup: Any = None) -> Path:
        """Encode; `setup(container, stream)` may add streams and returns packets to mux after the video."""
        container = av.open(str(path), "w", format=self.format, container_options=self.container_options)
        with container:
            stream = container.add_stream(self.codec, rate=self.rate)
            context = stream.codec_context
            context.width, context.height, context.pix_fmt = self.width, self.height, self.pix_fmt
            context.time_base = stream.time_base = self.time_base
            context.options = dict(self.options)
            for name, value in self.tags.items():
                setattr(context, name, value | context.flags if name == "flags" else value)
            more = setup(container, stream) if setup else None
            for index, (pts, planes) in enumerate(zip(self.pts, pictures or self.noise(), strict=False)):
                frame = self.frame(planes)
                frame.pts, frame.time_base = pts, self.time_base
                for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
                    if name in self.tags:
                        setattr(frame, name, self.tags[name])
                container.mux(stream.encode(frame))
                if more is not None:
                    container.mux(more(index))
            container.mux(stream.encode(None))
        return path

    def frame(self, planes: Sequence[Plane]) -> VideoFrame:
        """A frame of the clip's format from one array a component."""
        frame = VideoFrame(self.width, self.height, self.pix_fmt)
        layout = layout_of(self.pix_fmt)
        for part, stored, samples in zip(layout.components, Frame.from_av(frame).components, planes, strict=True):
            stored[...] = samples << part.shift if part.shift else samples
        return frame

    def noise(self) -> Iterable[list[Plane]]:
        """Smooth moving pictures: each frame differs from the next."""
        layout = layout_of(self.pix_fmt)
        top = (1 << layout.bits) - 1
        for index in range(10_000):
            planes = []
            for number, part in enumerate(layout.components):
                h, w = layout.size_of(part, self.width, self.height)
                ramp = np.add.outer(np.arange(h), np.arange(w)) * (3 + number) + 9 * index
                planes.append(((np.sin(ramp / 25) * 0.35 + 0.5) * top).astype(layout.dtype))
            yield planes


def decode(path: Path) -> list[VideoFrame]:
    """All frames of the first video stream."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "SLICE"
        container.flags &= ~av.container.core.Flags.gen_pts.value
        return list(container.decode(container.streams.video[0]))


def times(path: Path) -> list[Fraction]:
    """Presentation time of every frame, in seconds, exactly (AVI stores none but the order)."""
    return [Fraction(frame.dts if frame.pts is None else frame.pts) * frame.time_base for frame in decode(path)]


def samples(frame: VideoFrame) -> list[Plane]:
    """One array a component, unshifted."""
    view = Frame.from_av(frame)
    return [view.component(part).copy() >> part.shift for part in view.layout.components]


def replace_packets(path: Path, target: Path, change: Any) -> Path:
    """Copy a file, with `change(index, data)` giving each video packet's bytes (None: drop the packet)."""
    with av.open(str(path)) as source, av.open(str(target), "w") as output:
        stream = source.streams.video[0]
        to = output.add_stream_from_template(stream, opaque=True)
        index = 0
        for packet in source.demux(stream):
            if not packet.size:
                continue
            data = change(index, bytes(packet))
            index += 1
            if data is None:
                continue
            made = av.Packet(data)
            made.pts, made.dts, made.duration = packet.pts, index - 10_000, packet.duration
            made.time_base, made.is_keyframe, made.stream = packet.time_base, packet.is_keyframe, to
            output.mux(made)
    return target


def run_apart(code: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run Python `code`, which may import this module, in a process of its own with `folder` as its place."""
    root = Path(__file__).parent
    paths = os.pathsep.join([str(root), str(root.parents[1] / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, timeout=600, check=False, capture_output=True)
