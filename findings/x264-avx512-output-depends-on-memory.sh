#!/bin/bash
# libx264 with AVX-512: the same frames and settings, one thread, and yet another stream from run to run.
#
# A good guess: x264 is deterministic unless it is asked not to be; with one thread in any case. Its lookahead's
# results are the same whatever instructions the processor has.
# What happens: on a processor with AVX-512, with the macroblock tree and B-frames placed by cost (presets faster to slow),
# streams of pictures whose width is no multiple of 128 depend on what the process's memory held before. The GNU C
# library's MALLOC_PERTURB_, which fills new memory with a byte, shows it at once; without it one run in some hundreds
# differs. asm=AVX2, mbtree=0 or b-adapt=0 give the same stream each time, and so does each multiple of 128 tried.
# Why it matters: a video that is made twice isn't the same file, comparisons of builds by their outputs fail now and
# then, and parts that were made on two machines don't join as if one had made them. asm=AVX2 costs no time to speak of.
#
# Versions: PyAV 18.1.0 (wheel, FFmpeg 8.1.2, x264 core 165). 2026-11-30. Source: a test of pocketsr that failed one time
# in some hundreds, on machines with AVX-512 alone.
set -e
grep -q avx512bw /proc/cpuinfo || { echo "this processor has no AVX-512: nothing to see"; exit 0; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > encode.py <<'END'
import hashlib, os, sys
from fractions import Fraction
import av, numpy as np

def stream(width, options):
    height = 64
    noise = np.random.default_rng(width)
    y, x = np.mgrid[:height, :width]
    scene = 128 + 60 * np.sin(x / 7) + 40 * np.cos(y / 5 + x / 11)
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.thread_count = Fraction(1, 25), Fraction(25), 1
    encoder.options = {"preset": "fast", "crf": "18", **options}
    packets = []
    for index in range(14):
        luma = np.clip(np.roll(scene, index, 1) + noise.normal(0, 3, scene.shape), 0, 255).astype(np.uint8)
        planes = np.vstack([luma, np.full((height // 2, width), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = index, encoder.time_base
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return hashlib.sha256(b"".join(map(bytes, packets))).hexdigest()[:8]

for width in (96, 144, 208, 128, 256):
    ways = {"as it is": {}, "asm=AVX2": {"x264-params": "asm=AVX2"}, "mbtree=0": {"x264-params": "mbtree=0"}}
    for name, options in ways.items():
        print(f"{width} {name}: {stream(width, options)}")
END
venv/bin/python -c 'import av; print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)'
for byte in 0 1 170; do MALLOC_PERTURB_=$byte venv/bin/python encode.py > "with-$byte"; done
paste -d'|' with-0 with-1 with-170 | awk -F'[:|]' '{ same = $2 == $4 && $4 == $6; print $1 ":", $2, $4, $6, same ? "the same" : "differ" }' | tee all
grep -qE "^96 as it is.*differ" all && grep -qE "^144 as it is.*differ" all && grep -qE "^208 as it is.*differ" all
! grep -E "^(128|256) |asm=AVX2|mbtree=0" all | grep -q differ
