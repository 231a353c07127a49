"""Fewer bits for the same picture: a clip coded at its size, against smaller and super-resolved, in low delay.

For each clip (`codec_clip`: its first frames, 4:2:0, studio range, sides of multiples of 4), codec and rate: Y, U and V
are coded at full size, at 2/3 and at 1/2 of the sides (`codec_paths`), all asked for the same bits per full-size pixel,
by encoders as calls set them (`pocketsr.codec.encoding`: no B-frames, no look-ahead, constant rate, one key frame).
Luma is scored: PSNR and SSIM as for stills (uint8, 2 border pixels shaved; SSIM of every 8th frame), VMAF and VMAF NEG
of every 3rd, means over frames. Bits are those of the packets, key frame and corrections included. Times are processor
time of all threads, a frame: encoder and decoder alone (no scaling of pictures), and what makes luma large again. A
corrected path's encoder also decodes, enlarges and fits the frames that it measures.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pocketsr.bench.codec_clip import SCALES, Footage, luma, sent_size, shrunk
from pocketsr.bench.codec_corrected import Corrected
from pocketsr.bench.codec_curve import METHOD, Point, compare
from pocketsr.bench.codec_journal import Journal
from pocketsr.bench.codec_paths import NATIVE, Enlarger, Path
from pocketsr.bench.codec_still import Still, cut
from pocketsr.bench.vmaf import vmaf_and_neg
from pocketsr.codec.encoding import Codec, CodecSetting, VideoPacket, as_frames, decode, described, encode
from pocketsr.errors import UserError
from pocketsr.pixels import psnr, ssim
from pocketsr.source import Hints

__all__ = [
    "METRICS",
    "PROTOCOL",
    "RATES_BPP",
    "UP_TO_BPP",
    "Bd",
    "Bench",
    "Row",
    "Sent",
    "bd_settings",
    "coded",
    "compared",
    "setting_for",
    "step_count",
]

PROTOCOL = 1
"""Of figures that can stand beside each other: a change of the protocol counts up, and all is measured anew."""

RATES_BPP = (0.005, 0.008, 0.0125, 0.02, 0.032, 0.05, 0.08)
"""Bits per full-size pixel; 0.02 is 138 kbit/s at 640x360 and 553 kbit/s at 1280x720, 30 frames a second."""

UP_TO_BPP = 0.032
"""BD-rates are taken where native coding spends at most this: 0.9 Mbit/s at 1280x720 and 30 frames a second."""

METRICS = {"psnr": "psnr_db", "ssim": "ssim", "vmaf": "vmaf", "vmaf_neg": "vmaf_neg"}
"""How a metric is called in BD-rates, and which figure of a row it is."""

_KEYFRAME_INTERVAL = 300  # frames: calls send key frames when they are asked for
_SSIM_EVERY, _VMAF_EVERY = 8, 3
_SHAVED = (slice(2, -2), slice(2, -2))
_STILL_BPP = 0.016  # the rate nearest to it is shown
_PLACES = {"kbit_per_s": 2, "bpp": 6, "psnr_db": 4, "ssim": 5, "vmaf": 3, "vmaf_neg": 3}
_UNITS = {"psnr": " dB"}

Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """One path of one clip through one codec at one rate. bpp: bits per full-size pixel, as sent. Means over frames."""

    clip: str
    codec: Codec
    path: str
    kbit_per_s: float
    bpp: float
    psnr_db: float
    ssim: float | None
    vmaf: float | None
    vmaf_neg: float | None
    encode_ms: float
    decode_ms: float
    sr_ms: float


@dataclass(frozen=True)
class Bd:
    """One path against native coding. reason: why there is no BD-rate. beyond: where the crossover is, unless it is a
    number."""

    clip: str
    codec: Codec
    path: str
    metric: str
    bd_rate_percent: float | None
    crossover_bpp: float | None
    reason: str | None = None
    beyond: str | None = None


@dataclass
class Bench:
    """What is measured, and how. ffmpeg: one with libvmaf, or None to leave VMAF out. similarity: SSIM too, which takes
    longer than PSNR. encodings: what each encoder was told, in the order in which it was.
    """

    paths: Sequence[Path]
    codecs: Sequence[Codec]
    rates_bpp: Sequence[float]
    ffmpeg: str | None
    journal: Journal
    similarity: bool = True
    encodings: list[dict[str, Any]] = field(default_factory=list)
    stills: list[Still] = field(default_factory=list)

    def measure(self, footage: Footage, done: Callable[[], object] = lambda: None) -> Iterator[Row]:
        """A row for each codec, rate and path, in this order. done: called after each.

        Raises UserError where an encoder is missing or refuses the clip.
        """
        shown = min(self.rates_bpp, key=lambda rate: abs(rate - _STILL_BPP))
        small: dict[str, list[NDArray[np.uint8]]] = {}  # shrunk when it is needed, for all codecs and rates
        for codec in self.codecs:
            for rate in self.rates_bpp:
                for scale in SCALES:
                    setting = setting_for(footage, codec, rate)
                    told = described(setting)
                    width, height = sent_size(*footage.size, SCALES[scale])
                    about = {"clip": footage.name, "codec": codec, "asked_bpp": rate, "size": f"{width}x{height}"}
                    self.encodings.append(about | told)
                    sent: Sent | None = None
                    for path in (path for path in self.paths if path.scale == scale):
                        key = Journal.key(
                            protocol=PROTOCOL, clip=footage.sha256, frames=len(footage.pictures), codec=codec,
                            rate=rate, told=told, path=path.name, network=path.sha256,
                            vmaf=self.ffmpeg is not None, ssim=self.similarity,
                        )  # fmt: skip
                        figures = self.journal.get(key)
                        if figures is None or (rate == shown and self.journal.lacks_still(key)):
                            if scale not in small:
                                small[scale] = [shrunk(picture, SCALES[scale]) for picture in footage.pictures]
                            sent = sent or coded(small[scale], setting)
                            measured, still = self._figures(footage, path, sent, rate == shown)
                            figures = figures or measured  # those are there where this rate wasn't the one shown
                            self.journal.add(key, figures, still)
                        if rate == shown and (picture := self.journal.still(key)):
                            self.stills.append(Still(footage.name, codec, path.name, figures, picture))
                        yield Row(footage.name, codec, path.name, **figures)
                        done()

    def _figures(
        self, footage: Footage, path: Path, sent: Sent, shown: bool
    ) -> tuple[dict[str, Any], bytes | None]:  # fmt: skip
        originals = [luma(picture) for picture in footage.pictures]
        packets, decoded = sent.packets, sent.decoded
        encode_ms, sr_ms, bits = sent.encode_ms, 0.0, 8 * sum(packet.size for packet in packets)
        if path.scale == NATIVE:
            made = decoded
        else:
            height, width = decoded[0].shape
            spent = bits / (len(decoded) * width * height)
            hints = Hints(sent.setting.codec, moving=True, lossless=False, bits_per_pixel=spent)
            enlarge = Enlarger(path, (width, height), footage.size, hints)
            enlarge(decoded[0])  # compiled, and warm
            began = process_time()
            made = [enlarge(frame) for frame in decoded]
            sr_ms = _per_frame(process_time() - began, decoded)
        if path.corrected and path.model is not None:
            ends = Corrected(path.model, sent.setting, packets)
            made = ends.run(decoded, made, originals)
            bits, share = ends.bits, ends.measured / len(decoded)
            encode_ms += ends.sender_ms + share * (sent.decode_ms + sr_ms)
            sr_ms += ends.receiver_ms
        seconds = len(decoded) / sent.setting.fps
        width, height = footage.size
        figures = {
            "kbit_per_s": bits / 1000 / seconds,
            "bpp": bits / (len(decoded) * width * height),
            **_quality(made, originals, self.ffmpeg, self.similarity),
            "encode_ms": encode_ms, "decode_ms": sent.decode_ms, "sr_ms": sr_ms,
        }  # fmt: skip
        rounded = {key: None if value is None else round(value, _PLACES.get(key, 3)) for key, value in figures.items()}
        middle = len(made) // 2
        return rounded, cut(made[middle], originals[middle]) if shown else None


@dataclass(frozen=True)
class Sent:
    """A clip through an encoder and a decoder: luma as it came back."""

    setting: CodecSetting
    packets: Sequence[VideoPacket]
    decoded: list[Plane]
    encode_ms: float
    decode_ms: float


def setting_for(footage: Footage, codec: Codec, rate_bpp: float) -> CodecSetting:
    """What any size of a clip is asked for, at bits per full-size pixel."""
    width, height = footage.size
    kbps = max(1, round(rate_bpp * width * height * footage.fps / 1000))
    return CodecSetting(codec, kbps, footage.fps, _KEYFRAME_INTERVAL)


def coded(pictures: Sequence[NDArray[np.uint8]], setting: CodecSetting) -> Sent:
    """I420 pictures through the encoder and the decoder. Raises UserError where one is missing or refuses."""
    frames = as_frames(pictures, setting.fps)
    size = f"{frames[0].width}x{frames[0].height} at {setting.bit_rate_kbps} kbit/s"
    try:
        began = process_time()
        packets = encode(frames, setting)
        encoded = process_time()
        back = list(decode(packets, setting.codec))
        ended = process_time()
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise UserError(f"{setting.codec} can't be used for {size} ({error}): leave this codec out") from error
    if len(back) != len(frames):
        raise UserError(f"{setting.codec} gave {len(back)} of {len(frames)} frames back for {size}: use other rates")
    planes = [luma(np.array(frame.to_ndarray(format="yuv420p"), np.uint8)).copy() for frame in back]
    return Sent(
        setting, packets, planes, _per_frame(encoded - began, frames), _per_frame(ended - encoded, frames)
    )  # fmt: skip


def _per_frame(seconds: float, frames: Sequence[object]) -> float:
    return 1000 * seconds / len(frames)


def _quality(
    frames: Sequence[Plane], originals: Sequence[Plane], ffmpeg: str | None, similarity: bool
) -> dict[str, float | None]:  # fmt: skip
    shaved = [(frame[_SHAVED], hr[_SHAVED]) for frame, hr in zip(frames, originals, strict=True)]
    scores = vmaf_and_neg(ffmpeg, frames, originals, _VMAF_EVERY) if ffmpeg else (None, None)
    return {
        "psnr_db": min(statistics.fmean(min(psnr(*two), 100.0) for two in shaved), 100.0),
        "ssim": statistics.fmean(ssim(*two) for two in shaved[::_SSIM_EVERY]) if similarity else None,
        "vmaf": scores[0],
        "vmaf_neg": scores[1],
    }


def step_count(bench: Bench, clips: int) -> int:
    """How many rows there will be."""
    return clips * len(bench.codecs) * len(bench.rates_bpp) * len(bench.paths)


def compared(rows: Sequence[Row], up_to_bpp: float = UP_TO_BPP) -> list[Bd]:
    """Every path of every clip and codec against native, by each metric that was measured."""
    groups: dict[tuple[str, Codec], dict[str, list[Row]]] = {}
    for row in rows:
        groups.setdefault((row.clip, row.codec), {}).setdefault(row.path, []).append(row)
    found = []
    for (clip, codec), paths in groups.items():
        for path, tested in paths.items():
            for metric, figure in METRICS.items():
                anchor, curve = (_points(each, figure) for each in (paths.get(NATIVE, []), tested))
                if path != NATIVE and (anchor or curve):
                    result = compare(anchor, curve, up_to_bpp, _UNITS.get(metric, ""))
                    percent, crossover = result.bd_rate_percent, result.crossover_bpp
                    found.append(
                        Bd(
                            clip, codec, path, metric,
                            None if percent is None else round(percent, 3),
                            None if crossover is None else round(crossover, 5),
                            result.reason, result.beyond,
                        )
                    )  # fmt: skip
    return found


def _points(rows: Sequence[Row], figure: str) -> list[Point]:
    return [(row.bpp, value) for row in rows if (value := getattr(row, figure)) is not None]


def bd_settings(up_to_bpp: float) -> dict[str, Any]:
    """How BD-rates are taken, fit for JSON."""
    return {"package": "bjontegaard", "method": METHOD, "anchor": NATIVE, "anchor_up_to_bpp": up_to_bpp}
