#!/bin/bash
# VP9 (and VP8) with alpha in MP4: no error, no warning, no alpha.
#
# A good guess: an encoder that takes yuva420p and a container that takes its codec keep the alpha plane, or one refuses.
# What happens: libvpx codes alpha as a second stream that FFmpeg hands on as data beside each packet. Only the Matroska
# muxer writes that data (BlockAdditional); the MP4 muxer takes the same stream and drops it silently.
# Why it matters: a clip with transparency that is made into an .mp4 is opaque, and every step said yes.
#
# Versions: PyAV 18.1.0 (wheel, FFmpeg 8.1.2, libvpx). 2026-11-28. Source: own test of VP8 and VP9 alpha, pocketsr issue 17.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > show.py <<'END'
import av, sys
import numpy as np
from av.codec import CodecContext
print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)

def write(path):
    with av.open(path, "w") as out:
        film = out.add_stream("libvpx-vp9", rate=25, options={"auto-alt-ref": "0"})
        film.width, film.height, film.pix_fmt = 64, 48, "yuva420p"
        film.metadata["alpha_mode"] = "1"
        for index in range(5):
            frame = av.VideoFrame(64, 48, "yuva420p")
            for plane, value in zip(frame.planes, (90, 128, 128, 40)):
                plane.update(bytes([value]) * plane.buffer_size)
            frame.pts = index
            out.mux(film.encode(frame))
        out.mux(film.encode(None))

def alpha(path):
    with av.open(path) as source:
        decoder = CodecContext.create("libvpx-vp9", "r")
        for packet in source.demux(video=0):
            for frame in decoder.decode(packet):
                if frame.format.name == "yuva420p":
                    return int(np.frombuffer(frame.planes[3], np.uint8)[0])
                return None

found = {}
for name in ("out.webm", "out.mp4"):
    write(name)
    found[name] = alpha(name)
    print(name, "written without an error; alpha read back:", found[name], "(was 40)")
sys.exit(0 if found["out.mp4"] is None and found["out.webm"] is not None and abs(found["out.webm"] - 40) < 4 else 1)
END
venv/bin/python show.py
