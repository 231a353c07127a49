"""What other people's programs call: a video through a network in one line."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import partial
from pathlib import Path

from pocketsr.arguments import as_path
from pocketsr.engine import Upscaler, load_chroma
from pocketsr.frames import FrameSink, FrameSource
from pocketsr.loading import as_network
from pocketsr.report import Report
from pocketsr.video import Progress, VideoOptions
from pocketsr.video import upscale_video as upscale_any

__all__ = ["upscale_video"]


def upscale_video(
    source: str | Path | FrameSource,
    output: str | Path | FrameSink | None,
    model: str | Path | Upscaler = "small",
    *,
    rate: Fraction | float | None = None,
    codec: str | None = None,
    crf: float | None = None,
    preset: str | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Report:
    """Upscale a video; of a file, sound, subtitles, chapters, times, tags and colours stay what they are.

    source: a file; or what gives frames: a `VideoFileSource`, a camera of your own, a list of `Frame`. Their size and
        format may change.
    output: the file to write, whose suffix chooses the container; or what takes frames: a `VideoFileSink`, a window of
        your own, which its owner closes. None measures only, and writes nothing.
    model: the network: a shipped one by name, an ONNX file, or what `pocketsr.load` returned.
    rate: frames a second of a file made from frames that have no times.
    codec, crf, preset: of the encoder of a file; the defaults follow from the input and the container.
    threads: of networks, decoder and encoder, each; default, every core.
    overwrite: whether an existing output file may be replaced.
    on_progress: called after every frame with (frames done, frames in all, or None where that isn't known).

    Source, network and sink run on a thread each. An exception of a source or a sink ends the run and is raised here.

    Returns times, the encoder in words, and warnings on what could not be kept. Raises UserError where the input can't
    be read or the output can't be written, such as a file whose frames change size; a file is complete or as it was
    before, then and on Ctrl-C.
    """
    network = as_network(model, threads)
    chroma = partial(load_chroma, network.scale, threads=threads)
    options = VideoOptions(codec=codec, crf=crf, preset=preset, threads=threads)
    return upscale_any(
        as_path(source, "source") if isinstance(source, str | os.PathLike) else source,
        as_path(output, "output") if isinstance(output, str | os.PathLike) else output,
        network,
        chroma,
        options,
        rate=rate,
        overwrite=overwrite,
        on_progress=on_progress,
    )
