"""An output as it begins: its container by the suffix, and its video stream, set up as the source's frames ask for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.video.codecs import Encoder, encoder_threads, repeatable_options
from pocketsr.video.containers import container_facts, holds_reordered, muxer_format
from pocketsr.video.encoders import closest_rate, encoder_facts
from pocketsr.video.source import Source
from pocketsr.video.types import VideoOptions

__all__ = ["add_video", "open_output"]


def open_output(path: Path, target: Path, called: str) -> OutputContainer:
    """A container at `path`, of the kind that the suffix of `target` says. Raises UserError for what is no video's."""
    try:
        container = av.open(f"file:{path}", "w", format=muxer_format(target))
    except ValueError as error:
        raise UserError(
            f"{called}: no video format is known by the suffix {target.suffix!r}: "
            "use .mp4, .mkv, .webm, .mov or another"
        ) from error
    if container.format.name.startswith("image2"):
        raise UserError(f"{called} is an image, the input a video: use .mp4, .mkv, .webm, .mov or another")
    if container.format.no_file:  # playlists, whose parts FFmpeg writes beside them (.m3u8, .mpd)
        raise UserError(f"{called} would be several files ({container.format.long_name}): use .mp4 or .mkv")
    return container


def add_video(
    container: OutputContainer, source: Source, encoder: Encoder, size: tuple[int, int], options: VideoOptions, *,
    called: str, prompt: bool,
) -> tuple[VideoStream, Fraction | None]:  # fmt: skip
    """The video stream, and a frame's time where the encoder takes multiples of that only, in seconds.

    called: the output. prompt: whether each frame is to come out as soon as it can.
    Raises UserError where the container can't hold what the encoder makes.
    """
    facts, held = encoder_facts(encoder.name), container_facts(container.format.name)
    try:
        stream = cast(VideoStream, container.add_stream(encoder.name, rate=source.rate or 25))
    except ValueError as error:
        raise UserError(f"{called}: {error}: write to .mkv, or choose another --codec") from error
    context = stream.codec_context
    context.width, context.height = size
    context.pix_fmt = encoder.pix_fmt
    context.time_base = stream.time_base = source.time_base
    rate = closest_rate(source.rate or Fraction(25), facts.rates)
    if rate is None and held.counts_frames:
        rate = source.rate or Fraction(25)
        stream.time_base = 1 / rate  # what Y4M's head says
    if rate is not None:
        context.framerate, context.time_base = rate, 1 / rate
    context.thread_type, context.thread_count = (
        "AUTO",
        encoder_threads(encoder.name, options.threads, size[1], options.cores),
    )
    context.color_range, context.colorspace = source.color_range, source.colorspace
    context.color_primaries, context.color_trc = source.color_primaries, source.color_trc
    if source.aspect:
        context.sample_aspect_ratio = source.aspect
    context.options = encoder.options | repeatable_options(encoder.name, size[0])
    if prompt:
        context.options |= facts.prompt
    if not holds_reordered(container.format.name, source):
        context.max_b_frames = 0
    if source.layout.kind == "yuv" and source.chroma_location != "unspecified":
        context.options["chroma_sample_location"] = source.chroma_location
    if encoder.constant_quantizer:
        context.qscale, context.global_quality = True, 2 * 118  # FF_QP2LAMBDA: quantizer 2, near lossless
    if encoder.name == "libx265" and held.mp4:
        context.codec_tag = "hvc1"  # the tag that Apple's players ask for
    context.flags |= av.codec.context.Flags.frame_duration.value
    if source.display_matrix is not None:
        stream.set_display_matrix(source.display_matrix)
    return stream, None if rate is None else 1 / rate
