"""A call from end to end: the server in a process of its own, a peer of aiortc alone, packets lost, sizes that change.

What a call is like on a quiet machine is measured by `tools/call.py`; this holds on one that does other things.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("aiortc")
pytest.importorskip("skimage")

from call_client import called, served
from call_clip import Clip, read_number

SECONDS = 9
SHAPES = [(0.0, 640, 360), (3.5, 480, 270), (6.0, 640, 360)]
DOUBLED = [(1280, 720), (960, 540), (1280, 720)]


@pytest.fixture(scope="module")
def clip() -> Clip:
    made = Clip()
    for number in range(SECONDS * 30 + 30):  # drawn before, so that the call has the time
        _, width, height = [shape for shape in SHAPES if shape[0] * 30 <= number][-1]
        made.luma(number, width, height)
    return made


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as (found, _):
        yield found


@pytest.mark.parametrize("number", [0, 1, 12_345, 65_535])
@pytest.mark.parametrize("size", [(640, 360), (480, 270), (320, 180), (1280, 720)])
def test_a_number_is_read_from_any_size(number: int, size: tuple[int, int], clip: Clip) -> None:
    luma = next(clip.frame(number, *size).components)
    assert read_number(luma) == number
    assert read_number(np.clip(luma.astype(int) + np.random.default_rng(0).normal(0, 20, luma.shape), 0, 255)) == number
    assert read_number(np.roll(luma, size[0] // 2, axis=1)) != number


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_a_call(codec: str, address: str, clip: Clip) -> None:
    result = asyncio.run(called(address, codec, clip, SECONDS, SHAPES, loss=0.02))
    told = result.told
    assert (told["state"], told["codec"]) == ("connected", codec)
    assert result.packets_lost > 0
    # Each picture is one of those that were sent, in order, at twice its size.
    assert result.unreadable <= len(result.came_s) // 50
    assert result.backwards == 0
    assert result.sizes == DOUBLED
    assert told["sent"]["width"] == 1280
    # What was lost on the line was sent again, or a key frame came in its place: nothing stands still.
    assert max(result.came_s) > 0.8 * max(result.sent_s)
    assert told["received"]["key_frames"] >= 3  # aiortc's own decoder reports none
    # However slow the machine, each frame was made, sent, replaced by a newer one or lost, and counted as such.
    received, made, sent = told["received"], told["made"], told["sent"]
    assert 0 <= received["frames"] - made["frames"] - made["dropped"] <= received["lost"]
    assert made["frames"] == sent["frames"] + told["replaced"]
    assert result.drift_ms() < 3000
    assert sum(made["reasons"].values()) == made["frames"]
    # The pictures are the clip's: 23 to 30 dB, by what the line carries; the next frame of the clip has 18.
    assert np.median(result.psnrs(clip)) > 21
    assert told["colour"].endswith("studio range")
