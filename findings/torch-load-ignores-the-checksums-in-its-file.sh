#!/bin/bash
# A good guess: torch.save writes a ZIP archive with a CRC-32 of each tensor, so torch.load notices a flipped bit.
# What really happens: torch.load never compares them. One flipped bit turns a weight of 500 into 125, without an
#   error or a warning, while `zipfile.ZipFile(...).testzip()` of Python's own library names the damaged record.
#   (torch.serialization.set_crc32_options only says whether the sums are written.)
# Versions: torch 2.13.0, numpy 2.2.6 (Python 3.11).  Date: 2026-11-28.
# Source: found while damaged checkpoints were tried on pocketsr's --resume; PyTorch's reader is built with
#   MINIZ_DISABLE_ZIP_READER_CRC32_CHECKS (caffe2/serialize, third_party/miniz).
# Why it matters: a checkpoint that a disk or a copy has damaged trains on, or ships, with other weights. Whoever keeps
#   checkpoints needs no checksum of their own: that of the archive is there, it only has to be asked for.
# Exits with 1 where the behaviour is another.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q "torch==2.13.0" "numpy==2.2.6"
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import struct
import sys
import zipfile

import torch

print("torch", torch.__version__)
torch.save({"weight": torch.arange(1000.0)}, "net.pt")
content = bytearray(open("net.pt", "rb").read())
content[content.find(struct.pack("<f", 500.0)) + 3] ^= 1
open("net.pt", "wb").write(content)
loaded = torch.load("net.pt", weights_only=True)["weight"]
damaged = zipfile.ZipFile("net.pt").testzip()
print("torch.load: no error; weight 500 is", loaded[500].item())
print("zipfile.testzip: damaged record", damaged)
sys.exit(0 if loaded[500].item() == 125.0 and damaged == "net/data/0" else 1)
PYTHON
