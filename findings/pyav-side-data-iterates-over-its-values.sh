#!/bin/bash
# PyAV: frame.side_data is a Mapping that iterates over its values: .items(), .values(), .keys() and dict() fail.
#
# A good guess: frame.side_data is registered as a Mapping, is indexed by type (frame.side_data["MOTION_VECTORS"]) and has
# keys, values and items; so `for kind, data in frame.side_data.items()` and dict(frame.side_data) work.
# What happens: its iterator gives the data, not the keys. The mixed-in methods look up each of those as a key and raise KeyError, whose text is
# the very data that was looked for; `"MOTION_VECTORS" in frame.side_data` is right, `in list(..keys())` is not. On frames without
# side data all of them work, so that the fault shows only with material that has some.
# Why it matters: a tool that lists what hangs on a frame (quantizers, captions, HDR data) works in its tests and fails on films.
# `for data in frame.side_data: data.type` is the way.
#
# Versions: PyAV 18.1.0 (wheel: FFmpeg 8.1.2), numpy 2.4.6, Python 3.11. 2026-11-30. Source: own test.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys
from collections.abc import Mapping
from fractions import Fraction

import av
import numpy as np

print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)


def frames():
    made = av.CodecContext.create("libx264", "w")
    made.width, made.height, made.pix_fmt, made.time_base = 64, 48, "yuv420p", Fraction(1, 30)
    given = av.VideoFrame.from_ndarray(np.zeros((48, 64), np.uint8), "gray").reformat(format="yuv420p")
    given.pts, given.time_base = 0, made.time_base
    decoder = av.CodecContext.create("h264", "r")
    decoder.options = {"export_side_data": "venc_params"}
    packets = made.encode(given) + made.encode(None)
    return [frame for packet in packets for frame in decoder.decode(av.Packet(bytes(packet)))] + decoder.decode(None)


def tried(frame):
    made = {}
    ways = {"dict()": dict, "items()": lambda d: list(d.items()), "values()": lambda d: list(d.values())}
    for name, way in ways.items():
        try:
            made[name] = len(way(frame.side_data))
        except KeyError:
            made[name] = "KeyError"
    return made


frame = frames()[0]
data, with_data, without = frame.side_data, tried(frame), tried(av.VideoFrame(64, 48, "yuv420p"))
print("a Mapping:", isinstance(data, Mapping), "- iterates over", [each.type.name for each in data])
print(f"a frame with {len(data)}:", with_data)
print("a frame without:", without)
sys.exit(not (isinstance(data, Mapping) and len(data) > 0 and set(with_data.values()) == {"KeyError"} and set(without.values()) == {0}))
PYTHON
