#!/bin/bash
# Pillow and a PNG in 2 or 4 bits of grey with a transparent level: the pixels are stretched to 0..255, the level isn't.
#
# A good guess: a PNG may name one grey level that is transparent (tRNS). Pillow opens every depth as 8 bits and keeps the level in
# info["transparency"], which convert("RGBA") uses; so it counts in the same units as the pixels.
# What happens: for 8 bits it does, for 1 bit too (0 or 255). For 2 and 4 bits the pixels are stretched (1 becomes 85 or 17) and
# the level stays 1: convert("RGBA"), thumbnails and saving as WebP make nothing transparent, or, where a stretched level happens to
# equal it (0), the right one by chance.
# Why it matters: such files are what optimisers make of icons, scans and drawings; they get their background back. pocketsr
# stretches the level itself.
#
# Versions: Pillow 13.0.0, Python 3.11. 2026-11-30. Source: own test of every depth against libpng's rules (PNG specification, 11.3.2.1).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0
venv/bin/python - <<'PYTHON'
import io
import struct
import sys
import zlib

import PIL
from PIL import Image

print("Pillow", PIL.__version__)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(bits, level):
    """8 pixels in a row: 0, 1, 2, .. as far as the depth goes, again and again; `level` is transparent."""
    row = 0
    for number in range(8):
        row = row << bits | number % (1 << bits)
    head = struct.pack(">IIBBBBB", 8, 1, bits, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" + row.to_bytes(bits, "big"))
    chunks = ((b"IHDR", head), (b"tRNS", struct.pack(">H", level)), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


right = []
for bits in (1, 2, 4, 8):
    image = Image.open(io.BytesIO(png(bits, 1)))
    alpha = list(image.convert("RGBA").getchannel("A").tobytes())
    expected = [0 if number % (1 << bits) == 1 else 255 for number in range(8)]
    right.append(alpha == expected)
    print(f"{bits} bits: pixels {list(image.convert('L').tobytes())}, transparency {image.info['transparency']}, alpha {alpha}")
sys.exit(right != [True, False, False, True])
PYTHON
