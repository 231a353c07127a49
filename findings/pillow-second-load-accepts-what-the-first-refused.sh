#!/bin/bash
# A good guess: a picture that Pillow can't decode (OSError "broken data stream") can't be had from the same object.
# What really happens: the first load() raises, and every later one succeeds. convert(), numpy.asarray(), save() and
#   ImageOps.exif_transpose() then give the part that was decoded, with black below it. So code that catches an error of
#   something that loads in passing (exif_transpose, thumbnail), and goes on with the picture, writes half pictures.
# Versions: Pillow 13.0.0, numpy 2.2.6 (Python 3.11).  Date: 2026-11-28.
# Source: pocketsr took a rotten PNG for one with rotten EXIF data, since exif_transpose had raised; ImageFile.load
#   leaves the tiles emptied by the failed call, and without tiles there is nothing left to decode.
# Why it matters: batch tools that mend orientation in a `try` publish half black pictures with exit code 0.
# Exits with 1 where the behaviour is another.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q "pillow==13.0.0" "numpy==2.2.6"
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import PIL
from PIL import Image

print("Pillow", PIL.__version__)
y, x = np.mgrid[:512, :512]
pixels = np.stack([x % 255 + 1, y % 255 + 1, (x * y) % 255 + 1], axis=-1).astype(np.uint8)  # nowhere black
Image.fromarray(pixels).save("whole.png")
content = bytearray(open("whole.png", "rb").read())
content[len(content) // 2 : len(content) // 2 + 20] = bytes(20)
open("rotten.png", "wb").write(content)
said = []
with Image.open("rotten.png") as image:
    for attempt in ("first", "second"):
        try:
            image.load()
            got = np.asarray(image)
            said.append(f"done, {np.mean((got == 0).all(axis=(1, 2))):.0%} of the rows are black")
        except OSError as error:
            said.append(f"OSError: {error}")
        print(f"{attempt} load():", said[-1])
black = np.mean((got == 0).all(axis=(1, 2)))
sys.exit(0 if said[0].startswith("OSError") and said[1].startswith("done") and black > 0.2 else 1)
PYTHON
