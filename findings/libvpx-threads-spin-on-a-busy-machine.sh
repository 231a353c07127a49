#!/bin/bash
# Two threads of libvpx's VP8 encoder on one free processor take ten times the processor time of one.
#
# A good guess: threads that wait for each other sleep; where there are fewer processors than threads, two threads take
# as long as one, and a little more for switching.
# What happens: rows wait for the row above in a loop that doesn't sleep. While the other thread isn't running, that loop
# takes its whole time slice: 12 times the processor time and the wall time of one thread.
# Why it matters: calls run beside other programs, in containers with a share of a processor, on phones. An encoder with
# "threads = number of cores" then turns 15 ms a frame into 180, exactly when time is short.
#
# Versions: PyAV 18.1.0 (wheel, FFmpeg 8.1.2, libvpx inside). 2026-11-29. Source: measured at 1280x720 on a loaded
# machine while building `pocketsr serve` (53 ms a frame against 540), pocketsr issue 22. Linux: it pins itself.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > show.py <<'END'
import os, sys, time
from fractions import Fraction
import av
import numpy as np
print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one processor

def frames(count, width=1280, height=720):
    wide = (127 + 60 * np.sin(np.add.outer(np.arange(height) / 17, np.arange(width * 2) / 23))).astype(np.uint8)
    for number in range(count):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = wide[:, 3 * number : 3 * number + width]
        frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 30)
        yield frame

def seconds(threads):
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt, codec.bit_rate = 1280, 720, "yuv420p", 2_700_000
    codec.time_base, codec.framerate, codec.thread_count = Fraction(1, 30), Fraction(30), threads
    codec.options = {"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0"}
    began = time.process_time()
    for frame in clip:
        codec.encode(frame)
    return time.process_time() - began

clip = list(frames(12))
one, two = min(seconds(1), seconds(1)), min(seconds(2), seconds(2))
print(f"processor time of 12 frames: one thread {one:.2f} s, two threads {two:.2f} s, {two / one:.1f} times")
sys.exit(0 if two > 3 * one else 1)
END
venv/bin/python show.py
