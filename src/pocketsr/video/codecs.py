"""Which encoder writes the output, in which pixel format, at which quality."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import numpy as np
from av.codec import Codec, codecs_available
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer

from pocketsr.errors import ArgumentError, UserError
from pocketsr.frames import candidates, layout_of, multiples
from pocketsr.video.containers import container_facts, held_encoders
from pocketsr.video.encoders import Encoding, Rate, encoder_facts, encoder_of_family, encoder_of_name
from pocketsr.video.source import Source
from pocketsr.video.types import VideoOptions

__all__ = ["Encoder", "choose_encoder", "encoder_threads", "refuse_odd", "repeatable_options"]

# What is tried, after the natural encoder, until one takes the samples and the container takes it.
_ORDER = ("libx264", "libx264rgb", "libx265", "libvpx-vp9", "libsvtav1", "libvpx", "ffv1")


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
        name = encoder_of_name(options.codec)
        _refuse_unknown(name, options.codec)
        if name not in _held(container):
            raise UserError(f"{target}: {container.format.name} can't hold {name}: {_holders(container)}")
        pix_fmt = _pix_fmt(name, source, container)
        if pix_fmt is None:
            takes = ", ".join(_formats(name)[:12])
            raise UserError(
                f"{name} can't hold {source.layout.name}; it takes {takes}: "
                "choose another --codec, such as ffv1 (in .mkv)"
            )
    else:
        facts = container_facts(container.format.name)
        held = _held(container) - facts.few_play
        wanted = encoder_of_family(source.codec) or ("ffv1" if source.lossless else "libx264")
        own = (source.codec,) if source.lossless else ()
        order = dict.fromkeys((wanted, *_ORDER, *own, *facts.encoders))
        for name in order:
            pix_fmt = _pix_fmt(name, source, container) if name in held and _exists(name) else None
            if pix_fmt is not None:
                break
        else:
            raise UserError(
                f"{target}: none of our encoders puts {source.layout.name} into {container.format.name}: "
                "use .mkv, or name one with --codec"
            )
    return _with_quality(name, pix_fmt, source, options, target)


def _with_quality(name: str, pix_fmt: str, source: Source, options: VideoOptions, target: str) -> Encoder:
    facts = encoder_facts(name)
    made = dict(facts.options)
    if source.layout.alpha:
        made |= facts.with_alpha
    warning = None
    if facts.rate is None:
        how = _without_rate(name, facts, options)
    else:
        crf, preset = _checked_rate(name, facts.rate, options)
        made |= {"crf": f"{crf:g}", facts.rate.preset_option: preset}
        how = f"crf {crf:g}, preset {preset}"
        if source.lossless:
            remedy = "use .mkv with --codec ffv1 to keep it so"
            warning = f"{source.name} is lossless and {target} is not ({name}, crf {crf:g}): {remedy}"
    if name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "0")  # it would write its settings to standard error
    _add_light(made, facts, source)
    bits = layout_of(pix_fmt).bits
    if bits < source.layout.bits:
        warning = (
            f"{name} keeps {bits} of the {source.layout.bits} bits of a sample: use .mkv with --codec ffv1 for all"
        )
    words = f"{name} {how}, {pix_fmt}" if facts.rate else f"{name} ({how}), {pix_fmt}"
    return Encoder(name, pix_fmt, made, words, facts.quality == "quantizer" and facts.rate is None, warning)


def _without_rate(name: str, facts: Encoding, options: VideoOptions) -> str:
    """How an encoder without crf is set, in words. Raises UserError where crf or preset is asked for."""
    if options.crf is not None:
        why = "it is lossless" if facts.quality == "lossless" else "it has no constant quality mode"
        raise ArgumentError(
            f"--crf {options.crf:g} means nothing to {name} ({why}): leave it out or choose --codec h264"
        )
    if options.preset is not None:
        raise ArgumentError(f"--preset {options.preset} means nothing to {name}: leave it out or choose --codec h264")
    return {"lossless": "lossless", "quantizer": "quantizer 2", "default": "its default quality"}[facts.quality]


def _checked_rate(name: str, rate: Rate, options: VideoOptions) -> tuple[float, str]:
    crf = rate.default_crf if options.crf is None else options.crf
    low, high = rate.crf
    if not low <= crf <= high:
        raise ArgumentError(f"--crf {crf:g} is out of range for {name}: {low:g} (best) to {high:g} (smallest)")
    preset = rate.default_preset if options.preset is None else options.preset
    if preset not in rate.presets:
        raise ArgumentError(f"{name} has no preset {preset!r}; it has {', '.join(rate.presets)}")
    if not rate.fractions and crf != int(crf):
        raise ArgumentError(f"--crf {crf:g}: {name} takes integers, {low:g} to {high:g}")
    return crf, preset


def refuse_odd(encoder: Encoder, size: tuple[int, int], target: str) -> None:
    """Raises UserError for a size with half a chroma sample, where the encoder takes whole ones only."""
    steps = multiples(layout_of(encoder.pix_fmt))
    if encoder_facts(encoder.name).even and any(side % step for side, step in zip(size, steps, strict=True)):
        near = "x".join(str(max(side - side % step, step)) for side, step in zip(size, steps, strict=True))
        raise UserError(
            f"{target}: {encoder.name} takes no {encoder.pix_fmt} of {size[0]}x{size[1]} (odd): ask for {near}, or "
            "choose --codec ffv1 (in .mkv)"
        )


def encoder_threads(name: str, threads: int | None, height: int, cores: int | None = None) -> int:
    """How many threads to give an encoder for `threads` cores (None: all `cores`, of this machine where that is None
    too); 0 leaves it to the encoder.

    x264 takes 1.5 a core by itself, which leaves gaps where its threads wait for each other's rows. Beside the
    other stages, 9 instead of 3 on two cores end the whole job 11 % sooner (640x360 to 1280x720, preset fast) for
    0.2 % more bytes at the same PSNR; a thread needs some 80 rows of the frame for itself. One thread stays one.
    """
    if name not in ("libx264", "libx264rgb") or threads == 1:
        return threads or 0
    cores = threads or cores or os.cpu_count() or 1
    return max(3 * cores // 2, min(3 * cores + 3, height // 80), 1)


def repeatable_options(name: str, width: int) -> dict[str, str]:
    """FFmpeg's options without which the same frames and settings wouldn't always give the same stream; else none.

    With AVX-512 x264's macroblock tree (mbtree) depends on what memory held before, in pictures whose width is no
    multiple of 128: its quantizers differ from run to run (x264 core 165; findings/ has a script that shows it). With
    AVX2 they don't.
    """
    if name not in ("libx264", "libx264rgb") or width % 128 == 0 or not _has_avx512():
        return {}
    return {"x264-params": "asm=AVX2"}


@cache
def _has_avx512() -> bool:
    found = cast(dict[str, Any], np.show_config(mode="dicts")).get("SIMD Extensions", {})
    return any(each.startswith(("AVX512", "X86_V4")) for kind in ("baseline", "found") for each in found.get(kind, ()))


def _add_light(made: dict[str, str], facts: Encoding, source: Source) -> None:
    """HDR10's static metadata, in each encoder's spelling."""
    if facts.light is None:
        return
    parts = [made[facts.light.option]] if facts.light.option in made else []
    if source.mastering is not None and len(source.mastering) >= 88:
        # AVMasteringDisplayMetadata: R, G, B and white as x, y rationals, two luminances, two flags.
        values = struct.unpack("<20i2i", source.mastering[:88])
        rational = [values[2 * i] / (values[2 * i + 1] or 1) for i in range(10)]
        rx, ry, gx, gy, bx, by, wx, wy = (round(v * 50000) for v in rational[:8])
        least, most = round(rational[8] * 10000), round(rational[9] * 10000)
        parts.append(f"{facts.light.display}=G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({most},{least})")
    if source.light is not None:
        parts.append(f"{facts.light.level}={source.light[0]},{source.light[1]}")
    if parts:
        made[facts.light.option] = ":".join(parts)


def _exists(name: str) -> bool:
    try:
        return bool(Codec(name, "w").type == "video")
    except (UnknownCodecError, ValueError):
        return False


def _refuse_unknown(name: str, asked: str) -> None:
    if _exists(name):
        return
    known = [alias for alias in ("h264", "h265", "av1", "vp9", "vp8") if _exists(encoder_of_name(alias))]
    there = "is not a video encoder of this FFmpeg" if name in codecs_available else "is not known"
    raise ArgumentError(f"--codec {asked} {there}; there are {', '.join(known)}, ffv1, and FFmpeg's own names")


def _held(container: OutputContainer) -> frozenset[str]:
    return frozenset(codecs_available) if container.format.name == "null" else held_encoders(container)


def _holders(container: OutputContainer) -> str:
    ours = [alias for alias in ("h264", "h265", "av1", "vp9", "ffv1") if encoder_of_name(alias) in _held(container)]
    choice = f"choose --codec {' or '.join(ours)}, or " if ours else ""
    return f"{choice}write to .mkv"


def _keeps_beside(container: OutputContainer) -> bool:
    return container.format.name == "null" or container_facts(container.format.name).alpha_beside


@cache
def _formats(name: str) -> tuple[str, ...]:
    return tuple(form.name for form in Codec(name, "w").video_formats or ())


def _pix_fmt(name: str, source: Source, container: OutputContainer) -> str | None:
    """The encoder's format for exactly the source's samples; None if it has none that the container keeps."""
    alpha = encoder_facts(name).alpha
    if source.layout.alpha and (alpha == "no" or (alpha == "beside" and not _keeps_beside(container))):
        return None
    names = candidates(source.layout)
    takes = _formats(name)
    if name == "mjpeg" and source.full_range:
        names = [*names[1:], names[0]]  # its yuvj formats are full range, which the plain ones are not
    if not takes:  # takes anything: raw video; Y4M's frames are planar
        return names[0] if name == "wrapped_avframe" else source.layout.name
    exact = next((form for form in names if form in takes), None)
    if exact is None and name == "prores_ks":
        # FFmpeg 8.1 reads ProRes 4444 as 12 bits, all that a stream can mean, and writes 10.
        shallow = candidates(replace(source.layout, bits=min(source.layout.bits, 10)))
        return next((form for form in shallow if form in takes), None)
    return exact
