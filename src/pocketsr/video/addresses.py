"""Cameras, the screen and network addresses as inputs: what names one, and the only ways in which FFmpeg opens it."""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import av
import av.logging
from av.container import InputContainer

from pocketsr.errors import UserError
from pocketsr.names import harmless
from pocketsr.video.ffmpeglog import first_complaint, listening

__all__ = ["Address", "address_of", "open_address"]

_PATIENCE_S = 10.0  # until something answers, and between two packets
# What FFmpeg may open for an address of each kind; a server that answers with another (a redirection, a playlist of
# files) is refused.
_PROTOCOLS = {
    "http": "http,tcp",
    "https": "https,http,tls,tcp",
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtmp": "rtmp,tcp",
    "srt": "srt,udp",
}
_DEMUXERS = {"rtsp": "rtsp", "rtmp": "flv"}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,15}://.*", re.DOTALL)
_CAMERA = re.compile(r"/dev/video\d{1,3}", re.ASCII)
_SCREEN = re.compile(r"screen:((?:[A-Za-z0-9.\-]{0,253}:\d{1,4}(?:\.\d{1,2})?)?(?:\+\d{1,5},\d{1,5})?)", re.ASCII)


@dataclass(frozen=True)
class Address:
    """What delivers frames as they come.

    name: for messages, without a password. url: for FFmpeg. demuxer: FFmpeg's; None: by what comes.
    """

    kind: Literal["camera", "screen", "network"]
    name: str
    url: str
    demuxer: str | None = None
    options: dict[str, str] = field(default_factory=dict)


def address_of(text: str, *, size: tuple[int, int] | None = None, rate: str | None = None) -> Address | None:
    """What `text` names: /dev/video0, screen: (or screen::0.0+100,200) or a URL; None: a file.

    Args:
        size, rate: width and height in pixels, frames a second, that a camera or the screen is asked for.

    Raises UserError for an address of another kind.
    """
    asked = {} if size is None else {"video_size": f"{size[0]}x{size[1]}"}
    asked |= {} if rate is None else {"framerate": rate}
    if _CAMERA.fullmatch(text) or (text.startswith("/dev/v4l/") and Path(text).is_char_device()):
        return Address("camera", text, text, "v4l2", asked)
    screen = _SCREEN.fullmatch(text)
    if screen is not None and not Path(text).exists():
        display = screen[1] if ":" in screen[1] else os.environ.get("DISPLAY", "") + screen[1]
        return Address("screen", text, display, "x11grab", asked)
    if not _URL.fullmatch(text) or Path(text).exists():
        return None
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    url = f"{scheme}://{rest}"
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    name = re.sub(r"//[^/@]*@", "//", harmless(url, 300))
    if scheme not in _PROTOCOLS:
        raise UserError(f"{name}: {scheme} is not opened; {', '.join(_PROTOCOLS)} are, with --allow-url")
    if not host:
        raise UserError(f"{name} names no host")
    options = {"protocol_whitelist": _PROTOCOLS[scheme]}
    return Address("network", name, url, _DEMUXERS.get(scheme), options)


def open_address(address: Address, formats: str) -> InputContainer:
    """The open input, whose streams are known. formats: by FFmpeg's names, that an answer may have.

    Raises UserError for what is absent, doesn't answer, or answers with something else than a video.
    """
    _refuse_absent(address)
    options = dict(address.options)
    if address.demuxer is None:
        options |= {"format_whitelist": formats, "max_streams": "200"}
    said: list[tuple[int, str, str]] = []
    try:
        with listening(av.logging.ERROR) as said:
            return av.open(
                address.url, "r", format=address.demuxer, metadata_errors="replace", container_options=options,
                timeout=_PATIENCE_S,
            )  # fmt: skip
    except av.ExitError as error:
        raise UserError(f"{address.name}: nothing came from there for {_PATIENCE_S:g} s") from error
    except av.error.ProtocolNotFoundError as error:
        raise UserError(f"{address.name}: this FFmpeg (in PyAV {av.__version__}) has no such protocol") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UserError(f"{address.name} can't be opened ({_reason(error, said)})") from error


def _reason(error: Exception, said: list[tuple[int, str, str]]) -> str:
    if any("not on whitelist" in text.lower() for _, _, text in said):
        return "what comes from there is no video of a supported kind, or leads elsewhere"
    words = getattr(error, "strerror", None) or str(error)
    complaint = first_complaint(said)
    return harmless(f"{words}: {complaint}" if complaint and complaint != words else words, 300)


def _refuse_absent(address: Address) -> None:
    if address.kind == "network":
        return
    if sys.platform != "linux":
        raise UserError(f"{address.name}: cameras and the screen are read on Linux alone; name a file")
    if address.kind == "screen":
        if not address.url.partition("+")[0]:
            raise UserError(f"{address.name}: there is no screen: DISPLAY is not set; name one, as in screen::0")
        return
    try:
        mode = Path(address.url).stat().st_mode
    except OSError:
        found = sorted(str(path) for path in Path("/dev").glob("video*"))
        raise UserError(
            f"{address.name}: there is no such camera; "
            + (f"there are {', '.join(found[:8])}" if found else "none is connected")
        ) from None
    if not stat.S_ISCHR(mode):
        raise UserError(f"{address.name} is no camera")
    if not os.access(address.url, os.R_OK | os.W_OK):
        raise UserError(f"{address.name} can't be used: permission denied; your user has to be in the group video")
