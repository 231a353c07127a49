"""One report for videos, images and the verb."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pocketsr
from pocketsr.engine import load, load_chroma
from pocketsr.image import upscale_image_file
from pocketsr.report import Percentiles


def test_it_tells_the_gist() -> None:
    stage = Percentiles(1.0, 2.0)
    report = pocketsr.Report(12, 0.5, (64, 48), stage, stage, stage, 0.1, 0.2, 0.3, "ffv1 (lossless), gray", 0, ["a"])
    assert report.fps == 24.0
    assert repr(report) == "<Report 12 frames to 64x48 in 0.50 s, 24.0 fps, ffv1 (lossless), gray, 1 warning>"
    with pytest.raises(AttributeError):
        report.frames = 3  # type: ignore[misc]


def test_an_image_is_one_frame_without_an_encoder(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "a.png")
    report = upscale_image_file(tmp_path / "a.png", tmp_path / "b.png", load("bicubic"), load_chroma(2))
    assert isinstance(report, pocketsr.Report)
    assert (report.frames, report.size, report.encoder, report.replaced) == (1, (16, 12), None, None)
    busy = report.decode_busy_s + report.upscale_busy_s + report.encode_busy_s
    assert report.seconds == pytest.approx(busy)
    assert report.upscale_ms.p50 == report.upscale_ms.p99 == pytest.approx(1e3 * report.upscale_busy_s)
    assert repr(report).startswith("<Report 1 frame to 16x12 in ")
