"""Which encoder writes the output, in which pixel format, at which quality."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from functools import cache

from av.codec import Codec, codecs_available
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer

from pocketsr.errors import UserError
from pocketsr.frames import candidates
from pocketsr.video.source import Source
from pocketsr.video.types import VideoOptions

__all__ = ["Encoder", "choose_encoder", "encoder_threads"]

_ALIASES = {
    "h264": "libx264",
    "avc": "libx264",
    "x264": "libx264",
    "h265": "libx265",
    "hevc": "libx265",
    "x265": "libx265",
    "av1": "libsvtav1",
    "svtav1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "vp8": "libvpx",
}
_FAMILY = {
    "h264": "libx264",
    "hevc": "libx265",
    "av1": "libsvtav1",
    "libdav1d": "libsvtav1",
    "libaom": "libsvtav1",
    "vp9": "libvpx-vp9",
    "libvpx-vp9": "libvpx-vp9",
    "vp8": "libvpx",
    "libvpx": "libvpx",
}
_X26_PRESETS = [
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
]
# Containers whose list of codecs FFmpeg doesn't know.
_UNLISTED = {
    "mpegts": ("libx264", "libx265", "mpeg2video", "mpeg1video", "mpeg4"),
    "mpeg": ("mpeg1video", "mpeg2video"),
    "vob": ("mpeg2video",),
    "svcd": ("mpeg2video",),
    "mxf": ("mpeg2video", "libx264", "dnxhd", "prores_ks"),
}
_ONLY_MP4 = {"libvpx-vp9", "libsvtav1", "libvpx"}  # QuickTime lists them, and refuses them
_QUANTIZED = ("mpeg4", "msmpeg4", "mpeg2video", "mpeg1video", "mjpeg", "h263p", "flv", "wmv2")
_KEEPS_ALL = ("ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "png", "qtrle", "rawvideo")


@dataclass(frozen=True)
class _Rate:
    """An encoder with constant quality: the range of its crf, our default, and its presets."""

    crf: tuple[float, float]
    default_crf: float
    presets: tuple[str, ...]
    default_preset: str
    preset_option: str = "preset"


# The default crf of each is about visually lossless at 720p: an upscaler's work should not be coded away. x264's
# presets on people walking, 720p, crf 18, two cores (Zen 5), with `tiny`: veryfast 48.3 dB, 2.10 MB, 198 frames a
# second; faster 49.2, 2.31, 126; fast 49.5, 2.36, 101; medium 49.7, 2.29, 87.
_RATES = {
    "libx264": _Rate((0, 51), 18, tuple(_X26_PRESETS), "fast"),
    "libx264rgb": _Rate((0, 51), 18, tuple(_X26_PRESETS), "fast"),
    "libx265": _Rate((0, 51), 20, tuple(_X26_PRESETS), "fast"),
    "libsvtav1": _Rate((1, 63), 24, tuple(str(n) for n in range(-1, 14)), "8"),
    "libvpx-vp9": _Rate((0, 63), 24, tuple(str(n) for n in range(9)), "5", "cpu-used"),
    "libvpx": _Rate((4, 63), 10, tuple(str(n) for n in range(-8, 9)), "5", "cpu-used"),
}


@dataclass(frozen=True)
class Encoder:
    """A choice made. `options` are FFmpeg's, for this encoder; `words` tell a reader what was chosen."""

    name: str
    pix_fmt: str
    options: dict[str, str]
    words: str
    constant_quantizer: bool = False  # a lossy encoder without crf: fixed quantizer instead
    warning: str | None = None


def choose_encoder(source: Source, container: OutputContainer, target: str, options: VideoOptions) -> Encoder:
    """Picks the encoder for a source and a container.

    Args:
        target: what to call the output in messages.

    Raises:
        UserError: no such encoder, the container can't hold it, it can't hold the source's kind of samples,
            or crf or preset is none of its own. The message names the choices.
    """
    if options.codec is not None:
        name = _ALIASES.get(options.codec.lower(), options.codec)
        _refuse_unknown(name, options.codec)
        if name not in _held(container):
            raise UserError(f"{target}: {container.format.name} can't hold {name}: {_holders(container)}")
        pix_fmt = _pix_fmt(name, source)
        if pix_fmt is None:
            takes = ", ".join(_formats(name)[:12])
            raise UserError(
                f"{name} can't hold {source.layout.name}; it takes {takes}: "
                "choose another --codec, such as ffv1 (in .mkv)"
            )
    else:
        wanted = _FAMILY.get(source.codec, "ffv1" if source.lossless else "libx264")
        held = _held(container) - ({"ffv1"} if container.format.name in ("mp4", "ipod") else set())  # few play it
        order = [wanted, "libx264", "libx264rgb", "libx265", "libvpx-vp9", "libsvtav1", "libvpx", "ffv1"]
        for name in order:
            pix_fmt = _pix_fmt(name, source) if name in held and _exists(name) else None
            if pix_fmt is not None:
                break
        else:
            raise UserError(
                f"{target}: none of our encoders puts {source.layout.name} into {container.format.name}: "
                "use .mkv, or name one with --codec"
            )
    return _with_quality(name, pix_fmt, source, options, target)


def _with_quality(name: str, pix_fmt: str, source: Source, options: VideoOptions, target: str) -> Encoder:
    rate = _RATES.get(name)
    lossless = name in _KEEPS_ALL
    if rate is None:
        if options.crf is not None:
            why = "it is lossless" if lossless else "it has no constant quality mode"
            raise UserError(
                f"--crf {options.crf:g} means nothing to {name} ({why}): leave it out or choose --codec h264"
            )
        if options.preset is not None:
            raise UserError(f"--preset {options.preset} means nothing to {name}: leave it out or choose --codec h264")
        quantized = name in _QUANTIZED
        how = "lossless" if lossless else "quantizer 2" if quantized else "its default quality"
        return Encoder(name, pix_fmt, {"level": "3"} if name == "ffv1" else {}, f"{name} ({how}), {pix_fmt}", quantized)
    crf = rate.default_crf if options.crf is None else options.crf
    low, high = rate.crf
    if not low <= crf <= high:
        raise UserError(f"--crf {crf:g} is out of range for {name}: {low:g} (best) to {high:g} (smallest)")
    preset = rate.default_preset if options.preset is None else options.preset
    if preset not in rate.presets:
        raise UserError(f"{name} has no preset {preset!r}; it has {', '.join(rate.presets)}")
    if name in ("libvpx", "libvpx-vp9", "libsvtav1") and crf != int(crf):
        raise UserError(f"--crf {crf:g}: {name} takes whole numbers, {low:g} to {high:g}")
    made = {"crf": f"{crf:g}", rate.preset_option: preset}
    if name.startswith("libvpx"):
        made |= {"deadline": "good"} | ({"row-mt": "1"} if name == "libvpx-vp9" else {})
    if name == "libx265":
        made["x265-params"] = "log-level=none"
    if name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "0")  # it would write its settings to standard error
    _add_light(made, name, source)
    warning = None
    if source.lossless:
        mend = "use .mkv with --codec ffv1 to keep it so"
        warning = f"{source.name} is lossless and {target} is not ({name}, crf {crf:g}): {mend}"
    return Encoder(name, pix_fmt, made, f"{name} crf {crf:g}, preset {preset}, {pix_fmt}", warning=warning)


def encoder_threads(name: str, threads: int | None, height: int) -> int:
    """How many threads to give an encoder for `threads` cores (None: all of them); 0 leaves it to the encoder.

    x264 takes 1.5 a core by itself, which leaves gaps where its threads wait for each other's rows. Beside the
    other stages, 9 instead of 3 on two cores end the whole job 11 % sooner (640x360 to 1280x720, preset fast) for
    0.2 % more bytes at the same PSNR; a thread needs some 80 rows of the frame for itself. One thread stays one.
    """
    if name not in ("libx264", "libx264rgb") or threads == 1:
        return threads or 0
    cores = threads or os.cpu_count() or 1
    return max(3 * cores // 2, min(3 * cores + 3, height // 80), 1)


def _add_light(made: dict[str, str], name: str, source: Source) -> None:
    """HDR10's static metadata, in each encoder's spelling."""
    joined = {
        "libx264": ("x264-params", "mastering-display", "cll"),
        "libx265": ("x265-params", "master-display", "max-cll"),
    }
    if name not in joined:
        return
    key, display_key, light_key = joined[name]
    parts = [made[key]] if key in made else []
    if source.mastering is not None and len(source.mastering) >= 88:
        # AVMasteringDisplayMetadata: R, G, B and white as x, y rationals, two luminances, two flags.
        values = struct.unpack("<20i2i", source.mastering[:88])
        rational = [values[2 * i] / (values[2 * i + 1] or 1) for i in range(10)]
        rx, ry, gx, gy, bx, by, wx, wy = (round(v * 50000) for v in rational[:8])
        least, most = round(rational[8] * 10000), round(rational[9] * 10000)
        parts.append(f"{display_key}=G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({most},{least})")
    if source.light is not None:
        parts.append(f"{light_key}={source.light[0]},{source.light[1]}")
    if parts:
        made[key] = ":".join(parts)


def _exists(name: str) -> bool:
    try:
        return bool(Codec(name, "w").type == "video")
    except (UnknownCodecError, ValueError):
        return False


def _refuse_unknown(name: str, asked: str) -> None:
    if _exists(name):
        return
    known = [alias for alias in ("h264", "h265", "av1", "vp9", "vp8") if _exists(_ALIASES[alias])]
    there = "is not a video encoder of this FFmpeg" if name in codecs_available else "is not known"
    raise UserError(f"--codec {asked} {there}; there are {', '.join(known)}, ffv1, and FFmpeg's own names")


def _held(container: OutputContainer) -> frozenset[str]:
    """Encoders that the container is known to hold; formats that don't tell FFmpeg are in our table."""
    kind = container.format.name
    if kind == "null":
        return frozenset(codecs_available)
    listed = frozenset(container.supported_codecs)
    return frozenset(_UNLISTED.get(kind, ())) or (listed - _ONLY_MP4 if kind == "mov" else listed)


def _holders(container: OutputContainer) -> str:
    ours = [alias for alias in ("h264", "h265", "av1", "vp9", "ffv1") if _ALIASES.get(alias, alias) in _held(container)]
    choice = f"choose --codec {' or '.join(ours)}, or " if ours else ""
    return f"{choice}write to .mkv"


@cache
def _formats(name: str) -> tuple[str, ...]:
    return tuple(form.name for form in Codec(name, "w").video_formats or ())


def _pix_fmt(name: str, source: Source) -> str | None:
    """The encoder's format for exactly the source's samples; None if it has none."""
    names = candidates(source.layout)
    takes = _formats(name)
    if name == "mjpeg" and source.full_range:
        names = [*names[1:], names[0]]  # its yuvj formats are full range, which the plain ones are not
    if not takes:  # takes anything: raw video
        return source.layout.name
    return next((form for form in names if form in takes), None)
