"""The npm package in `web/`: built by tsc, its own tests run by Node, with networks exported here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from pocketsr.engine import load
from pocketsr.export.wasm import export

WEB = Path(__file__).parents[2] / "web"
SIZES = [(1, 1), (67, 31), (130, 9), (64, 48)]  # (width, height), as in web/test/upscaler.test.mjs


def test_its_own_tests(built: dict[str, str], tmp_path: Path) -> None:
    """Governor traces, size budget, strips on workers with the native bits, bicubic where there is no SIMD."""
    export("small-w8a8", tmp_path)
    native = load("small-w8a8", threads=1)
    random = np.random.default_rng(3)
    for width, height in SIZES:
        picture = random.integers(0, 256, (height, width), np.uint8)
        (tmp_path / f"{width}x{height}.in").write_bytes(picture.tobytes())
        (tmp_path / f"{width}x{height}.expected").write_bytes(native(picture).tobytes())
    files = sorted(str(path) for path in (WEB / "test").glob("*.test.mjs"))
    done = subprocess.run(
        [built["NODE"], "--test", "--test-reporter=tap", *files],
        cwd=WEB,
        env={**built, "POCKETSR_NETWORKS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "# skipped 0" in done.stdout
    assert "# pass 0" not in done.stdout


def test_versions_agree() -> None:
    import pocketsr

    assert json.loads((WEB / "package.json").read_text())["version"] == pocketsr.__version__
