#!/bin/bash
# FFmpeg's encoders and a bit rate that changes while they run: five of six ignore it, and x264 hears it downwards only.
#
# A good guess: calls change `bit_rate` of a running encoder as the line allows; x264, libvpx and SVT-AV1 all have a call to
# change it (x264_encoder_reconfig, vpx_codec_enc_config_set, svt_av1_enc_set_parameter), so FFmpeg's wrappers use it.
# What happens: PyAV takes the new number for all of them and reads it back. libvpx (VP8, VP9), SVT-AV1 and x265 go on as before. So does
# x264, unless it was opened with a largest rate and a buffer (maxrate, bufsize); then it follows downwards, but never
# beyond that largest rate, which PyAV can't change later (max_bit_rate isn't writable).
# Why it matters: a call that begins on a poor line stays as poor as it began, or floods a line that has become worse,
# while every number that the program prints says otherwise. pocketsr did the former with H.264; it opens the encoder anew now.
#
# Versions: PyAV 18.1.0 (wheel: FFmpeg 8.1.2, x264, x265, libvpx, SVT-AV1 4.1.0), numpy 2.4.6, Python 3.11. 2026-11-30. Source: own test.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > show.py <<'PYTHON'
import os
import sys
from fractions import Fraction

os.environ["SVT_LOG"] = "1"
import av
import numpy as np

print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
rng = np.random.default_rng(1)
pictures = [rng.integers(0, 256, (48, 80)).astype(np.uint8).repeat(4, 0).repeat(4, 1) for _ in range(90)]
LOW, HIGH = 300_000, 1_500_000
CALL = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
X264 = {"preset": "veryfast", "tune": "zerolatency"}


def rate(encoder, options, first, then):
    """kbit/s of the last frames, `bit_rate` having been changed halfway."""
    made = av.CodecContext.create(encoder, "w")
    made.width, made.height, made.pix_fmt = 320, 192, "yuv420p"
    made.framerate, made.time_base, made.gop_size = Fraction(30), Fraction(1, 30), 1000
    made.options, made.bit_rate = options, first
    sizes = []
    for number, luma in enumerate(pictures):
        if number == 40:
            made.bit_rate = then
            assert made.bit_rate == then
        frame = av.VideoFrame.from_ndarray(luma, "gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, made.time_base
        sizes += [packet.size for packet in made.encode(frame)]
    sizes += [packet.size for packet in made.encode(None)]
    return round(sum(sizes[60:]) * 8 * 30 / len(sizes[60:]) / 1000)


def limited(options):
    return lambda first: {**options, "maxrate": str(first), "bufsize": str(first)}


cases = [
    ("libx264", limited(X264)),
    ("libx264", lambda _: X264),
    ("libvpx", limited(CALL)),
    ("libvpx-vp9", limited(CALL)),
    ("libsvtav1", lambda _: {"preset": "12", "svtav1-params": "pred-struct=1:rc=2"}),
    ("libx265", lambda _: {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none"}),
]
followed = []
for encoder, options in cases:
    down = rate(encoder, options(HIGH), HIGH, LOW) / rate(encoder, options(HIGH), HIGH, HIGH)
    up = rate(encoder, options(LOW), LOW, HIGH) / rate(encoder, options(LOW), LOW, LOW)
    followed.append((down < 0.6, up > 1.6))
    limit = "maxrate, " if "maxrate" in options(LOW) else ""
    print(f"{encoder} ({limit}times of the old rate): a fifth asked for: {down:.2f}, five times: {up:.2f}")
sys.exit(followed != [(True, False)] + [(False, False)] * 5)
PYTHON
venv/bin/python show.py 2> /dev/null
