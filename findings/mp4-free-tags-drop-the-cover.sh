#!/bin/bash
# MP4: asking for tags of any name drops the cover picture, without a word.
#
# A good guess: `movflags use_metadata_tags` adds tags that MP4's own list has no name for, and changes nothing else.
# What happens: the muxer then writes its key-value box in place of the one that also holds covers. The stream of the cover
# (attached_pic) is accepted, its packet too, and the file has none. Dropped either way: the cover with it, the tag without.
# Why it matters: films saved from the web carry both, a thumbnail and tags such as PURL; a remux keeps one of them.
#
# Versions: PyAV 18.1.0 (wheel, FFmpeg 8.1.2). 2026-11-28. Source: own attack on pocketsr issue 17.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0
cat > show.py <<'END'
import av, sys
from fractions import Fraction
from av.stream import Disposition
print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)

def picture():
    coder = av.codec.CodecContext.create("png", "w")
    coder.width = coder.height = 16
    coder.pix_fmt, coder.time_base = "rgb24", Fraction(1, 25)
    return b"".join(bytes(p) for f in (av.VideoFrame(16, 16, "rgb24"), None) for p in coder.encode(f))

def write(path, options):
    with av.open(path, "w", container_options=options) as out:
        out.metadata.update({"title": "a film", "purl": "https://example.org"})
        film = out.add_stream("mpeg4", rate=25)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        cover = out.add_mux_stream("png", width=16, height=16, time_base=Fraction(1, 1000))
        cover.disposition = Disposition.attached_pic
        for index in range(3):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = index
            out.mux(film.encode(frame))
            if not index:
                packet = av.Packet(picture())
                packet.pts = packet.dts = 0
                packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 1000), cover, True
                out.mux(packet)
        out.mux(film.encode(None))

found = []
for name, options in (("plain", {}), ("use_metadata_tags", {"movflags": "use_metadata_tags"})):
    write("out.mp4", options)
    with av.open("out.mp4") as made:
        covers = sum(bool(s.disposition & Disposition.attached_pic) for s in made.streams)
        found.append((covers, "purl" in {key.lower() for key in made.metadata}))
    print(f"{name}: written without an error; covers {found[-1][0]}, tag purl kept: {found[-1][1]}")
sys.exit(0 if found == [(1, False), (0, True)] else 1)
END
venv/bin/python show.py
