#!/bin/bash
# Frames that FFmpeg decodes by libvpx say neither that they are key frames nor of which type they are.
#
# A good guess: `key_frame` and `pict_type` of a decoded frame are set whichever decoder was asked for; PyAV's
# and aiortc's programs choose libvpx for VP8, or for VP9 with alpha (FFmpeg's own decoder drops the alpha plane).
# What happens: with `libvpx` and `libvpx-vp9` every frame has key_frame False and pict_type NONE, the first one included; FFmpeg's
# own `vp8` and `vp9`, and libdav1d for AV1, tell both.
# Why it matters: who waits for a key frame before showing a call, cuts at key frames or counts them, waits for ever with
# one decoder and not with the other, for the same packets. pocketsr decodes calls by FFmpeg's own decoder.
#
# Versions: PyAV 18.1.0 (wheel: FFmpeg 8.1.2, libvpx), numpy 2.4.6, Python 3.11. 2026-11-30. Source: a call through aiortc whose key frames never came.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys
from fractions import Fraction

import av
import numpy as np

print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)


def packets(encoder):
    made = av.CodecContext.create(encoder, "w")
    made.width, made.height, made.pix_fmt, made.time_base = 64, 48, "yuv420p", Fraction(1, 30)
    made.options = {"deadline": "realtime", "lag-in-frames": "0"}
    found = []
    for number in range(6):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64), 40 * number, np.uint8), "gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, made.time_base
        found += made.encode(frame)
    return [(bytes(packet), packet.is_keyframe) for packet in found + made.encode(None)]


flags = {}
for encoder, decoders in (("libvpx", ("vp8", "libvpx")), ("libvpx-vp9", ("vp9", "libvpx-vp9"))):
    sent = packets(encoder)
    for name in decoders:
        decoder = av.CodecContext.create(name, "r")
        frames = [frame for data, _ in sent for frame in decoder.decode(av.Packet(data))] + decoder.decode(None)
        flags[name] = [frame.key_frame for frame in frames]
        types = [av.video.frame.PictureType(frame.pict_type).name for frame in frames]
        print(f"{name}: packets {[key for _, key in sent]}, frames {flags[name]}, types {types}")
sys.exit(not (flags["vp8"][0] and flags["vp9"][0] and not any(flags["libvpx"] + flags["libvpx-vp9"])))
PYTHON
