"""Super-resolution beside a video codec: what calls encode with, which size to send, and a correction sent along."""

from __future__ import annotations

from pocketsr.codec.encoding import CODECS, Codec, CodecSetting
from pocketsr.codec.rule import Choice, choose, half_size_psnr
from pocketsr.codec.sending import SizeReason, SizeSwitch, Sizing

__all__ = [
    "CODECS",
    "Choice",
    "Codec",
    "CodecSetting",
    "SizeReason",
    "SizeSwitch",
    "Sizing",
    "choose",
    "half_size_psnr",
]
