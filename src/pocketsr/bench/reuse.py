"""What it is worth to compute only what changed, on video as calls send it: whole frames and parts of them in turns.

Time and share: the clip itself, cropped to at most 640x360 around its middle, is what is sent; luma alone, each frame
of it upscaled whole (`full`) and by what the frame before has (`reuse`), the first of both one time, then the other.
Quality: the clip is HR and its half is sent, as in `bench call`, at the same bits a pixel. Results of both modes have
the same bits, so they share their figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Literal

import numpy as np

from pocketsr.bench.call import measure_clip, read_hr
from pocketsr.data import Codec, CodecSetting, Plane, scaled_kbps, send_clip
from pocketsr.engine import Network, Reusing, load
from pocketsr.errors import UserError

__all__ = ["Mode", "Row", "load_networks", "measure"]

Mode = Literal["full", "reuse"]
_WIDEST, _HIGHEST = 640, 360
_KEYFRAME_INTERVAL = 300
_SCALE = 2


@dataclass(frozen=True)
class Row:
    """One model on one clip in one mode.

    kbit_per_s: as for 640x360. ms: median of all frames, by the clock. cpu_ms: processor time of all threads, its mean:
    what a busy machine leaves alone. computed_share: of blocks of 4x8 pixels that were to compute, mean over frames.
    """

    clip: str
    codec: Codec
    kbit_per_s: int
    model: str
    mode: Mode
    ms: float
    cpu_ms: float
    computed_share: float
    psnr_db: float
    vmaf: float | None


def load_networks(models: Sequence[str], threads: int | None) -> dict[str, Network]:
    """Raises UserError for what the engine can't run, or is not x2 on luma."""
    nets = {model: load(model, threads) for model in dict.fromkeys(models)}
    for model, net in nets.items():
        if (net.scale, net.channels) != (_SCALE, 1):
            raise UserError(f"model '{model}' is x{net.scale} with {net.channels} channels: calls are luma, x2")
    return nets


def measure(
    path: Path, nets: dict[str, Network], *, codecs: Sequence[Codec], rates: Sequence[int], ffmpeg: str | None
) -> Iterator[Row]:
    """A row for each codec, rate, network and mode. Raises UserError for a clip that can't be used."""
    clip = read_hr(path)
    sent = [_middle(frame) for frame in clip.frames]
    height, width = sent[0].shape
    for codec in codecs:
        for rate in rates:
            asked = scaled_kbps(rate, width, height)
            frames, _ = send_clip(sent, CodecSetting(codec, asked, clip.fps, _KEYFRAME_INTERVAL))
            for model, net in nets.items():
                (quality,) = measure_clip(clip, {model: net}, codecs=[codec], rates_kbps=[rate], ffmpeg=ffmpeg)
                whole, part = _timed(net, frames)
                row = Row(clip.name, codec, rate, model, "full", *whole, 1.0, quality.psnr_db, quality.vmaf)
                yield row
                yield replace(row, mode="reuse", ms=part[0], cpu_ms=part[1], computed_share=part[2])


def _middle(frame: Plane) -> Plane:
    top, left = (max(0, have - most) // 2 for have, most in zip(frame.shape, (_HIGHEST, _WIDEST), strict=True))
    return np.ascontiguousarray(frame[top : top + _HIGHEST, left : left + _WIDEST])


def _timed(net: Network, frames: Sequence[Plane]) -> tuple[tuple[float, float], tuple[float, float, float]]:
    """Milliseconds (clock, processor) of a frame computed whole, and of a part of it with the share of its blocks.

    Raises UserError should the results differ, which they never may.
    """
    reuse = Reusing(net)
    shape = (_SCALE * frames[0].shape[0], _SCALE * frames[0].shape[1])
    whole, part = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    reuse(frames[0], out=part)
    net(frames[0], out=whole)
    shares: list[float] = []
    times: tuple[list[tuple[float, float]], list[tuple[float, float]]] = [], []
    for before, frame in pairwise(frames):
        for which in (0, 1) if len(shares) % 2 else (1, 0):
            begun, busy = perf_counter(), process_time()
            if which:
                reuse(frame, out=part)
            else:
                net(frame, out=whole)
            times[which].append((perf_counter() - begun, process_time() - busy))
        shares.append(float(net.wanted(net.changes(before, frame), *frame.shape).mean()))
        if not np.array_equal(whole, part):
            raise UserError(f"{net.name}: a part of a frame differs from the whole one; please report this")
    (full_ms, full_cpu), (part_ms, part_cpu) = (
        (1e3 * median(clock for clock, _ in each), 1e3 * float(np.mean([busy for _, busy in each]))) for each in times
    )
    return (full_ms, full_cpu), (part_ms, part_cpu, float(np.mean(shares)))
