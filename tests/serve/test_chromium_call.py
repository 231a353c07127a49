"""The page in a headless Chromium, whose camera is a file: the picture comes back twice as large, in its colours."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("aiortc")

from call_client import served
from chromium import Tab, chromium_tab
from PIL import Image

from pocketsr.codec import SizeReason

WIDTH, HEIGHT = 640, 360
PATCHES = [(81, 90, 240), (145, 54, 34), (41, 240, 110), (128, 128, 128), (210, 16, 146), (106, 202, 222)]  # Y'CbCr
_COLOURS = """(() => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 480, height: 270});
  const to = canvas.getContext("2d", {willReadFrequently: true});
  return ["before", "after"].map((id) => {
    to.drawImage(document.getElementById(id), 0, 0, 480, 270);
    return [0, 1, 2, 3, 4, 5].map((k) => Array.from(to.getImageData(80 * k + 30, 150, 20, 60).data)
      .reduce((sums, value, at) => (sums[at % 4] += value / 1200, sums), [0, 0, 0, 0]).slice(0, 3));
  });
})()"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed: the page wasn't run in a browser")
    return found


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six patches of colour below noise that moves, so that no frame is the one before."""
    path, rng = tmp_path_factory.mktemp("camera") / "camera.y4m", np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W%d H%d F30:1 Ip C420\n" % (WIDTH, HEIGHT))
        for _ in range(30):
            planes = [np.repeat(row, WIDTH // half // 6 + 1)[: WIDTH // half] for row, half in zip(
                np.array(PATCHES, np.uint8).T, (1, 2, 2), strict=True)]  # fmt: skip
            luma, *chroma = [np.tile(row, (HEIGHT // half, 1)) for row, half in zip(planes, (1, 2, 2), strict=True)]
            luma[:40] = rng.integers(30, 200, (40, WIDTH))
            file.write(b"FRAME\n" + luma.tobytes() + b"".join(plane.tobytes() for plane in chroma))
    return path


async def _talk(tab: Tab, codec: str, address: str, shot: Path) -> None:
    await tab.run(f"document.getElementById('codec').value = 'video/{codec}'")
    await tab.run("document.getElementById('start').focus()")
    await tab.ask("Input.dispatchKeyEvent", type="keyDown", key="Enter", text="\r", windowsVirtualKeyCode=13)
    await tab.until("document.getElementById('after').videoWidth >= 640")
    await tab.until("document.getElementById('delay-median').textContent.startsWith('median')")
    await asyncio.sleep(1)
    before, after = await tab.run(_COLOURS)
    # The colours are the same to within what the codecs lose, whatever the sizes.
    assert np.abs(np.subtract(before, after)).max() < 16, (before, after)
    assert np.ptp(np.array(after), axis=0).min() > 100
    words = await tab.run("document.getElementById('level').textContent")
    assert words.startswith("Now ")
    assert "Reason" in words
    table = await tab.run("document.querySelector('table').innerText")
    assert {"VP8": "VP8", "H264": "H264"}[codec] in table
    # The slider, by the keyboard
    await tab.run("document.getElementById('slider').focus()")
    for _ in range(3):
        await tab.ask("Input.dispatchKeyEvent", type="rawKeyDown", key="ArrowLeft", windowsVirtualKeyCode=37)
    assert await tab.run("document.getElementById('slider').value") == "47"
    assert await tab.run("document.getElementById('stage').style.getPropertyValue('--share')") == "47%"
    for scheme in ("dark", "light"):
        await tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        ground = await tab.run("getComputedStyle(document.body).backgroundColor")
        assert ground == {"dark": "rgb(22, 24, 27)", "light": "rgb(251, 251, 250)"}[scheme]
    await tab.screenshot(shot)
    picture = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    assert np.ptp(picture, axis=(0, 1)).min() > 200
    await tab.run("document.getElementById('stop').click()")
    await tab.until("document.getElementById('message').textContent === 'The call ended.'")
    assert tab.logs == []
    assert all(url.startswith((address, "data:,")) for url in tab.requests), tab.requests


@pytest.fixture(scope="module")
def address(chromium: str) -> Iterator[str]:
    assert chromium
    with served("--best", "bicubic") as (found, _):
        yield found


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_a_browser_as_the_peer(codec: str, chromium: str, camera: Path, address: str, tmp_path: Path) -> None:
    async def work() -> None:
        option = f"--use-file-for-fake-video-capture={camera}"
        async with chromium_tab(chromium, address, tmp_path / "profile", option) as tab:
            await _talk(tab, codec, address, tmp_path / "page.png")

    asyncio.run(work())


def test_a_browser_is_told_which_size_to_send(chromium: str, camera: Path, address: str, tmp_path: Path) -> None:
    """It shows the server how crisp its picture is, and what comes back has the camera's size."""

    async def work() -> None:
        option = f"--use-file-for-fake-video-capture={camera}"
        async with chromium_tab(chromium, address, tmp_path / "profile", option) as tab:
            await tab.run("document.getElementById('codec').value = 'video/H264'")
            await tab.run("document.getElementById('lines').value = 'auto'")
            await tab.run("document.getElementById('start').click()")
            await tab.until("document.getElementById('after').videoWidth === 640")
            why = "document.getElementById('size-why').textContent"
            await tab.until(f"!['–', 'nothing measured yet'].includes({why})")
            assert await tab.run(why) in [str(reason) for reason in SizeReason]
            assert await tab.run("document.getElementById('size-rate').textContent.endsWith('bits a pixel')")
            assert not await tab.run("document.getElementById('size-row').hidden")
            assert await tab.run("document.getElementById('after').videoHeight") == 360
            await tab.run("document.getElementById('stop').click()")
            await tab.until("document.getElementById('message').textContent === 'The call ended.'")
            assert tab.logs == []

    asyncio.run(work())
