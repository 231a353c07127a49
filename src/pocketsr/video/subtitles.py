"""Text subtitles between SubRip, WebVTT and MP4's timed text."""

from __future__ import annotations

import html
import re
import struct
from collections.abc import Callable

__all__ = ["converter"]

_TEXT = ("subrip", "srt", "text", "webvtt")
# Marks of SubRip and WebVTT; any other angle brackets are text: "<3", "a < b > c", "<Door opens>".
_MARKS = re.compile(
    r"</?(?:b|i|u|s|font|c|v|lang|ruby|rt)(?:[\s.=][^<>]*)?/?>|<\d+:[\d:.]+>|\{\\[^}]*\}", re.IGNORECASE
)


def converter(codec: str, timed_text: str | None) -> Callable[[bytes], bytes | None] | None:
    """A function from a packet of text of FFmpeg's `codec` to one of the container's own; None: there is none.

    It gives None for a packet that shows nothing.
    """
    if timed_text == "mov_text" and codec in _TEXT:
        return _webvtt_to_mov_text if codec == "webvtt" else _to_mov_text
    return _from_mov_text if timed_text == "subrip" and codec == "mov_text" else None


def _to_mov_text(data: bytes) -> bytes | None:
    """SubRip to 3GPP timed text: a big-endian length, then UTF-8 without markup."""
    return _sample(_MARKS.sub("", data.decode("utf-8", "replace")))


def _webvtt_to_mov_text(data: bytes) -> bytes | None:
    """As `_to_mov_text`, from text in which <, > and & of the text are written as entities."""
    return _sample(html.unescape(_MARKS.sub("", data.decode("utf-8", "replace"))))


def _sample(text: str) -> bytes | None:
    payload = text.strip().replace("\r\n", "\n").encode()[:0xFFFF].decode("utf-8", "ignore").encode()
    return struct.pack(">H", len(payload)) + payload if payload else None


def _from_mov_text(data: bytes) -> bytes | None:
    """3GPP timed text to SubRip; None for the empty samples that only fill gaps. Styles are dropped."""
    length = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 0
    return data[2 : 2 + length].strip() or None
