"""`upscale_video`, the public function: a network by name, and files or frames."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from pocketsr.arguments import as_path, check_strength, check_threads
from pocketsr.engine import Upscaler, load_chroma, takes_strength
from pocketsr.frames import Frame, FrameSink, FrameSource, Strength
from pocketsr.frames.looking import Following, look_at_frame
from pocketsr.loading import as_network, is_estimated, name_of
from pocketsr.models import at_size, shape_decides
from pocketsr.report import Report
from pocketsr.sizing import Size, Sized, as_size
from pocketsr.source import AUTO, Seen, choose
from pocketsr.video import Progress, VideoFileSource, VideoOptions
from pocketsr.video import upscale_video as upscale_any
from pocketsr.video.looking import look_at_opened, look_at_video

__all__ = ["upscale_video"]

_USUAL = "small"  # the network of sources that aren't looked at


def upscale_video(
    source: str | Path | FrameSource,
    output: str | Path | FrameSink | None,
    model: str | Path | Upscaler = AUTO,
    *,
    size: Sized | None = None,
    rate: Fraction | float | None = None,
    codec: str | None = None,
    crf: float | None = None,
    preset: str | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
    strength: Strength = None,
) -> Report:
    """Upscale a video; a file keeps its sound, subtitles, chapters, timestamps, tags and colours.

    source: a file, or a `FrameSource`: a `VideoFileSource`, a camera of your own, a list of `Frame`. Size and format of
        its frames may change.
    output: the file to write, whose suffix chooses the container; or a `FrameSink`: a `VideoFileSink`, a window of your
        own, which you close yourself. None writes nothing, for measuring.
    model: the network: "auto" chooses a shipped one by a look at the file, or at the first frame of a list of frames
        and of a `VideoFileSource` (of other sources it takes `small`); else a shipped one by name, an ONNX file, or
        what `pocketsr.load` returned.
    size: of the output, default: the network's factor. A factor, 1.5 for instance; (width, height), of which one may be
        None and then follows; a `Size`. The network makes as many passes as fit, and a bicubic resize the rest. Where a
        file's picture would get another shape, its pixels do, so that players show the same.
    rate: frames per second of a file written from frames without timestamps.
    codec, crf, preset: for the encoder of a file; the defaults follow from the input and the container.
    threads: for networks, decoder and encoder, each; default: all cores.
    overwrite: whether an existing output file may be replaced.
    on_progress: called after every frame with (frames done, total frames or None if unknown).
    strength: how far frames are from what they were before an encoder, 0 (clean) to 1, for a network that is told; or
        what finds it for each `Frame`. Default: estimated for shipped networks that are named or chosen, else its own.

    Source, network and sink run on a thread each. An exception from a source or sink ends the run and is raised here.

    Returns timings, a description of the encoder, and warnings on what could not be kept. Raises UserError where the
    input can't be read or the output can't be written, such as a file whose frames change size. Then, and on Ctrl-C, an
    existing output file is left as it was; an output file is never partial.
    """
    check_threads(threads)
    if isinstance(source, str | os.PathLike):
        source = as_path(source, "source")
    wanted = as_size(size)
    network, name, strength = _network(source, model, wanted, threads, strength)
    chroma = partial(load_chroma, network.scale, threads=threads)
    options = VideoOptions(codec=codec, crf=crf, preset=preset, threads=threads)
    return upscale_any(
        source,
        as_path(output, "output") if isinstance(output, str | os.PathLike) else output,
        network,
        chroma,
        options,
        size=wanted,
        name=name,
        rate=rate,
        overwrite=overwrite,
        on_progress=on_progress,
        strength=strength,
    )


def _network(
    source: Path | FrameSource, model: str | Path | Upscaler, size: Size | None, threads: int | None,
    strength: Strength,
) -> tuple[Upscaler, str, Strength]:  # fmt: skip
    """The network for a source, its name, and what it is told."""
    if not (isinstance(model, str) and model == AUTO):
        seen = _seen(source) if shape_decides(model, size) else None
        model = at_size(model, size, None if seen is None else seen.shape)
        network = as_network(model, threads)
        if strength is None and is_estimated(model, network):
            seen = seen or _seen(source)
            strength = Following() if seen is None else seen.strength
        return network, name_of(model), strength
    seen = _seen(source)
    if seen is not None and isinstance(strength, int | float):
        seen = replace(seen, strength=check_strength(strength))
    name = at_size(_USUAL, size) if seen is None else at_size(choose(seen).network, size, seen.shape)
    network = as_network(name, threads)
    told = strength if strength is not None or seen is None else seen.strength
    return network, name, told if takes_strength(network) else None


def _seen(source: Path | FrameSource) -> Seen | None:
    """What a source is; None where it can't be looked at without taking frames from it, or not at all."""
    if isinstance(source, Path):
        return look_at_video(source)
    if isinstance(source, VideoFileSource):
        return look_at_opened(source)
    first = source[0] if isinstance(source, Sequence) and source else None
    return look_at_frame(first) if isinstance(first, Frame) else None
