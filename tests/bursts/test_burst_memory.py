"""Memory grows by the frames' own pixels, and eight frames of 12 megapixels need less than 2 GB."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="Windows doesn't count memory so")

_WIDTH, _HEIGHT = 1600, 1200
_A_TILE = 15e6  # bytes that a frame's part of a tile takes, whatever the size of the picture
# Steps are left out where they take time but no other memory: what a tile takes, all of it takes.
_CODE = f"""
import resource, sys
import numpy as np
from pocketsr.bursts import fuse, fusion, registration
from pocketsr.engine import load_chroma

registration._GLOBAL_STEPS = registration._LOCAL_STEPS = 1
whole, done = fuse.fused, []

def fused(camera, views, start, noise, refining):
    if not done:
        done.append(whole(camera, views, start, noise, refining))
    return list(start), [0.0] * (len(views) - 1)

fuse.fused = fused
net = load_chroma(2, threads=1)
y, x = np.mgrid[:{_HEIGHT}, :{_WIDTH}]
plane = np.uint8(128 + 60 * np.sin(x / 9) * np.cos(y / 11) + 40 * np.sin((x + y) / 37))
frames = [np.dstack([np.roll(plane, shift, axis=1)] * 3) for shift in range(int(sys.argv[1]))]
scale = 1 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
made = fuse.fuse(frames, net, net)
assert len(made.shares) == len(frames) - 1 and done
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale)
"""


def _peak(count: int) -> tuple[int, int]:
    """Bytes before and at the peak of fusing `count` frames, which are among both."""
    done = subprocess.run([sys.executable, "-c", _CODE, str(count)], capture_output=True, text=True, check=True)
    before, peak = map(int, done.stdout.split())
    return before, peak


def test_memory_is_linear_in_frames_and_small() -> None:
    pixels = _WIDTH * _HEIGHT
    (before, two), (_, five) = _peak(2), _peak(5)
    a_frame = (five - two) / 3
    assert a_frame < 3 * pixels + _A_TILE
    fixed = two - before
    assert before + (fixed + 8 * a_frame) * 12e6 / pixels < 2e9
