"""What it is worth to compute only what changed, and only where it shows, on video as calls send it.

Time and share: the clip itself, cropped to at most 640x360 around its middle, is what is sent; luma alone, each frame
of it upscaled in every mode, in turns: whole (`full`), by what the frame before has (`reuse`), by two networks
(`choice`, `pocketsr.adaptive`), and by both means (`both`).
Quality: the clip is HR and its half is sent, as in `bench call`, at the same bits a pixel. `reuse` gives the bits of
`full` and `both` those of `choice`, so they share their figures.
Networks that are told a strength are told that of each frame, as `bench call` finds it; where it changes, all of a
frame is computed, in `reuse` and `both` too. Under them goes one that is told it as well (`cheap_under`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Literal, NamedTuple

import numpy as np

from pocketsr.adaptive import CALL_PAIR, CHEAP, Adaptive
from pocketsr.bench.call import measure_clip, read_hr, strengths_of
from pocketsr.data import Codec, CodecSetting, Plane, scaled_kbps, send_clip
from pocketsr.engine import Network, Reusing, Upscaler, load, repeat_edges, takes_strength, upscaled
from pocketsr.errors import UserError

__all__ = ["MODES", "Mode", "Row", "cheap_under", "load_networks", "load_pairs", "measure"]

Mode = Literal["full", "reuse", "choice", "both"]
MODES: tuple[Mode, ...] = ("full", "reuse", "choice", "both")
_SAME: tuple[tuple[Mode, Mode], ...] = (("full", "reuse"), ("choice", "both"))  # to the last bit
_WIDEST, _HIGHEST = 640, 360
_KEYFRAME_INTERVAL = 300
_SCALE = 2
_IN_8_BITS = "-w8a8"  # behind the names of networks that ship


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


def cheap_under(model: str, network: Network) -> str:
    """The network for what shows least, where nobody names one: it is told a strength if `network` is."""
    if not takes_strength(network):
        return CHEAP
    cheap = CALL_PAIR[0]
    return f"{cheap}{_IN_8_BITS}" if Path(model).stem.endswith(_IN_8_BITS) else cheap


def load_pairs(nets: Mapping[str, Network], cheap: str | None, threads: int | None) -> dict[str, Adaptive]:
    """By name, each of `nets` that costs more than the network under it, with that.

    cheap: the network under all of them; None: `cheap_under` of each. Raises UserError as `load_networks` and
    `Adaptive` do.
    """
    under = {model: cheap_under(model, net) if cheap is None else cheap for model, net in nets.items()}
    loaded = load_networks(list(under.values()), threads)
    return {
        model: Adaptive(loaded[under[model]], net)
        for model, net in nets.items()
        if loaded[under[model]].info.macs_per_pixel < net.info.macs_per_pixel
    }


def measure(
    path: Path, nets: Mapping[str, Network], *, codecs: Sequence[Codec], rates: Sequence[int], ffmpeg: str | None,
    pairs: Mapping[str, Adaptive] | None = None,
) -> Iterator[Row]:  # fmt: skip
    """A row for each codec, rate, network and mode. Raises UserError for a clip that can't be used.

    pairs: of `load_pairs`: `choice` and `both` are measured of these.
    """
    clip = read_hr(path)
    sent = [_middle(frame) for frame in clip.frames]
    height, width = sent[0].shape
    for codec in codecs:
        for rate in rates:
            asked = scaled_kbps(rate, width, height)
            frames, sent_kbps = send_clip(sent, CodecSetting(codec, asked, clip.fps, _KEYFRAME_INTERVAL))
            strengths = strengths_of(frames, codec, 1000 * sent_kbps / (clip.fps * width * height))
            for model, net in nets.items():
                shown: dict[str, Upscaler] = {"full": repeat_edges(net)}
                adaptive = (pairs or {}).get(model)
                if adaptive is not None:
                    shown["choice"] = repeat_edges(adaptive)
                told = strengths if takes_strength(net) else [None] * len(frames)
                quality = {
                    row.model: row
                    for row in measure_clip(clip, shown, codecs=[codec], rates_kbps=[rate], ffmpeg=ffmpeg)
                }
                for mode, time in _timed(net, adaptive, frames, told).items():
                    seen = quality["full" if mode in ("full", "reuse") else "choice"]
                    yield Row(clip.name, codec, rate, model, mode, *time, seen.psnr_db, seen.vmaf)


def _middle(frame: Plane) -> Plane:
    top, left = (max(0, have - most) // 2 for have, most in zip(frame.shape, (_HIGHEST, _WIDEST), strict=True))
    return np.ascontiguousarray(frame[top : top + _HIGHEST, left : left + _WIDEST])


def _timed(
    net: Network, adaptive: Adaptive | None, frames: Sequence[Plane], told: Sequence[float | None]
) -> dict[Mode, _Time]:
    """Of each mode: milliseconds (clock, processor) of a frame, and the share of its blocks that `net` computed.

    told: the strength of each frame; None for a network that takes none.

    The first frame is shown to all and not counted. Raises UserError should results differ that never may.
    """
    ways: dict[Mode, Upscaler] = {"full": net, "reuse": Reusing(net)}
    if adaptive is not None:
        both = adaptive.reusing()
        ways |= {"choice": adaptive, "both": both}
    shape = (_SCALE * frames[0].shape[0], _SCALE * frames[0].shape[1])
    made = {mode: np.empty(shape, np.uint8) for mode in ways}
    for mode, way in ways.items():
        upscaled(way, frames[0], None, made[mode], told[0])
    times: dict[Mode, list[tuple[float, float]]] = {mode: [] for mode in ways}
    shares: dict[Mode, list[float]] = {mode: [] for mode in ways}
    turns = list(ways)
    for (before, strength_before), (frame, strength) in pairwise(zip(frames, told, strict=True)):
        shares["full"].append(1.0)
        changed = float(net.wanted(net.changes(before, frame), *frame.shape).mean())
        shares["reuse"].append(changed if strength == strength_before else 1.0)
        if adaptive is not None:
            shares["choice"].append(float(adaptive.choose(adaptive.measure(frame)).mean()))
            by_good = both.by_good
        for mode in turns:
            begun, busy = perf_counter(), process_time()
            upscaled(ways[mode], frame, None, made[mode], strength)
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
