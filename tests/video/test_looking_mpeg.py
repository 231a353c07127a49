"""The quantizers of MPEG-2 and MPEG-4, which FFmpeg tells on one scale, and the strengths that follow."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from pocketsr.source.strength import model_of
from pocketsr.video.looking import look_at_video


def write(path: Path, codec: str, quantizer: int) -> Path:
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (20, 26)).astype(np.float64)
    luma = np.kron(coarse, np.ones((8, 8))) + rng.normal(0, 3, (160, 208))
    with av.open(str(path), "w") as container:
        options = {"qmin": str(quantizer), "qmax": str(quantizer)}
        stream = container.add_stream(codec, rate=Fraction(25), options=options)
        stream.height, stream.width, stream.pix_fmt = 144, 192, "yuv420p"
        for number in range(8):
            part = luma[number : number + 144, number : number + 192].clip(16, 235).astype(np.uint8)
            planes = np.concatenate([part, np.full((72, 192), 128, np.uint8)])
            container.mux(stream.encode(VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("codec", "suffix"), [("mpeg2video", "mpg"), ("mpeg4", "avi"), ("mpeg1video", "mpg")])
def test_finer_quantizers_lose_less(codec: str, suffix: str, tmp_path: Path) -> None:
    """By the picture alone the finest looked as if it had lost most, and went through a network for calls."""
    found = []
    for quantizer in (2, 6, 16):
        seen = look_at_video(write(tmp_path / f"{quantizer}.{suffix}", codec, quantizer))
        assert seen is not None
        assert seen.hints.codec == codec
        assert seen.hints.qp == pytest.approx(2 * quantizer, abs=1)
        assert model_of(seen.hints) == "qp"
        found.append(seen.strength)
    assert found[0] < found[1] < found[2]
    assert found[0] < 0.3
