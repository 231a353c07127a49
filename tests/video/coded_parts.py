"""H.264 whose quantizer changes from one part to the next."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

__all__ = ["coded_parts"]


def coded_parts(
    path: Path, strip: NDArray[np.uint8], parts: Sequence[tuple[int, int]], *, width: int, fps: int, step: int
) -> Path:
    """Parts of so many frames of a quantizer, one key frame each. An MPEG-TS keeps the headers of each encoder.

    strip: grey, as high as a frame; each frame shows `width` columns of it, `step` columns on from the one before.
    """
    height = len(strip)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        number = 0
        for frames, qp in parts:
            encoder = av.CodecContext.create("libx264", "w")
            assert isinstance(encoder, av.VideoCodecContext)
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
            encoder.options = {"preset": "ultrafast", "bf": "0", "x264-params": f"keyint=1000:scenecut=0:qp={qp}"}
            packets = []
            for _ in range(frames):
                grey = np.ascontiguousarray(strip[:, step * number : step * number + width])
                chroma = np.full((height // 2, width), 128, np.uint8)
                frame = av.VideoFrame.from_ndarray(np.vstack([grey, chroma]), format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, fps)
                packets += encoder.encode(frame)
                number += 1
            for packet in packets + encoder.encode(None):
                packet.stream = stream
                container.mux(packet)
    return path
