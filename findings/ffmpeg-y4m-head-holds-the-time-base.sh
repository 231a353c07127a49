#!/bin/bash
# FFmpeg's Y4M muxer writes the stream's time base into the head as the frame rate, and not the stream's frame rate.
#
# A good guess: a stream with an average rate of 30000/1001 gets F30000:1001, whatever its time base is: the format has
# no timestamps, so the rate is all that a reader has, and it is known.
# What happens: the head's F is 1/time_base. A stream that was given the usual time base of MPEG (1/90000) or Matroska
# (1/1000) is written as one of 90,000 or 1,000 frames a second, without a warning. Its demuxer, and x264, SVT-AV1 and
# libvpx's tools that read Y4M, take that for the rate: a minute becomes 20 ms, and rate control starves.
# Why it matters: whoever pipes frames out as Y4M through libavformat has to set time_base to 1/rate himself.
#
# Versions: PyAV 18.1.0 (FFmpeg 8.1). 2026-11-29. Source: met while building `pocketsr upscale -o - --format y4m`,
# pocketsr issue 22; libavformat/yuv4mpegenc.c, whose own comment says that it should be the average rate.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy
cat > show.py <<'END'
import sys
from fractions import Fraction

import av
import numpy as np

print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
rate = Fraction(30000, 1001)

def head(time_base):
    with av.open("out.y4m", "w", format="yuv4mpegpipe") as out:
        stream = out.add_stream("wrapped_avframe", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 64, 48, "yuv420p", time_base
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 60 + number, np.uint8), "yuv420p")
            frame.pts, frame.time_base = round(number / rate / time_base), time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    line = open("out.y4m", "rb").readline().decode()
    with av.open("out.y4m") as read:
        return next(part for part in line.split() if part.startswith("F")), read.streams.video[0].average_rate

found = {}
for time_base in (1 / rate, Fraction(1, 90000), Fraction(1, 1000)):
    found[time_base] = head(time_base)
    print(f"rate {rate}, time base {time_base}: head {found[time_base][0]}, read back as {found[time_base][1]} frames a second")
right = found[1 / rate] == ("F30000:1001", rate)
wrong = found[Fraction(1, 90000)] == ("F90000:1", 90000) and found[Fraction(1, 1000)] == ("F1000:1", 1000)
sys.exit(0 if right and wrong else 1)
END
venv/bin/python show.py
