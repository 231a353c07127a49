#!/bin/bash
# FFmpeg's H.264 decoder gives frames of a sequence without colour tags those of the sequence before.
#
# A good guess: a new sequence parameter set describes its frames; where it says nothing of matrix and range, they are
# unspecified, as they are when that stream is decoded by itself.
# What happens: once a sequence was tagged (BT.709), frames of later untagged ones are reported with its matrix,
# primaries and range. So what a frame says depends on what was decoded before it.
# Why it matters: calls and joined files change from a tagged encoder to an untagged one (a canvas, then a camera), and
# whoever follows each frame's tags shows the second in wrong colours. A new decoder for each new SPS mends it.
#
# Versions: PyAV 18.1.0 (wheel, FFmpeg 8.1.2). 2026-11-29. Source: a test of `pocketsr serve`, pocketsr issue 22.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0
cat > show.py <<'END'
import av, sys
from fractions import Fraction
print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)

def sequence(matrix, span):
    made = av.CodecContext.create("libx264", "w")
    made.width, made.height, made.pix_fmt = 64, 48, "yuv420p"
    made.time_base, made.framerate = Fraction(1, 30), Fraction(30)
    made.options = {"tune": "zerolatency"}
    made.colorspace, made.color_range = matrix, span
    made.color_primaries = made.color_trc = matrix
    frame = av.VideoFrame(64, 48, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([100]) * plane.buffer_size)
    frame.pts = 0
    return b"".join(map(bytes, made.encode(frame)))

def told(decoder, data):
    (frame,) = decoder.decode(av.Packet(data))
    return frame.colorspace, frame.color_primaries, frame.color_range

tagged, untagged = sequence(1, 1), sequence(2, 0)
alone = told(av.CodecContext.create("h264", "r"), untagged)
decoder = av.CodecContext.create("h264", "r")
first, second = told(decoder, tagged), told(decoder, untagged)
print("matrix, primaries, range of the untagged sequence by itself:", alone)
print("the tagged one:", first, "- the untagged one behind it:", second)
sys.exit(0 if alone == (2, 2, 0) and first[:2] == (1, 1) and second[:2] == (1, 1) else 1)
END
venv/bin/python show.py
