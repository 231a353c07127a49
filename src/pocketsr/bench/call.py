"""Quality of x2 networks on video as calls send it: small, through a real encoder in real time, at low bit rates.

For each clip: the luma of its first frames (studio range, cropped to even sides) is HR, MATLAB's bicubic
`imresize(HR, 1/2)` in uint8 is what is sent. An encoder set as calls set it (`pocketsr.data.send_clip`: zero latency,
no B-frames, constant rate) makes LR of it. A network upscales the decoded LR luma, uint8 in and out, edges repeated
as `pocketsr upscale` does. PSNR and SSIM are those of the still protocol (2 border pixels shaved), means over frames;
VMAF and VMAF NEG are libvmaf's means. Bit rates are named as for 640x360 and scaled by the number of LR pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pocketsr.bench.vmaf import vmaf_and_neg
from pocketsr.data import Clip, Codec, CodecSetting, Plane, find_clips, read_clip, scaled_kbps, send_clip
from pocketsr.engine import Upscaler, repeat_edges, takes_strength
from pocketsr.engine.upscaler import upscaled
from pocketsr.errors import UserError
from pocketsr.frames.looking import Following
from pocketsr.models import SHIPPED_X2
from pocketsr.pixels import imresize, psnr, ssim
from pocketsr.source import Hints

__all__ = [
    "CODECS",
    "HELD_OUT",
    "RATES_KBPS",
    "Mean",
    "Row",
    "load_networks",
    "mean_over_clips",
    "measure_clip",
    "named_clips",
    "read_hr",
    "strengths_of",
]

HELD_OUT = ("webcam_sister", "webcam_book", "people", "bigbuckbunny")
CODECS: tuple[Codec, ...] = ("h264", "vp9", "av1")
RATES_KBPS = (150, 300, 600)  # at 640x360

_SCALE = 2
_FRAMES = 60
_KEYFRAME_INTERVAL = 300  # frames: calls send key frames when they are asked for
_SSIM_EVERY = 5  # frames: it takes longer than all else together, and neighbours are alike
_SMALLEST = 16  # HR pixels: SSIM's window of 11 and the shaved border must fit


@dataclass(frozen=True)
class Row:
    """One model on one clip through one codec at one rate; means over frames.

    rate_kbps: as for 640x360. asked_kbps: what the encoder was asked for, by the clip's size. sent_kbps: what it sent.
    """

    clip: str
    codec: Codec
    rate_kbps: int
    asked_kbps: int
    sent_kbps: float
    model: str
    psnr_db: float
    ssim: float
    vmaf: float | None
    vmaf_neg: float | None
    """By VMAF's model that doesn't reward sharpening."""


@dataclass(frozen=True)
class Mean:
    """One model at one codec and rate (as for 640x360); means over clips."""

    codec: Codec
    rate_kbps: int
    model: str
    clips: int
    psnr_db: float
    ssim: float
    vmaf: float | None
    vmaf_neg: float | None
    """By VMAF's model that doesn't reward sharpening."""


def named_clips(folder: Path, names: Sequence[str] = HELD_OUT) -> list[Path]:
    """The videos in `folder` with these names, without suffix. Raises UserError for a name that is not there."""
    known = {path.stem: path for path in find_clips(folder)}
    for name in names:
        if name not in known:
            raise UserError(
                f"no clip '{name}' in {folder}: it holds {', '.join(sorted(known))}; name some with --clips"
            )
    return [known[name] for name in names]


def read_hr(path: Path) -> Clip:
    """The clip's first frames, cropped to even sides. Raises UserError where they can't be used."""
    clip = read_clip(path, _FRAMES)
    height, width = clip.frames[0].shape
    if min(height, width) < _SMALLEST:
        raise UserError(f"{path} is {width}x{height}: too small to measure, {_SMALLEST}x{_SMALLEST} is the least")
    even = [frame[: height - height % _SCALE, : width - width % _SCALE] for frame in clip.frames]
    return replace(clip, name=path.stem, frames=even)


def load_networks(models: Collection[str] | None = None) -> dict[str, Upscaler]:
    """Bicubic and the networks that `models` names (default: all that ship for x2), ready for `measure_clip`.

    Raises UserError for a model that can't be loaded, is not x2, or does not work on luma.
    """
    from pocketsr.engine import load  # not at the top: measuring something else needs no compiler

    nets: dict[str, Upscaler] = {}
    for model in dict.fromkeys(("bicubic", *(models or SHIPPED_X2))):
        net = load(model)
        if (net.scale, net.channels) != (_SCALE, 1):
            raise UserError(
                f"model '{model}' is x{net.scale} with {net.channels} channels: calls are measured on luma, x2"
            )
        nets[model] = repeat_edges(net)
    return nets


def measure_clip(
    clip: Clip, nets: dict[str, Upscaler], *, codecs: Sequence[Codec], rates_kbps: Sequence[int], ffmpeg: str | None
) -> Iterator[Row]:  # fmt: skip
    """A row for each codec, rate and network, in this order, each as soon as it is known.

    ffmpeg: one with libvmaf (`vmaf.find_ffmpeg`), or None to leave VMAF out.
    """
    small = [imresize(frame, 1 / _SCALE) for frame in clip.frames]
    height, width = small[0].shape
    for codec in codecs:
        for rate_kbps in rates_kbps:
            asked_kbps = scaled_kbps(rate_kbps, width, height)
            received, sent_kbps = send_clip(small, CodecSetting(codec, asked_kbps, clip.fps, _KEYFRAME_INTERVAL))
            strengths = strengths_of(received, codec, 1000 * sent_kbps / (clip.fps * width * height))
            for model, net in nets.items():
                takes = takes_strength(net)
                enlarged = [
                    upscaled(net, frame, strength=strength) if takes else net(frame)
                    for frame, strength in zip(received, strengths, strict=True)
                ]
                figures = _compare(enlarged, clip.frames, ffmpeg)
                yield Row(clip.name, codec, rate_kbps, asked_kbps, sent_kbps, model, *figures)


def strengths_of(received: Sequence[Plane], codec: Codec, bits_per_pixel: float) -> list[float]:
    """How strongly degraded each frame is, as `upscale` estimates it from the picture and its file."""
    following = Following(Hints(codec=codec, moving=True, bits_per_pixel=bits_per_pixel))
    return [following.of_luma(frame) for frame in received]


def _compare(
    frames: Sequence[Plane], reference: Sequence[Plane], ffmpeg: str | None
) -> tuple[float, float, float | None, float | None]:  # fmt: skip
    inner = (slice(_SCALE, -_SCALE), slice(_SCALE, -_SCALE))
    shaved = [(frame[inner], hr[inner]) for frame, hr in zip(frames, reference, strict=True)]
    psnr_db = float(np.mean([psnr(*two) for two in shaved]))
    similarity = float(np.mean([ssim(*two) for two in shaved[::_SSIM_EVERY]]))
    return psnr_db, similarity, *(vmaf_and_neg(ffmpeg, frames, reference) if ffmpeg else (None, None))


def mean_over_clips(rows: Sequence[Row]) -> list[Mean]:
    """Each clip counts the same, whatever its size; in the order in which codecs, rates and models come."""
    groups: dict[tuple[Codec, int, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.codec, row.rate_kbps, row.model), []).append(row)
    return [_mean(*group, each) for group, each in groups.items()]


def _mean(codec: Codec, rate_kbps: int, model: str, rows: Sequence[Row]) -> Mean:
    return Mean(
        codec, rate_kbps, model, clips=len(rows),
        psnr_db=float(np.mean([row.psnr_db for row in rows])),
        ssim=float(np.mean([row.ssim for row in rows])),
        vmaf=_mean_of_all([row.vmaf for row in rows]),
        vmaf_neg=_mean_of_all([row.vmaf_neg for row in rows]),
    )  # fmt: skip


def _mean_of_all(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return float(np.mean(known)) if len(known) == len(scores) else None
