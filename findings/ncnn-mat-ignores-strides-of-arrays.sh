#!/bin/bash
# ncnn.Mat of a NumPy array takes its address and shape, not its strides: a crop or a transposed picture is read wrongly.
#
# A good guess: ncnn.Mat(array) uses the buffer protocol, as memoryview and torch.from_numpy do: it follows the strides, copies
# where it can't, or refuses ("ndarray is not C-contiguous"). `ncnn.Mat(array)` is how the project's own Python examples feed networks.
# What happens: the numbers that lie in memory from the first one on, in the array's shape, without a word. Every second column, a crop, a
# picture moved from H W C to C H W by transpose: the network sees other pixels. np.ascontiguousarray before it mends it,
# but the array has to be kept by name: the Mat doesn't hold it (the other finding on ncnn.Mat).
# Why it matters: a crop of a picture's middle shows sheared lines; with a picture that is nearly flat it looks like a bad network.
#
# Versions: ncnn 1.0.20261020 (wheel), numpy 2.4.6, Python 3.11. 2026-11-30. Source: own test.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ncnn==1.0.20261020 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys

import ncnn
import numpy as np

print("ncnn", ncnn.__version__, "numpy", np.__version__)
whole = np.arange(4 * 6, dtype=np.float32).reshape(4, 6)
views = {
    "as it is": whole,
    "every second column": whole[:, ::2],
    "a crop": whole[1:3, 2:5],
    "H W C made C H W": np.moveaxis(whole.reshape(4, 3, 2), -1, 0),
}
right = {}
for name, view in views.items():
    seen = np.array(ncnn.Mat(view))
    right[name] = bool(seen.shape == view.shape and np.array_equal(seen, view))
    in_a_row = whole.ravel()[(view.ravel()[0]).astype(int):][: view.size]
    print(f"{name}: right {right[name]}, what lies there in a row {bool(np.array_equal(seen.ravel(), in_a_row))}")
    held = np.ascontiguousarray(view)
    right[name + ", contiguous"] = bool(np.array_equal(np.array(ncnn.Mat(held)), view))
sys.exit([name for name, good in right.items() if not good] != list(views)[1:])
PYTHON
