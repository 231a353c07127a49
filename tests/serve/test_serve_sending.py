"""A peer that sends fewer pixels where bits are few: what it tells, what it is told, and what comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

pytest.importorskip("aiortc")

from call_samples import Asking, asked
from test_server import Peer

from pocketsr.serve import Limits, Networks, Settings
from pocketsr.serve.decoding import Received
from pocketsr.serve.description import BadOfferError
from pocketsr.serve.sending import Sending, checked_full, checked_look

SOFT = np.tile(np.linspace(40, 200, 64).astype(np.uint8), (48, 1))
CRISP = np.random.default_rng(0).integers(16, 236, (48, 64)).astype(np.uint8)


def told(luma: np.ndarray[Any, Any], bytes_a_frame: int, seconds: int = 8, codec: str = "H264") -> dict[str, Any]:
    sending, received = Sending((640, 360), codec), Received()
    sending.look(luma)
    for tick in range(4 * seconds):
        received.frames += 7
        received.bytes += 7 * bytes_a_frame
        sending.update(received, 100 + tick / 4)
    return sending.statistics


def test_few_bits_make_a_peer_send_less() -> None:
    rate = 8 * 300 / (640 * 360)
    assert told(SOFT, 300) == {"scale": 2, "reason": "few bits", "bits_per_pixel": round(rate, 5)}
    assert told(SOFT, 300, codec="VP8")["scale"] == 1.5
    assert told(SOFT, 3000) == {"scale": 1, "reason": "enough bits", "bits_per_pixel": round(10 * rate, 5)}
    assert told(CRISP, 300)["reason"] == "picture too crisp"
    assert told(SOFT, 300, seconds=3)["reason"] == "too soon to change"


def test_without_a_look_nothing_changes() -> None:
    sending, received = Sending((640, 360), "H264"), Received()
    for second in range(9):
        received.frames, received.bytes = 30 * second, 9000 * second
        sending.update(received, second)
    assert sending.statistics == {"scale": 1, "reason": "nothing measured yet", "bits_per_pixel": None}


def test_what_a_peer_says_of_itself_is_checked() -> None:
    limits = Limits()
    assert checked_full(None, limits) is None
    assert checked_full({"width": 1280, "height": 720}, limits) == (1280, 720)
    wrong: tuple[Any, ...] = (
        *(5, [], {}, {"width": 1280}, {"width": 1281, "height": 720}, {"width": 62, "height": 720}),
        *({"width": 1280.0, "height": 720}, {"width": True, "height": 720}, {"width": 1 << 40, "height": 720}),
        *({"width": "1280", "height": "720"}, {"width": 3840, "height": 2160}),
    )
    for each in wrong:
        with pytest.raises(BadOfferError, match="full is"):
            checked_full(each, limits)
    assert (checked_look(CRISP.tobytes(), "64") == CRISP).all()
    luma = CRISP.tobytes()
    for data, width in (
        *((luma, ""), (luma, "65"), (luma, "-64"), (luma, "9" * 5000), (luma, "٦٤")),
        *((b"", "64"), (bytes(64), "64"), (bytes(640), "4")),
    ):
        with pytest.raises(BadOfferError, match="a look is"):
            checked_look(data, width)


def test_a_call_with_a_full_size(networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        async def with_full(method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
            if "json" in more:
                more["json"] |= {"full": {"width": 800, "height": 600}}
            return await ask(method, path, **more)

        peer = Peer(with_full)
        assert (await peer.call())[0] == 200  # which sends 640x480
        bytes_of = {"Content-Type": "application/octet-stream"}
        path = f"call/{peer.name}/look?width=64"
        assert (await ask("PUT", path, data=SOFT.tobytes(), headers=bytes_of))[0] == 204
        assert (await ask("PUT", path, data=b"abc", headers=bytes_of))[0] == 400
        assert (await ask("PUT", path, data=SOFT.tobytes(), headers={"Content-Type": "text/plain"}))[0] == 415
        assert (await ask("PUT", path.replace(peer.name, "another"), data=SOFT.tobytes(), headers=bytes_of))[0] == 404
        told = await peer.until(lambda told: told["sent"]["frames"] > 3 and told["sending"]["bits_per_pixel"])
        assert (told["sent"]["width"], told["sent"]["height"]) == (800, 600)
        assert told["sending"]["scale"] in (1, 1.5)
        await peer.close()
        other = Peer(ask)
        assert (await other.call())[0] == 200
        assert "sending" not in await other.told()
        await other.close()
        status, answer = await ask("POST", "call", json={"type": "offer", "sdp": "v=0", "full": [1, 2]})
        assert status == 400
        assert "full is" in answer["error"]

    asked(networks, Settings(port=0), work)


def test_looks_are_no_larger_than_offers(networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        peer = Peer(ask)
        await peer.call()
        path = f"call/{peer.name}/look?width=1024"
        status, _told = await ask(
            "PUT", path, data=bytes(1 << 20), headers={"Content-Type": "application/octet-stream"}
        )
        assert status == 413
        await peer.close()
        await asyncio.sleep(0)

    asked(networks, Settings(port=0), work)
