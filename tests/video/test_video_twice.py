"""The same frames and options give the same file, whatever memory held before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ENCODE = """
import sys
import numpy as np
from pocketsr import Frame, VideoFileSink
noise, width, height = np.random.default_rng(5), int(sys.argv[2]), 64
y, x = np.mgrid[:height, :width]
scene = 128 + 60 * np.sin(x / 7) + 40 * np.cos(y / 5 + x / 11)
with VideoFileSink(sys.argv[1], rate=25, threads=1) as sink:
    for index in range(14):
        luma = np.clip(np.roll(scene, index, 1) + noise.normal(0, 3, scene.shape), 0, 255).astype(np.uint8)
        sink.write(Frame.from_array("gray", luma))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="MALLOC_PERTURB_ is the GNU C library's")
@pytest.mark.parametrize("width", [96, 144, 256])
def test_the_same_frames_give_the_same_file(tmp_path: Path, width: int) -> None:
    """x264's code for AVX-512 reads what nobody wrote, in pictures whose width is no multiple of 128."""
    made = []
    for byte in ("0", "1", "170"):
        path = tmp_path / f"{byte}.mp4"
        environment = {**os.environ, "MALLOC_PERTURB_": byte}
        subprocess.run([sys.executable, "-c", _ENCODE, str(path), str(width)], check=True, env=environment)
        made.append(path.read_bytes())
    assert made[0] == made[1] == made[2]
