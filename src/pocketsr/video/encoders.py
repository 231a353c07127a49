"""The facts of each encoder, one record each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

__all__ = ["Encoding", "Light", "Rate", "closest_rate", "encoder_facts", "encoder_of_family", "encoder_of_name"]

_X26_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
# What MPEG-1 and MPEG-2 can say of a rate; a stream of another has none.
_MPEG_RATES = tuple(
    Fraction(*pair)
    for pair in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)


@dataclass(frozen=True)
class Rate:
    """Constant quality: the range of crf, our default, whether it takes fractions, and the presets."""

    crf: tuple[float, float]
    default_crf: float
    presets: tuple[str, ...]
    default_preset: str
    preset_option: str = "preset"
    fractions: bool = False


@dataclass(frozen=True)
class Light:
    """How an encoder is told HDR10's static metadata: an option, and in it two keys."""

    option: str
    display: str
    level: str


@dataclass(frozen=True)
class Encoding:
    """What is peculiar to an encoder.

    aliases: names under which a user may ask for it.
    families: FFmpeg's names of the decoders whose streams it is the natural encoder for.
    rate: its constant quality; None: `quality` tells how it is set instead.
    options: always set; with_alpha: set where the samples have an alpha plane.
    prompt: set where somebody waits for each frame: the encoder then holds none back to look ahead.
    captions, aspect: whether its streams hold closed captions, the pixel aspect.
    alpha: whether it takes formats with an alpha plane, where FFmpeg lists any; "beside": alpha comes as data beside
        the packets, which only Matroska holds.
    full_range: where it is said that luma goes from 0 to 255: in the stream; in the container, if that can; nowhere,
        since decoders take it for studio range whatever the container says.
    even: whether it takes whole chroma samples only, so that sides are even where chroma is subsampled.
    rates: the frame rates that it takes, times being multiples of a frame; empty: any times.
    """

    aliases: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    rate: Rate | None = None
    quality: Literal["lossless", "quantizer", "default"] = "default"
    options: dict[str, str] = field(default_factory=dict)
    with_alpha: dict[str, str] = field(default_factory=dict)
    prompt: dict[str, str] = field(default_factory=dict)
    light: Light | None = None
    captions: bool = False
    aspect: bool = False
    alpha: Literal["yes", "beside", "no"] = "yes"
    full_range: Literal["stream", "container", "nowhere"] = "container"
    even: bool = False
    rates: tuple[Fraction, ...] = ()


# The default crf of each is about visually lossless at 720p: an upscaler's work should not be coded away. x264's
# presets on people walking, 720p, crf 18, two cores (Zen 5), with `tiny`: veryfast 48.3 dB, 2.10 MB, 198 frames a
# second; faster 49.2, 2.31, 126; fast 49.5, 2.36, 101; medium 49.7, 2.29, 87.
_X264 = Rate((0, 51), 18, _X26_PRESETS, "fast", fractions=True)
_LOSSLESS = Encoding(quality="lossless")
_QUANTIZED = Encoding(quality="quantizer")
_ENCODERS: dict[str, Encoding] = {
    "libx264": Encoding(
        aliases=("h264", "avc", "x264"),
        families=("h264",),
        rate=_X264,
        prompt={"tune": "zerolatency"},  # else the first packet comes after some 45 frames
        light=Light("x264-params", "mastering-display", "cll"),
        captions=True,
        aspect=True,
        full_range="stream",
        even=True,
    ),
    "libx264rgb": Encoding(rate=_X264, prompt={"tune": "zerolatency"}, captions=True, aspect=True, full_range="stream"),
    "libx265": Encoding(
        aliases=("h265", "hevc", "x265"),
        families=("hevc",),
        rate=Rate((0, 51), 20, _X26_PRESETS, "fast", fractions=True),
        # Captions are off in FFmpeg 8.1 unless asked for, other than with x264.
        options={"x265-params": "log-level=none", "a53cc": "1"},
        prompt={"tune": "zerolatency"},
        light=Light("x265-params", "master-display", "max-cll"),
        even=True,
        alpha="no",  # FFmpeg 8.1 lists yuva420p, but few builds of x265 have alpha layers
        captions=True,
        aspect=True,
        full_range="stream",
    ),
    "libsvtav1": Encoding(
        aliases=("av1", "svtav1"),
        families=("av1", "libdav1d", "libaom"),
        rate=Rate((1, 63), 24, tuple(str(n) for n in range(-1, 14)), "8"),
        prompt={"svtav1-params": "pred-struct=1"},  # else 41 frames of delay
        even=True,
        full_range="stream",
    ),
    "libvpx-vp9": Encoding(
        aliases=("vp9",),
        families=("vp9", "libvpx-vp9"),
        rate=Rate((0, 63), 24, tuple(str(n) for n in range(9)), "5", "cpu-used"),
        options={"deadline": "good", "row-mt": "1"},
        prompt={"lag-in-frames": "0"},
        with_alpha={"auto-alt-ref": "0"},
        alpha="beside",
        full_range="stream",
    ),
    "libvpx": Encoding(
        aliases=("vp8",),
        families=("vp8", "libvpx"),
        rate=Rate((4, 63), 10, tuple(str(n) for n in range(-8, 9)), "5", "cpu-used"),
        options={"deadline": "good"},
        prompt={"lag-in-frames": "0"},
        alpha="beside",
        full_range="nowhere",
        with_alpha={"auto-alt-ref": "0"},  # libvpx codes alpha apart, frame by frame, and refuses hidden frames
    ),
    "ffv1": Encoding(quality="lossless", options={"level": "3"}),
    "huffyuv": _LOSSLESS,
    "ffvhuff": _LOSSLESS,
    "utvideo": _LOSSLESS,
    "magicyuv": _LOSSLESS,
    "png": _LOSSLESS,
    "qtrle": _LOSSLESS,
    "rawvideo": _LOSSLESS,
    "wrapped_avframe": Encoding(quality="lossless", aspect=True, full_range="container"),
    "prores_ks": Encoding(families=("prores",)),
    "mpeg2video": Encoding(quality="quantizer", captions=True, aspect=True, full_range="nowhere", rates=_MPEG_RATES),
    "mpeg1video": Encoding(quality="quantizer", aspect=True, full_range="nowhere", rates=_MPEG_RATES),
    "mpeg4": Encoding(quality="quantizer", aspect=True),
    "msmpeg4": _QUANTIZED,
    "mjpeg": Encoding(quality="quantizer", full_range="stream"),
    "h263p": _QUANTIZED,
    "flv": _QUANTIZED,
    "wmv2": _QUANTIZED,
}
_UNKNOWN = Encoding()


def encoder_facts(name: str) -> Encoding:
    """The record of FFmpeg's encoder `name`; of one that isn't known, what holds for most."""
    return _ENCODERS.get(name, _UNKNOWN)


def encoder_of_name(asked: str) -> str:
    """FFmpeg's name of the encoder that a user asked for by that or another name."""
    return next((name for name, facts in _ENCODERS.items() if asked.lower() in facts.aliases), asked)


def encoder_of_family(decoder: str) -> str | None:
    """The natural encoder for a stream of FFmpeg's decoder `decoder`; None: there is none of its own."""
    return next((name for name, facts in _ENCODERS.items() if decoder in facts.families), None)


def closest_rate(rate: Fraction, rates: Sequence[Fraction]) -> Fraction | None:
    """The rate of a list that is within a thousandth of `rate`; the rate itself where none is, to be refused."""
    if not rates:
        return None
    near = min(rates, key=lambda r: abs(r - rate))
    return near if abs(near - rate) * 1000 < rate else rate
