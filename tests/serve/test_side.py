"""Corrections beside a call: a sender that has the original and a server that upscales, both peers of aiortc."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

pytest.importorskip("aiortc")

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.video.frame import VideoFrame
from call_samples import Asking, asked

from pocketsr.codec.correction import MOST_BYTES, Correction, Message, network_id, write
from pocketsr.serve import Networks, Settings
from pocketsr.serve.side import LABEL, open_side
from pocketsr.serve.splice import gather_on


class Noise(VideoStreamTrack):
    """The same noise again and again, its brightness changing a little, ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._luma = np.random.default_rng(0).integers(90, 150, (64, 96))

    async def recv(self) -> VideoFrame:
        await asyncio.sleep(0.1)
        self._number += 1
        picture = np.full((96, 96), 128, np.uint8)
        picture[:64] = self._luma + self._number % 5
        made = VideoFrame.from_ndarray(picture, "yuv420p")
        made.pts, made.time_base = 9000 * self._number, Fraction(1, 90_000)
        return made


class Sending:
    """A call of a server, with a data channel."""

    def __init__(self, ask: Asking) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.side = open_side(self.connection)
        self.contrast, self.came, self.name, self._ask = 0.0, 0, "", ask
        self._tasks: list[asyncio.Task[None]] = []

    async def call(self) -> None:
        self.connection.addTransceiver(Noise(), direction="sendrecv")
        self.connection.on("track", lambda track: self._tasks.append(asyncio.create_task(self._watch(track))))
        offer = await self.connection.createOffer()
        await gather_on(self.connection, ["127.0.0.1"])
        await self.connection.setLocalDescription(offer)
        sdp = self.connection.localDescription.sdp
        status, told = await self._ask("POST", "call", json={"type": "offer", "sdp": sdp})
        assert status == 200, told
        self.name = told["name"]
        await self.connection.setRemoteDescription(RTCSessionDescription(told["sdp"], "answer"))
        await self.until(lambda: self.side.is_open and self.came > 2)

    async def _watch(self, track: Any) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                picture = await track.recv()
                self.contrast, self.came = float(picture.to_ndarray()[: picture.height].std()), self.came + 1

    async def until(self, condition: Any) -> None:
        for _ in range(900):
            if condition():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(await self.told())

    async def told(self) -> dict[str, Any]:
        return (await self._ask("GET", f"call/{self.name}"))[1]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.connection.close()


def _loud() -> bytes:
    """A correction that nobody would send, and that anybody sees: away from the corners of the 5x5, for `bicubic`."""
    coefficients = np.zeros((4, 41), np.int8)
    coefficients[:, [0, 4, 20, 24]] = -127
    return write(Message(network_id("bicubic"), Correction(coefficients)))


def test_what_comes_beside_the_video_is_applied_until_none_is_said(networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        peer = Sending(ask)
        await peer.call()
        plain = peer.contrast
        peer.side.send(None)
        peer.side.send(write(Message(b"else", None)))
        peer.side.send(_loud())
        await peer.until(lambda: peer.contrast > 2 * plain)
        assert (await peer.told())["corrections"] == {"heard": 2, "left": 0}
        peer.side.send(write(Message(network_id("bicubic"), None)))
        await peer.until(lambda: peer.contrast < 1.5 * plain)
        await peer.close()

    asked(networks, Settings(port=0), work)


def test_what_is_no_correction_changes_nothing_and_a_flood_ends_its_peer(networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        peer = Sending(ask)
        other = peer.connection.createDataChannel("something else")
        await peer.call()
        plain = peer.contrast
        for data in (b"\0", secrets.token_bytes(200), bytes(MOST_BYTES + 1), _loud()[:-1], b"\1" + _loud()):
            peer.side.send(data)
        await peer.until(lambda: other.readyState == "open")
        other.send(_loud())
        before = peer.came
        await peer.until(lambda: peer.came > before + 3)
        assert (await peer.told())["corrections"] == {"heard": 0, "left": 5}
        assert peer.contrast < 1.5 * plain
        for _again in range(400):  # more than ten a second
            peer.side.send(_loud())
        await peer.until(lambda: peer.contrast > 2 * plain)
        told = (await peer.told())["corrections"]
        assert told["left"] > 5 + 10
        other.send(bytes(200_000))
        for _again in range(300):
            if (told := await peer.told())["state"] == "ended":
                break
            await asyncio.sleep(0.1)
        assert told["why"] == "its data channel sends no corrections"
        await peer.close()

    asked(networks, Settings(port=0), work)


def test_many_channels_end_their_peer(networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        peer = Sending(ask)
        await peer.call()
        for _number in range(8):
            peer.connection.createDataChannel(LABEL)
        for _again in range(300):
            if (told := await peer.told())["state"] == "ended":
                break
            await asyncio.sleep(0.1)
        assert told["why"] == "it opened more than 4 data channels"
        await peer.close()

    asked(networks, Settings(port=0), work)
