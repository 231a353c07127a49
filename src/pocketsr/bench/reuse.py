"""What it is worth to compute only what changed, and only where it shows, on video as calls send it.

Time and share: the clip itself, cropped to at most 640x360 around its middle, is what is sent; luma alone, each frame
of it upscaled in every mode, in turns: whole (`full`), by what the frame before has (`reuse`), by two networks
(`choice`, `pocketsr.adaptive`), and by both means (`both`).
Quality: the clip is HR and its half is sent, as in `bench call`, at the same bits a pixel. `reuse` gives the bits of
`full` and `both` those of `choice`, so they share their figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Literal, NamedTuple

import numpy as np

from pocketsr.adaptive import Adaptive
from pocketsr.bench.call import measure_clip, read_hr
from pocketsr.data import Codec, CodecSetting, Plane, scaled_kbps, send_clip
from pocketsr.engine import Network, Reusing, Upscaler, load, repeat_edges
from pocketsr.errors import UserError

__all__ = ["MODES", "Mode", "Row", "load_networks", "measure"]

Mode = Literal["full", "reuse", "choice", "both"]
MODES: tuple[Mode, ...] = ("full", "reuse", "choice", "both")
_SAME: tuple[tuple[Mode, Mode], ...] = (("full", "reuse"), ("choice", "both"))  # to the last bit
_WIDEST, _HIGHEST = 640, 360
_KEYFRAME_INTERVAL = 300
_SCALE = 2


@dataclass(frozen=True)
class Row:
    """One model on one clip in one mode.

    kbit_per_s: as for 640x360. ms: median of all frames, by the clock. cpu_ms: processor time of all threads, its mean:
    what a busy machine leaves alone. computed_share: of blocks of 4x8 pixels that were to compute by `model` (not by
    the cheap network of `choice` and `both`), mean over frames.
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


class _Time(NamedTuple):
    ms: float
    cpu_ms: float
    share: float


def load_networks(models: Sequence[str], threads: int | None) -> dict[str, Network]:
    """Raises UserError for what the engine can't run, or is not x2 on luma."""
    nets = {model: load(model, threads) for model in dict.fromkeys(models)}
    for model, net in nets.items():
        if (net.scale, net.channels) != (_SCALE, 1):
            raise UserError(f"model '{model}' is x{net.scale} with {net.channels} channels: calls are luma, x2")
    return nets


def measure(
    path: Path, nets: dict[str, Network], *, codecs: Sequence[Codec], rates: Sequence[int], ffmpeg: str | None,
    cheap: Network | None = None,
) -> Iterator[Row]:  # fmt: skip
    """A row for each codec, rate, network and mode. Raises UserError for a clip that can't be used.

    cheap: what `choice` and `both` lay under each network that costs more than it; None: neither is measured.
    """
    clip = read_hr(path)
    sent = [_middle(frame) for frame in clip.frames]
    height, width = sent[0].shape
    for codec in codecs:
        for rate in rates:
            asked = scaled_kbps(rate, width, height)
            frames, _ = send_clip(sent, CodecSetting(codec, asked, clip.fps, _KEYFRAME_INTERVAL))
            for model, net in nets.items():
                shown: dict[str, Upscaler] = {"full": repeat_edges(net)}
                adaptive = None
                if cheap is not None and cheap.info.macs_per_pixel < net.info.macs_per_pixel:
                    adaptive = Adaptive(cheap, net)
                    shown["choice"] = repeat_edges(adaptive)
                quality = {
                    row.model: row
                    for row in measure_clip(clip, shown, codecs=[codec], rates_kbps=[rate], ffmpeg=ffmpeg)
                }
                for mode, time in _timed(net, adaptive, frames).items():
                    seen = quality["full" if mode in ("full", "reuse") else "choice"]
                    yield Row(clip.name, codec, rate, model, mode, *time, seen.psnr_db, seen.vmaf)


def _middle(frame: Plane) -> Plane:
    top, left = (max(0, have - most) // 2 for have, most in zip(frame.shape, (_HIGHEST, _WIDEST), strict=True))
    return np.ascontiguousarray(frame[top : top + _HIGHEST, left : left + _WIDEST])


def _timed(net: Network, adaptive: Adaptive | None, frames: Sequence[Plane]) -> dict[Mode, _Time]:
    """Of each mode: milliseconds (clock, processor) of a frame, and the share of its blocks that `net` computed.

    The first frame is shown to all and not counted. Raises UserError should results differ that never may.
    """
    ways: dict[Mode, Callable[..., Plane]] = {"full": net, "reuse": Reusing(net)}
    if adaptive is not None:
        both = adaptive.reusing()
        ways |= {"choice": adaptive, "both": both}
    shape = (_SCALE * frames[0].shape[0], _SCALE * frames[0].shape[1])
    made = {mode: np.empty(shape, np.uint8) for mode in ways}
    for mode, way in ways.items():
        way(frames[0], out=made[mode])
    times: dict[Mode, list[tuple[float, float]]] = {mode: [] for mode in ways}
    shares: dict[Mode, list[float]] = {mode: [] for mode in ways}
    turns = list(ways)
    for before, frame in pairwise(frames):
        shares["full"].append(1.0)
        shares["reuse"].append(float(net.wanted(net.changes(before, frame), *frame.shape).mean()))
        if adaptive is not None:
            shares["choice"].append(float(adaptive.choose(adaptive.measure(frame)).mean()))
            by_good = both.by_good
        for mode in turns:
            begun, busy = perf_counter(), process_time()
            ways[mode](frame, out=made[mode])
            times[mode].append((perf_counter() - begun, process_time() - busy))
        turns = [*turns[1:], turns[0]]
        if adaptive is not None:
            shares["both"].append((both.by_good - by_good) / frame.size)
        for one, other in _SAME:
            if one in ways and not np.array_equal(made[one], made[other]):
                raise UserError(f"{net.name}: a part of a frame differs from the whole one; please report this")
    return {
        mode: _Time(
            1e3 * median(clock for clock, _ in each),
            1e3 * float(np.mean([busy for _, busy in each])),
            float(np.mean(shares[mode])),
        )
        for mode, each in times.items()
    }  # fmt: skip
