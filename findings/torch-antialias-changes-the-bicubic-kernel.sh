#!/bin/bash
# torch's F.interpolate(mode="bicubic"): antialias=True changes the kernel too, so that enlarging gives another picture.
#
# A good guess: antialias widens the kernel when a picture is shrunk; when it is enlarged there is nothing to widen, and the flag
# changes nothing.
# What happens: without it the cubic has a = -0.75 (as OpenCV's), with it a = -0.5 (as Pillow's and MATLAB's). One white pixel of 255
# enlarged twice reaches 197 or 192 at most and overshoots by 24 or 16 levels.
# Why it matters: "bicubic" is the baseline that every super-resolution network is compared with, and the skip that many add to. The
# two differ by tenths of a dB on test sets, and only the second is the papers' bicubic.
#
# Versions: torch 2.13.0, numpy 2.4.6, Python 3.11. 2026-11-30. Source: own test; aten/src/ATen/native/UpSample.h has both numbers.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys

import torch
import torch.nn.functional as F


def cubic(t, a):
    t = abs(t)
    near, far = (a + 2) * t**3 - (a + 3) * t**2 + 1, a * (t**3 - 5 * t**2 + 8 * t - 4)
    return near if t <= 1 else far if t < 2 else 0.0


print("torch", torch.__version__)
x = torch.zeros(1, 1, 16, 16)
x[..., 8, 8] = 255
good = []
for antialias, a in ((False, -0.75), (True, -0.5)):
    y = F.interpolate(x, scale_factor=2, mode="bicubic", antialias=antialias)[0, 0]
    expected = torch.tensor([[cubic((j + 0.5) / 2 - 0.5 - 8, a) for j in range(32)]])
    expected = 255 * expected.T @ expected
    good.append(bool((y - expected).abs().max() < 1e-3))
    print(f"antialias={antialias}: from {y.min():.1f} to {y.max():.1f}, the cubic of a = {a}: {good[-1]}")
sys.exit(not all(good))
PYTHON
