"""What `--format` names, and the raw frames that say nothing of themselves."""

from __future__ import annotations

import argparse
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._size import sides
from pocketsr.errors import ArgumentError, UserError, did_you_mean
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.pipes import Outflow
    from pocketsr.video import RawVideo

__all__ = ["ANIMATED", "PICTURES", "STREAMS", "add_format_arguments", "checked_format", "piped_format", "raw_video"]

PICTURES = ("png", "jpg", "webp", "avif", "tiff", "bmp", "jp2", "tga", "ppm", "qoi", "heic", "jxl")
"""Suffixes of pictures, less the dot."""
ANIMATED = ("gif", "webp", "apng", "png", "avif")
"""Suffixes of animated pictures: those that a video becomes, and `png`, which an animated picture does."""
STREAMS = {
    "mkv": "matroska", "webm": "webm", "y4m": "yuv4mpegpipe", "raw": "rawvideo", "ts": "mpegts", "nut": "nut",
}  # fmt: skip
"""FFmpeg's names of the formats that go through a pipe."""
_VIDEOS = ("mp4", "mov", "mkv", "webm", "avi", "ts")
_BY_SUFFIX = {".y4m": "y4m", ".yuv": "raw", ".raw": "raw", ".mkv": "mkv", ".webm": "webm", ".ts": "ts"}
_SEEKING = (".mp4", ".m4v", ".mov", ".avi", ".3gp")  # whose head is written last
_ALIASES = {"jpeg": "jpg", "tif": "tiff", "matroska": "mkv", "yuv4mpeg": "y4m", "rawvideo": "raw", "mpegts": "ts"}


def add_format_arguments(parser: argparse.ArgumentParser) -> None:
    """Texts, all of them, for the functions below."""
    add = parser.add_argument_group("formats").add_argument
    add(
        "--format",
        help="of pictures (png, jpg, webp, avif, gif) in folders, of what goes to - (also mkv, y4m, raw)",
    )
    add("--pix-fmt", help="the input is raw frames of this pixel format, as FFmpeg names it: yuv420p, nv12, rgb24 ..")
    add("--video-size", metavar="WIDTHxHEIGHT", help="size of raw frames")
    add("--rate", metavar="FPS", help="of raw frames, 30 or 30000/1001 (default: 25)")


def checked_format(args: argparse.Namespace) -> str | None:
    """What --format names. Raises UserError for a name that is unknown."""
    if args.format is None:
        return None
    name = str(args.format).lower().removeprefix(".")
    name = _ALIASES.get(name, name)
    known = [*PICTURES, "gif", "apng", *dict.fromkeys((*STREAMS, *_VIDEOS))]
    if name not in known:
        close = did_you_mean(name, known)
        raise UserError(f"--format {harmless(args.format)} is not known: {close or ', '.join(known)}")
    return name


def raw_video(args: argparse.Namespace) -> RawVideo | None:
    """What raw frames of the input are; None where it isn't raw. Raises UserError."""
    if args.pix_fmt is None and args.video_size is None:
        if args.rate is not None:
            raise UserError("--rate is for raw frames: add --pix-fmt and --video-size")
        return None
    if args.pix_fmt is None or args.video_size is None:
        raise UserError("raw frames need both: --pix-fmt yuv420p --video-size 640x360")
    from pocketsr.video import RawVideo

    rate = re.fullmatch(r"(\d{1,7}(?:\.\d{1,6})?)(?:/([1-9]\d{0,6}))?", args.rate or "25", re.ASCII)
    if rate is None:
        raise UserError(f"--rate {harmless(args.rate)}: frames per second are expected, as in --rate 30 or 30000/1001")
    width, height = sides(harmless(args.video_size, 60), "--video-size")
    try:
        return RawVideo(args.pix_fmt.lower(), width, height, Fraction(rate[1]) / int(rate[2] or 1))
    except ArgumentError as error:
        raise UserError(f"--pix-fmt, --video-size, --rate: {error}") from error


def piped_format(source: object, target: Outflow) -> str:
    """The format for a pipe: by its name, else frames that came bare leave bare, and all else is Matroska."""
    suffix = Path(target.name).suffix.lower()
    if suffix in _SEEKING:
        raise UserError(f"{target.name}: {suffix[1:]} can't be written to a pipe: name it .mkv, or use --format mkv")
    named = _BY_SUFFIX.get(suffix)
    from pocketsr.video import VideoFileSource

    if named is not None or not isinstance(source, VideoFileSource):
        return named or "mkv"
    kind = source.reader.container.format.name
    return {"yuv4mpegpipe": "y4m", "rawvideo": "raw"}.get(kind, "mkv")
