"""The npm package in `web/`: built by tsc, its own tests run by Node, with networks exported here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pocketsr.engine import load
from pocketsr.export.wasm import export

WEB = Path(__file__).parents[2] / "web"
SIZES = [(1, 1), (67, 31), (130, 9), (64, 48)]  # (width, height), as in web/test/upscaler.test.mjs


@pytest.fixture(scope="module")
def built() -> dict[str, str]:
    """The environment in which the package's tests run; it is built."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node or npm is not installed: the tests of web/ weren't run")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < 20:
        pytest.skip(f"Node {version} is too old for the tests of web/: 20 or later is needed")
    installed = WEB / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"], cwd=WEB, capture_output=True, text=True, check=False
        )
        if done.returncode and any(
            word in done.stderr for word in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT")
        ):
            pytest.skip("npm can't reach its registry: the tests of web/ weren't run")
        assert done.returncode == 0, done.stderr[-2000:]
    done = subprocess.run([npm, "run", "build"], cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return {**os.environ, "NODE": node}


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
