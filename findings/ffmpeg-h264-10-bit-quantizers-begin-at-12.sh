#!/bin/bash
# The quantizers that FFmpeg exports of decoded H.264 (AVVideoEncParams) are 12 higher where samples have 10 bits.
#
# A good guess: H.264's QP goes from 0 to 51, and for more bits down to -12 (10 bits), so that one QP means one step of
# the sample's range whatever the depth (QP_Y in ITU-T H.264, 7.4.2.2). A decoder exports that, `-qp 30` asks for it.
# What happens: both speak of QP'_Y = QP_Y + QpBdOffset_Y. At the same crf the two depths have the same error, and the
# exported numbers differ by 12; at the same qp the exported numbers are the same, and 10 bits have a third of the error.
# Nothing in the side data says which depth it is of.
# Why it matters: who estimates from QP how much a video lost (to choose a network, or a filter's strength) takes every
# 10-bit file for a broken one, and who compares depths at one -qp compares 30 with 18.
#
# Versions: PyAV 18.1.0 (FFmpeg 8.1, libx264). 2026-11-29. Source: measured while building `-m auto`, pocketsr issue 21;
# libavcodec/h264_picture.c and h264_slice.c, where qscale holds QP'_Y.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy
cat > show.py <<'END'
import struct
import sys
from fractions import Fraction

import av
import numpy as np

print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
rng = np.random.default_rng(0)
texture = np.kron(rng.uniform(0.2, 0.8, (18, 32)), np.ones((8, 8))) + rng.normal(0, 0.02, (144, 256))

def sent(pix_fmt, depth, **rate):
    """(median of the exported QPs, error in thousandths of the range)"""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 256, 144, pix_fmt, Fraction(1, 25)
    encoder.options = {"preset": "veryfast", "x264-params": "ipratio=1:aq-mode=0"} | rate
    top = 2**depth - 1
    kind = np.uint8 if depth == 8 else np.uint16
    frame = av.VideoFrame(256, 144, pix_fmt)
    luma = np.clip(np.rint(texture * top), 0, top).astype(kind)
    for plane, values in zip(frame.planes, (luma, np.full((72, 128), top // 2, kind), np.full((72, 128), top // 2, kind))):
        rows = np.zeros((plane.height, plane.line_size // values.itemsize), kind)
        rows[:, : values.shape[1]] = values
        plane.update(rows.tobytes())
    frame.pts = 0
    packets = encoder.encode(frame) + encoder.encode(None)
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = encoder.extradata
    decoder.options = {"export_side_data": "venc_params"}
    (decoded,) = [each for packet in (*packets, None) for each in decoder.decode(packet)]
    (data,) = [bytes(each) for each in decoded.side_data if each.type.name == "VIDEO_ENC_PARAMS"]
    base = struct.unpack_from("@INNii", data)[4]
    count, offset, size = struct.unpack_from("@INN", data)
    blocks = [base + struct.unpack_from("@i", data, offset + k * size + 16)[0] for k in range(count)]
    plane = decoded.planes[0]
    rows = np.frombuffer(bytes(plane), kind).reshape(plane.height, -1)[:, :256]
    return float(np.median(blocks)), 1000 * float(np.sqrt(np.mean((rows / top - luma / top) ** 2)))

found = {}
for way in ("crf", "qp"):
    for depth, pix_fmt in ((8, "yuv420p"), (10, "yuv420p10le")):
        qp, error = found[way, depth] = sent(pix_fmt, depth, **{way: "30"})
        print(f"{way} 30, {depth} bits: exported QP {qp:.0f}, error {error:.1f} thousandths of the range")
same_crf = found["crf", 10][0] - found["crf", 8][0] == 12 and 0.65 < found["crf", 10][1] / found["crf", 8][1] < 1.35
same_qp = found["qp", 10][0] == found["qp", 8][0] and found["qp", 10][1] < 0.5 * found["qp", 8][1]
sys.exit(0 if same_crf and same_qp else 1)
END
venv/bin/python show.py
