"""Damaged videos of a seed, for the test and for tools/fuzz_media.py: short clips, and ways to spoil their bytes."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from clipmaker import Clip

KINDS = (".mp4", ".mkv", ".webm", ".ts", ".mpg", ".avi", ".mov", ".flv", ".h264", ".nut", ".wmv")
_WORDS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\xff")


def _extras(container: Any, _: Any) -> Any:
    """Sound in all, and text in Matroska and MP4."""
    kind = container.format.name
    codec = {"webm": "libopus", "mpeg": "mp2", "asf": "wmav2"}.get(kind, "aac")
    audio = container.add_stream(codec, rate=48000, bit_rate=64000)
    context = audio.codec_context
    context.open()
    resampler = av.AudioResampler(context.format.name, "stereo", 48000, context.frame_size)
    text = None
    if kind in ("matroska", "mp4"):
        text = container.add_mux_stream("subrip" if kind == "matroska" else "mov_text", time_base=Fraction(1, 1000))

    def more(index: int) -> list[Any]:
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1920), np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1920, Fraction(1, 48000)
        packets = [packet for part in resampler.resample(frame) for packet in audio.encode(part)]
        if text is not None and index == 2:
            packet = av.Packet(b"<i>hello</i>" if kind == "matroska" else b"\0\5hello")
            packet.pts = packet.dts = 80
            packet.duration, packet.time_base, packet.stream = 80, Fraction(1, 1000), text
            packets.append(packet)
        return packets

    return more


def make_clips(folder: Path) -> list[Path]:
    """One short clip of each kind, with sound where the format has any."""
    made = []
    for suffix in KINDS:
        clip = Clip(time_base=Fraction(1, 1000), pts=range(0, 320, 40))
        if suffix == ".webm":
            clip.codec, clip.options = "libvpx", {"deadline": "realtime"}
        elif suffix == ".mpg":
            clip.codec, clip.options, clip.time_base, clip.pts = "mpeg2video", {}, Fraction(1, 25), range(8)
        elif suffix in (".avi", ".nut"):
            clip.codec, clip.options, clip.time_base, clip.pts = "mpeg4", {}, Fraction(1, 25), range(8)
        made.append(clip.write(folder / f"clip{suffix}", setup=None if suffix == ".h264" else _extras))
    return made


def spoiled(data: bytes, seed: int) -> bytes:
    """The bytes with some bits turned, words overwritten, parts cut, doubled or moved; most often near the head."""
    dice = random.Random(seed)
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        if len(out) < 16:
            break
        span = len(out) if dice.random() < 0.5 else min(len(out), 1024)
        at = dice.randrange(span)
        if dice.random() < 0.2:  # an index stands at the end of some formats
            at = len(out) - 1 - at
        kind = dice.randrange(7)
        if kind <= 1:
            out[at] ^= 1 << dice.randrange(8)
        elif kind == 2:
            out[at] = dice.randrange(256)
        elif kind == 3:
            word = dice.choice(_WORDS)
            out[at : at + len(word)] = word
        elif kind == 4:
            del out[at : at + dice.randrange(1, 64)]
        elif kind == 5:
            part = bytes(out[at : at + dice.randrange(1, 256)])
            where = dice.randrange(len(out))
            out[where:where] = part
        elif dice.random() < 0.4:
            del out[max(16, at) :]
    return bytes(out)
