"""What other people's programs call: files through a network in one line."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pocketsr.engine import Upscaler, load_chroma
from pocketsr.loading import load
from pocketsr.report import Report
from pocketsr.video import Progress, VideoOptions
from pocketsr.video import upscale_video as upscale_file

__all__ = ["upscale_video"]


def upscale_video(
    source: str | Path,
    output: str | Path | None,
    model: str | Path | Upscaler = "small",
    *,
    codec: str | None = None,
    crf: float | None = None,
    preset: str | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Report:
    """Upscale a video file; sound, subtitles, chapters, times, tags and colours stay what they are.

    source: the input file.
    output: the file to write, whose suffix chooses the container; None measures only, and writes nothing.
    model: the network: a shipped one by name, an ONNX file, or what `pocketsr.load` returned.
    codec, crf, preset: of the encoder; the defaults follow from the input and the container.
    threads: of networks, decoder and encoder, each; default, every core.
    overwrite: whether an existing output may be replaced.
    on_progress: called after every frame with (frames done, frames in all, or None where that isn't known).

    Returns times, the encoder in words, and warnings on what could not be kept. Raises UserError where the input can't
    be read or the output can't be written; the output is complete or as it was before, then and on Ctrl-C.
    """
    network = load(model, threads=threads) if isinstance(model, str | Path) else model
    chroma = partial(load_chroma, network.scale, threads=threads)
    options = VideoOptions(codec=codec, crf=crf, preset=preset, threads=threads)
    target = None if output is None else Path(output)
    return upscale_file(
        Path(source), target, network, chroma, options, overwrite=overwrite, on_progress=on_progress
    )  # fmt: skip
