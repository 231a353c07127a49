"""The package in a page of headless Chromium: strict content security policy, with shared memory and without."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketsr.bench.wasm_hosts import in_chromium
from pocketsr.engine import load
from pocketsr.export.wasm import export

HERE = Path(__file__).parent
DIST = HERE.parents[1] / "web" / "dist"
STRICT = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "connect-src 'self'; media-src blob: mediastream:"
}
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
CAMERA = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
PICTURE = np.random.default_rng(5).integers(16, 236, (31, 67), np.uint8)


@pytest.fixture(scope="module")
def site(built: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    assert built
    shutil.copytree(DIST, folder / "dist")
    for name in ("small-w8a8", "tiny"):
        export(name, folder / "networks")
    for file in ("page.html", "page.js"):
        shutil.copy(HERE / file, folder)
    (folder / "luma.in").write_bytes(PICTURE.tobytes())
    return folder


@pytest.mark.parametrize("headers", [STRICT, STRICT | ISOLATED], ids=["plain", "isolated"])
def test_page(headers: dict[str, str], site: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: the package wasn't run in a page")
    told: dict[str, Any] = in_chromium(chromium, site, "page.html", headers, CAMERA)
    expected = load("small-w8a8", threads=1)(PICTURE).tobytes().hex()
    assert (told["reason"], told["workers"], told["isolated"]) == ("none", 2, headers != STRICT)
    assert told["plane"] == expected
    for form in ("I420", "NV12"):
        made = told[form]
        assert made.pop("luma") == expected
        assert made == {
            "format": "I420", "width": 134, "height": 62, "timestamp": 1234, "duration": 33,
            "matrix": "smpte170m", "fullRange": False, "u": 90, "v": 170,
        }  # fmt: skip
    width, height, last = told["part"]
    assert (width, height) == (96, 64)
    assert abs(int(last, 16) - 60) <= 3  # of what lies outside the visible rectangle nothing is seen
    from_, to = told["turned"]["from"], told["turned"]["to"]
    if from_[0] is not None:  # Chromium from 138 on
        assert from_[:2] == [90, True]
        assert to == [*from_[:2], 2 * from_[2], 2 * from_[3]]
    assert told["solid"] == ["RGBA", 255, "smpte432"]
    assert told["gamut"] == "display-p3"
    assert told["picture"][:2] == [16, 12]
    assert all(abs(value - 200) <= 2 for value in told["picture"][2:])
    assert [reason for _, _, reason in told["live"][:10]] == ["warm up"] * 10
    assert {size for size, _, _ in told["live"]} <= {64, 128}
    assert told["track"] in (["video", 640, 480], ["video", 320, 240])
    for way in ("canvas", "oldest"):  # no track generator; no VideoFrame and no requestVideoFrameCallback either
        assert told[way] == ["video", 640, 480]
    assert told["half"] == [255, 255, 0, 0]
    for tags in ("601", "709", "none"):
        gpu, flat = (
            np.frombuffer(bytes.fromhex(told["screens"][f"{tags} {kind}"]), np.uint8) for kind in ("webgl2", "2d")
        )
        assert gpu.std() > 30
        off = np.abs(gpu.astype(int) - flat)
        assert off.max() <= 4  # chroma: bilinear there, bicubic here
        assert off.mean() < 0.6
    assert told["screens"]["601 2d"] == told["screens"]["none 2d"] != told["screens"]["709 2d"]
