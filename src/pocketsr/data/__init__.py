"""Training data: pairs of pictures (luma or RGB), patches of them, batches, and what codecs and cameras do to them."""

from __future__ import annotations

from pocketsr.data.batches import Batches
from pocketsr.data.clips import Clip, find_clips, load_clips, pan, read_clip, read_clips
from pocketsr.data.codec import CODECS, Codec, CodecSetting, degrade_clip, ladder, scaled_kbps, send_clip
from pocketsr.data.codec_pairs import codec_pairs, draw_setting
from pocketsr.data.noise import add_blur, add_jpeg, add_noise, add_webp
from pocketsr.data.pairs import NextFrame, Pair, Plane, downscale, load_images, pair_from, split
from pocketsr.data.pool import PatchPool
from pocketsr.data.still import StillPool
from pocketsr.data.tensors import to_picture, to_tensor, with_strength

__all__ = [
    "CODECS",
    "Batches",
    "Clip",
    "Codec",
    "CodecSetting",
    "NextFrame",
    "Pair",
    "PatchPool",
    "Plane",
    "StillPool",
    "add_blur",
    "add_jpeg",
    "add_noise",
    "add_webp",
    "codec_pairs",
    "degrade_clip",
    "downscale",
    "draw_setting",
    "find_clips",
    "ladder",
    "load_clips",
    "load_images",
    "pair_from",
    "pan",
    "read_clip",
    "read_clips",
    "scaled_kbps",
    "send_clip",
    "split",
    "to_picture",
    "to_tensor",
    "with_strength",
]
