#!/bin/bash
# ncnn.Mat of a NumPy array shares the array's memory and holds no reference to it.
#
# A good guess: a view without a copy keeps alive what it shows, as numpy.frombuffer, memoryview and torch.from_numpy do;
# otherwise it is a copy.
# What happens: the Mat follows later changes of the array, and doesn't count as its user. Of an array that nobody else
# holds (`ncnn.Mat(picture / 255)`, `ncnn.Mat(np.ascontiguousarray(crop))`) it is left with an address of memory that is free
# for others. `.clone()` in the same line copies in time.
# Why it matters: the usual one-liners work in a small script and give wrong pictures in a program that allocates much,
# now and then. pocketsr clones.
#
# Versions: ncnn 1.0.20261020 (wheel), numpy 2.4.6, Python 3.11. 2026-11-30. Source: wrong results that came and went in a benchmark.
# The script only looks at who holds whom; it never reads memory that was given back.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ncnn==1.0.20261020 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys
import weakref

import ncnn
import numpy as np

print("ncnn", ncnn.__version__, "numpy", np.__version__)


class Array(np.ndarray):
    """An array that can be asked whether it still lives."""


array = np.zeros((2, 3), np.float32).view(Array)
lives = weakref.ref(array)
count = sys.getrefcount(array)
mat, copy, view = ncnn.Mat(array), ncnn.Mat(array).clone(), memoryview(array)
held = sys.getrefcount(array) - count
array[:] = 7
print("the Mat shows a later change:", float(np.array(mat)[0, 0]), "- its clone:", float(np.array(copy)[0, 0]))
print("references by a Mat and a memoryview:", held)
del view
only_mat = sys.getrefcount(array) - count
del array
print("references by the Mat alone:", only_mat, "- the array lives on:", lives() is not None)
sys.exit(not (held == 1 and only_mat == 0 and lives() is None and np.array(copy)[0, 0] == 0))
PYTHON
