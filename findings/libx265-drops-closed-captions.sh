#!/bin/bash
# H.264 with closed captions, encoded anew: libx264 keeps them, libx265 drops them unless a53cc=1.
#
# A good guess: captions that hang on the decoded frames (AV_FRAME_DATA_A53_CC) reach the new stream with both x26x
# encoders, which have an option of the same name for it.
# What happens: the option is on by default in FFmpeg's libx264 and off in its libx265.
# Why it matters: changing nothing but the codec from h264 to h265 loses the captions of a broadcast without a word.
#
# Versions: PyAV 18.1.0 (wheel, FFmpeg 8.1.2). 2026-11-28. Source: pocketsr issue 17, case 46.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > show.py <<'END'
import av, sys
from fractions import Fraction
print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)

def source():
    """H.264 frames with CEA-608 captions in an SEI message each."""
    with av.open("plain.h264", "w") as out:
        film = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        packets = []
        for index in range(12):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = index
            packets += film.encode(frame)
        packets += film.encode(None)
    payload = b"\xb5\x00\x31GA94\x03" + bytes([0x42, 0xFF, 0xFC, 0x14, 0x2C, 0xFD, 0x80, 0x80, 0xFF])
    unit = b"\0\0\0\1\x06\x04" + bytes([len(payload)]) + payload + b"\x80"
    decoder = av.CodecContext.create("h264", "r")
    return [f for p in packets for f in decoder.decode(av.Packet(unit + bytes(p)))] + decoder.decode(None)

def captions(frames):
    return sum("A53_CC" in [item.type.name for item in frame.side_data] for frame in frames)

def through(codec, options):
    frames = source()
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuv420p", Fraction(1, 25)
    encoder.options = options
    packets = []
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = index, encoder.time_base
        frame.pict_type = 0
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create({"libx264": "h264", "libx265": "hevc"}[codec], "r")
    return captions([f for p in packets for f in decoder.decode(p)] + decoder.decode(None))

print("frames with captions before:", captions(source()), "of 12")
quiet = {"x265-params": "log-level=none"}
a, b, c = through("libx264", {}), through("libx265", quiet), through("libx265", {**quiet, "a53cc": "1"})
print("after libx264:", a)
print("after libx265:", b)
print("after libx265 with a53cc=1:", c)
sys.exit(0 if (a, b, c) == (12, 0, 12) else 1)
END
venv/bin/python show.py
