"""VMAF (Li et al., Netflix 2016, model vmaf_v0.6.1) by Netflix's own libvmaf, which some builds of FFmpeg carry."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.errors import UserError

__all__ = ["find_ffmpeg", "vmaf", "vmaf_and_neg"]

Plane = NDArray[np.uint8]
_MODELS = {"vmaf": "vmaf_v0.6.1", "neg": "vmaf_v0.6.1neg"}

_MEND = "pip install 'pocketsr[call]', or leave VMAF out with --no-vmaf"


def find_ffmpeg() -> str:
    """An ffmpeg with libvmaf: imageio-ffmpeg's or the system's. Raises UserError where there is none."""
    found = [ffmpeg for ffmpeg in (_packaged(), shutil.which("ffmpeg")) if ffmpeg]
    for ffmpeg in found:
        asked = subprocess.run([ffmpeg, "-hide_banner", "-filters"], capture_output=True, text=True, check=False)
        if " libvmaf " in asked.stdout:
            return ffmpeg
    what = f"{' and '.join(found)} lack it" if found else "there is no ffmpeg"
    raise UserError(f"VMAF needs an ffmpeg with libvmaf, and {what}: {_MEND}")


def _packaged() -> str | None:
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # not installed; or no executable for this system
        return None


def vmaf(ffmpeg: str, frames: Sequence[Plane], reference: Sequence[Plane]) -> float:
    """Mean over frames, 0..100, of studio luma (H, W) of even sides against the reference; `ffmpeg` has libvmaf.

    Raises UserError with FFmpeg's last words where it can't be computed.
    """
    return float(_pooled(ffmpeg, frames, reference, "")["vmaf"]["mean"])


def vmaf_and_neg(
    ffmpeg: str, frames: Sequence[Plane], reference: Sequence[Plane], every: int = 1
) -> tuple[float, float]:  # fmt: skip
    """As `vmaf`, and by the model that doesn't reward sharpening (NEG); of every so many frames, both 0..100."""
    models = "|".join(f"version={version}\\\\:name={name}" for name, version in _MODELS.items())
    pooled = _pooled(ffmpeg, frames, reference, f"model={models}:n_subsample={every}:")
    first, second = (min(max(float(pooled[name]["mean"]), 0.0), 100.0) for name in _MODELS)
    return first, second


def _pooled(ffmpeg: str, frames: Sequence[Plane], reference: Sequence[Plane], options: str) -> dict[str, Any]:
    height, width = reference[0].shape
    with tempfile.TemporaryDirectory() as folder:
        inputs = []
        for name, planes in (("frames", frames), ("reference", reference)):
            _write(Path(folder) / name, planes)
            inputs += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-i", name]
        score = ["-lavfi", f"libvmaf={options}log_fmt=json:log_path=log", "-f", "null", "-"]
        done = subprocess.run(
            [ffmpeg, "-hide_banner", "-nostdin", *inputs, *score],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        log = Path(folder) / "log"
        if done.returncode != 0 or not log.exists():
            raise UserError(f"{ffmpeg} can't compute VMAF ({' '.join(done.stderr.split()[-20:])}): {_MEND}")
        pooled: dict[str, Any] = json.loads(log.read_text())["pooled_metrics"]
        return pooled


def _write(path: Path, planes: Sequence[Plane]) -> None:
    """Raw yuv420p with grey chroma: FFmpeg would stretch grey pictures, which it takes for full range."""
    chroma = bytes([128]) * (planes[0].size // 2)
    with path.open("wb") as file:
        for plane in planes:
            file.write(plane.tobytes())
            file.write(chroma)
