#!/bin/bash
# MP4 takes PCM sound, all of its packets, and refuses it when the file is closed.
#
# A good guess: a muxer that writes the header has accepted the streams; what it can not hold, it refuses there.
# What happens: PCM out of Matroska, which stores no channel layout, comes as "2 channels". FFmpeg lists PCM for MP4, writes
# the header and takes every packet; only the trailer fails, "Invalid argument", with the reason ("unsupported channel layout
# 2 channels") in the log alone, and the file has no index. Setting the layout (stereo) before the header mends it.
# Why it matters: whoever encodes a film and copies its sound learns it after the work of hours, and has no file.
#
# Versions: PyAV 18.1.0 (wheel, FFmpeg 8.1.2). 2026-11-28. Source: a user-like MKV with PCM, pocketsr issue 17.
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
# A Matroska file with PCM sound, whose format has no field for a channel layout, and H.264.
with av.open("in.mkv", "w") as out:
    film = out.add_stream("libx264", rate=25)
    film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
    sound = out.add_stream("pcm_s16le", rate=48000)
    for index in range(10):
        frame = av.VideoFrame(64, 48, "yuv420p")
        frame.pts = index
        out.mux(film.encode(frame))
        part = av.AudioFrame(format="s16", layout="stereo", samples=1920)
        part.sample_rate, part.pts = 48000, index * 1920
        out.mux(sound.encode(part))
    out.mux(film.encode(None))
source = av.open("in.mkv")
print("layout read back:", source.streams.audio[0].layout.name)
out = av.open("out.mp4", "w")
to = {s.index: out.add_stream_from_template(s, opaque=True) for s in source.streams}
out.start_encoding()
print("header: written")
count = 0
for packet in source.demux():
    if packet.size:
        packet.stream = to[packet.stream_index]
        out.mux(packet)
        count += 1
print("packets:", count, "written, without an error")
try:
    out.close()
except av.FFmpegError as error:
    print("trailer:", error)
    sys.exit(0)
print("trailer: written")
sys.exit(1)
END
venv/bin/python show.py
