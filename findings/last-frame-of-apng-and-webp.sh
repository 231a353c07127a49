#!/bin/bash
# FFmpeg's muxers for APNG and animated WebP: the last frame is not shown for the duration that its packet has.
#
# A good guess: what holds for GIF holds for all three. A frame's duration, which the encoder is asked to pass on
# (AV_CODEC_FLAG_FRAME_DURATION), goes into the file, or at least the stream's end does.
# What happens: GIF writes it. APNG repeats the delay before it, WebP gets the mean of all the others, without a word.
# Why it matters: an animation that ends with a picture to look at (or begins its loop at once) loses its timing, and a
# round trip through two of these formats changes how long it is. pocketsr writes the last duration into the file anew.
#
# Versions: av (PyAV) 18.1.0 (FFmpeg 8.1), pillow 13.0.0 to read. 2026-11-29. Source: pocketsr issue 22.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 pillow==13.0.0 numpy
cat > last.py <<'END'
import sys
from fractions import Fraction

import av
import numpy as np
import PIL
from PIL import Image

WANTED = [50, 70, 20, 270, 50]  # milliseconds


def written(kind, encoder, pix_fmt, base, options=None):
    with av.open(f"out.{kind}", "w", format=kind) as made:
        stream = made.add_stream(encoder, rate=25)
        stream.width, stream.height, stream.pix_fmt = 40, 30, pix_fmt
        context = stream.codec_context
        context.time_base = stream.time_base = base
        context.options = options or {}
        context.flags |= av.codec.context.Flags.frame_duration.value
        at = 0
        for index, length in enumerate(WANTED):
            frame = av.VideoFrame.from_ndarray(np.full((30, 40, 3), 50 * index, np.uint8), format="rgb24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.duration = round(Fraction(at, 1000) / base), round(Fraction(length, 1000) / base)
            frame.time_base = base
            made.mux(stream.encode(frame))
            at += length
        made.mux(stream.encode(None))
    found = []
    with Image.open(f"out.{kind}") as image:
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            found.append(round(image.info["duration"]))
    print(f"{kind}: {found} ms for {WANTED}")
    return found


print(f"av {av.__version__}, FFmpeg {av.ffmpeg_version_info}, pillow {PIL.__version__}")
gif = written("gif", "gif", "gray", Fraction(1, 100))
apng = written("apng", "apng", "rgba", Fraction(1, 1000))
webp = written("webp", "libwebp_anim", "bgra", Fraction(1, 1000), {"lossless": "1"})
same = gif == WANTED and apng == [*WANTED[:-1], 270] and webp[:-1] == WANTED[:-1] and webp[-1] not in (50, 270)
sys.exit(0 if same else 1)
END
venv/bin/python last.py
