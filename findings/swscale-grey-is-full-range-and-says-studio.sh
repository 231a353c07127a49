#!/bin/bash
# FFmpeg: `gray` made of studio-range video is stretched to full range, and says that it is studio range.
#
# A good guess: converting yuv420p to gray keeps the luma plane as it is and drops the others, as for yuv444p to yuv420p: 16 stays
# black. PyAV's to_ndarray(format="gray") and the filter format=gray are the usual way to luma for PSNR, SSIM and networks.
# What happens: swscale takes grey for full range whatever the frame says: 126 becomes 128, 16 becomes 0, 235 becomes 255. The frame that comes
# out is still tagged MPEG (studio) range. Planes as such (frame.planes[0], the filter extractplanes=y) keep their numbers. Video
# tagged full range isn't stretched, so two files with the same luma plane give different grey.
# Why it matters: errors of grey are 255/219 as large: PSNR is 1.32 dB lower than of the luma plane, as large as the difference
# between many published networks; and who trusts the tag and stretches again clips black and white.
#
# Versions: PyAV 18.1.0 (wheel: FFmpeg 8.1.2, libswscale 9.5), numpy 2.4.6, Python 3.11. 2026-11-30. Source: own test.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys

import av
import numpy as np

print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
STUDIO, FULL = 1, 2


def frame(luma, span):
    made = av.VideoFrame(luma.shape[1], luma.shape[0], "yuv420p")
    for plane, values in zip(made.planes, (luma, np.full((32, 32), 128, np.uint8), np.full((32, 32), 128, np.uint8))):
        padded = np.zeros((plane.height, plane.line_size), np.uint8)
        padded[:, : plane.width] = values
        plane.update(padded)
    made.color_range = span
    return made


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2))


rng = np.random.default_rng(0)
luma = rng.integers(30, 220, (64, 64)).astype(np.uint8)
noisy = (luma + rng.integers(-9, 10, luma.shape)).clip(16, 235).astype(np.uint8)
levels = np.repeat(np.array([16, 126, 235, 180], np.uint8), 16)[None].repeat(64, 0)
grey = {}
for name, span in (("studio", STUDIO), ("full", FULL)):
    made = frame(levels, span).reformat(format="gray")
    grey[name] = made.to_ndarray()[0, ::16].tolist()
    print(f"luma 16, 126, 235, 180 of {name} range becomes {grey[name]}, tagged {'studio' if made.color_range == STUDIO else 'full'}")
    same_tag = made.color_range == span
both = [frame(each, STUDIO).reformat(format="gray").to_ndarray() for each in (luma, noisy)]
lost = psnr(luma, noisy) - psnr(*both)
print(f"PSNR of the luma planes {psnr(luma, noisy):.2f} dB, of grey {psnr(*both):.2f} dB: {lost:.2f} lower")
sys.exit(not (grey["studio"] == [0, 128, 255, 191] and grey["full"] == [16, 126, 235, 180] and same_tag and 1.2 < lost < 1.45))
PYTHON
