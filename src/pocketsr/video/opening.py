"""Opens an input: only formats whose one file holds everything, and no protocol but that of files."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import cast

import av
import av.logging
from av.container import InputContainer
from av.container.core import Flags

from pocketsr.errors import UserError
from pocketsr.pipes import Inflow
from pocketsr.video.addresses import Address, open_address
from pocketsr.video.clock import starts_anywhere
from pocketsr.video.ffmpeglog import listening
from pocketsr.video.types import RawVideo

__all__ = ["open_input"]

# FFmpeg 8.1 recognises 400 formats by content whatever the name says: a text that is called film.mp4 is a playlist
# (hls, concat, dash, imf) whose parts it opens, elsewhere on the disk or on the network, and other names are devices
# (lavfi, x11grab, v4l2). Only what lies in one file is opened here. Not supported: formats that look for files beside
# their own (mlv), single pictures (image2, *_pipe), and formats of sound, text and old games.
_FORMATS = (
    "3gp 3g2 amv apng asf av1 avi avs2 avs3 cavsvideo dirac dnxhd dv dxa evc flic flv gif gxf h261 h263 h264 hevc "
    "ipmovie ipu ivf live_flv m4v matroska mjpeg mov mp4 mpeg mpegts mpegvideo mpjpeg mtv mxf nsv nut nuv obu ogg "
    "pmp rm rpl smjpeg vc1 vc1test vivo vvc webm wtv yuv4mpegpipe"
)
# How an unsupported file is told apart for the message.
_TEXTS = (
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a list of files for FFmpeg's concat"),
    (b"<?xml", "a manifest or another XML text"),
    (b"<MPD", "a DASH manifest"),
    (b"[playlist]", "a playlist"),
    (b"v=0", "a session description (SDP)"),
)
_PICTURES = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
)
# Still pictures that FFmpeg reads with its MP4 demuxer, by the first brand.
_STILL = ("heic", "heix", "heim", "heis", "mif1", "avif", "jxl ")
_GEN_PTS = cast(int, Flags.gen_pts.value)
# So that an interrupted or hostile file isn't searched for ever: FFmpeg's own defaults, named.
_OPTIONS = {"format_whitelist": ",".join(_FORMATS.split()), "protocol_whitelist": "file", "max_streams": "200"}


def open_input(
    path: Path, pipe: Inflow | None = None, raw: RawVideo | None = None, address: Address | None = None
) -> InputContainer:
    """The open file, whose streams are known.

    Args:
        pipe: what to read instead of the file `path`, which then is a name alone.
        raw: what is in it, where it is raw frames.
        address: a camera, the screen or a server to read instead.

    Raises:
        UserError: there is no such file, it can't be read, or it is no video of a supported kind: broken, a
            playlist that names other files, a still picture, a device.
    """
    if address is not None:
        return open_address(address, _OPTIONS["format_whitelist"])
    if pipe is None:
        _refuse_place(path)
    elif not pipe.peek(1):
        raise UserError(f"{path} is empty (0 bytes)")
    said: list[tuple[int, str, str]] = []
    try:
        with listening(av.logging.ERROR) as said:
            # The prefix keeps a name like "a:b.mp4" from being taken for a protocol.
            options = _OPTIONS if raw is None else {"protocol_whitelist": "file", **raw.options}
            container = av.open(
                f"file:{path}" if pipe is None else pipe, "r", format=None if raw is None else "rawvideo",
                metadata_errors="replace", container_options=options,
            )  # fmt: skip
    except PermissionError as error:
        raise UserError(f"{path} can't be read: permission denied") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        head = b"" if pipe is not None else _head(path)
        known = next((words for magic, words in _TEXTS if head.startswith(magic)), None)
        if known is not None:
            raise UserError(
                f"{path} is {known}, no video: what it names is not opened; join the parts first, into one .mkv"
            ) from error
        picture = next((name for magic, name in _PICTURES if head.startswith(magic)), None)
        if picture is not None:
            raise UserError(
                f"{path} is a still picture ({picture}), and there is no decoder for its video: turn it into .png first"
            ) from error
        if any("not on whitelist" in text for _, _, text in said):
            raise UserError(
                f"{path} is of a kind that isn't supported as a video: convert it first, for instance into .mkv"
            ) from error
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} is not a video that can be read, or is damaged ({reason})") from error
    if container.metadata.get("major_brand") in _STILL:
        brand = container.metadata["major_brand"].strip().upper()
        container.close()
        raise UserError(f"{path} is a still picture ({brand}), not a video: convert it to .png first")
    if not starts_anywhere(container.format.name):  # MPEG's streams store enough for FFmpeg to fill in the rest
        container.flags &= ~_GEN_PTS  # its guesses at times that other files don't store are off by the decoder's delay
    return container


def _refuse_place(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a video file in it")
    if not path.exists():
        raise UserError(f"{path} does not exist")
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) and not path.stat().st_size:
        raise UserError(f"{path} is empty (0 bytes)")
    if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
        raise UserError(f"{path} is a device: name a video file, or a pipe")


def _head(path: Path) -> bytes:
    if not path.is_file():
        return b""  # what was read of a pipe is gone
    with path.open("rb") as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
