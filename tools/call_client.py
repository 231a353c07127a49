"""A peer of `pocketsr serve` made of aiortc alone: sends a known clip, loses packets, and measures what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aiohttp
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamError
from av.video.frame import VideoFrame
from call_clip import Clip, Luma, psnr, read_number

from pocketsr.frames import Frame
from pocketsr.serve.splice import gather_on

__all__ = ["Result", "Shape", "called", "echoed", "served"]

FPS = 30
_EVERY = 15  # frames, of which one is compared with its original

Shape = tuple[float, int, int]
"""From this second on, frames are of this width and height."""


@dataclass
class Result:
    """What a call was like. sent_s, came_s: seconds by frame number. told: the server's own statistics at the end."""

    sent_s: dict[int, float] = field(default_factory=dict)
    came_s: dict[int, float] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    kept: list[tuple[int, Luma]] = field(default_factory=list)
    unreadable: int = 0
    backwards: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    packets_lost: int = 0

    @property
    def trips_ms(self) -> list[float]:
        """From the sender's encoder to the receiver's decoder, of each frame that came, in order."""
        return [1e3 * (self.came_s[number] - self.sent_s[number]) for number in sorted(self.came_s)]

    @property
    def lost(self) -> int:
        """Frames that were sent behind the first that came, and before the last, and never came."""
        if not self.came_s:
            return len(self.sent_s)
        first, last = min(self.came_s), max(self.came_s)
        return sum(first <= number <= last for number in self.sent_s) - len(self.came_s)

    def psnrs(self, clip: Clip) -> list[float]:
        """Of the kept frames against the original."""
        return [psnr(clip.luma(number, luma.shape[1], luma.shape[0]), luma) for number, luma in self.kept]

    def drift_ms(self) -> float:
        """How much longer frames took in the last third than in the first one, by their medians."""
        third = max(len(self.trips_ms) // 3, 1)
        return float(np.median(self.trips_ms[-third:]) - np.median(self.trips_ms[:third]))


class Source(MediaStreamTrack):
    """The clip at 30 frames a second. A frame that can't be sent in its time is left out, as a camera does it."""

    kind = "video"

    def __init__(self, clip: Clip, shapes: Sequence[Shape], result: Result, seconds: float) -> None:
        super().__init__()
        self._clip, self._shapes, self._result, self._last = clip, shapes, result, seconds * FPS
        self._began_s: float | None = None
        self._number = -1

    async def recv(self) -> Any:
        if self._began_s is None:
            self._began_s = time.monotonic()
        if self._number >= self._last:
            await asyncio.Event().wait()  # the clip is over, the call is not
        self._number = max(self._number + 1, int((time.monotonic() - self._began_s) * FPS))
        await asyncio.sleep(max(0.0, self._began_s + self._number / FPS - time.monotonic()))
        _, width, height = next(shape for shape in reversed(self._shapes) if shape[0] * FPS <= self._number)
        picture = self._clip.frame(self._number, width, height).to_av()
        picture.pts, picture.time_base = self._number * 90_000 // FPS, Fraction(1, 90_000)
        self._result.sent_s[self._number] = time.monotonic()
        return picture


def lose(connection: RTCPeerConnection, share: float, seed: int, result: Result) -> None:
    """Drop this share of the media packets that go out and that come in, the same ones for the same seed."""
    (transceiver,) = connection.getTransceivers()
    ice = transceiver.receiver.transport.transport
    send, recv = ice._send, ice._recv
    ways = [random.Random(seed), random.Random(seed + 1)]

    def falls(data: bytes, way: random.Random) -> bool:
        media = 127 < data[0] < 192 and not 192 <= data[1] <= 223  # RTP by RFC 7983 and 5761: neither DTLS nor RTCP
        lost = media and way.random() < share
        result.packets_lost += lost
        return lost

    async def lossy_send(data: bytes) -> None:
        if not falls(data, ways[0]):
            await send(data)

    async def lossy_recv() -> bytes:
        while True:
            if not falls(data := await recv(), ways[1]):
                return bytes(data)

    ice._send, ice._recv = lossy_send, lossy_recv


async def _receive(track: MediaStreamTrack, result: Result) -> None:
    last = -1
    with contextlib.suppress(MediaStreamError):
        while True:
            picture = await track.recv()
            assert isinstance(picture, VideoFrame)
            now = time.monotonic()
            luma = next(Frame.from_av(picture).components)
            number = read_number(luma)
            if number is None or number not in result.sent_s:
                result.unreadable += 1
                continue
            result.backwards += number < last
            last = max(last, number)
            size = (picture.width, picture.height)
            if not result.sizes or result.sizes[-1] != size:
                result.sizes.append(size)
            result.came_s.setdefault(number, now)
            if number % _EVERY == 0:
                result.kept.append((number, luma.copy()))


@contextlib.asynccontextmanager
async def _offering(
    codec: str, source: MediaStreamTrack, result: Result
) -> AsyncIterator[tuple[RTCPeerConnection, Callable[[str], Any]]]:
    """A connection that offers a video both ways, and what is to be called with the answer."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tasks = []
    try:
        transceiver = connection.addTransceiver(source, direction="sendrecv")
        known = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([c for c in known if c.name in (codec, "rtx")])
        connection.on("track", lambda track: tasks.append(asyncio.ensure_future(_receive(track, result))))
        offer = await connection.createOffer()
        await gather_on(connection, ["127.0.0.1"])
        await connection.setLocalDescription(offer)

        async def accept(sdp: str) -> None:
            await connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

        yield connection, accept
    finally:
        for task in tasks:
            task.cancel()
        await connection.close()


async def called(
    address: str, codec: str, clip: Clip, seconds: float, shapes: Sequence[Shape], loss: float, seed: int = 1
) -> Result:
    """A call of the server at `address`, for so many seconds of the clip."""
    result = Result()
    async with (
        aiohttp.ClientSession() as session,
        _offering(codec, Source(clip, shapes, result, seconds), result) as (connection, accept),
    ):
        body = {"type": "offer", "sdp": connection.localDescription.sdp}
        async with session.post(f"{address}call", json=body) as response:
            answer = await response.json()
            assert response.status == 200, answer
        await accept(answer["sdp"])
        lose(connection, loss, seed, result)
        await _last(result, seconds)
        for _ in range(40):  # until all that was on its way has come
            before = result.told
            async with session.get(f"{address}call/{answer['name']}") as response:
                result.told = await response.json()
            if before and all(before[key] == result.told[key] for key in ("received", "made", "sent")):
                break
            await asyncio.sleep(0.6)
        await session.delete(f"{address}call/{answer['name']}")
    return result


async def echoed(codec: str, clip: Clip, seconds: float, shapes: Sequence[Shape], loss: float, seed: int = 1) -> Result:
    """The same call of a peer of aiortc alone, in this process, that sends each picture back as it came."""
    result = Result()
    other = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    relay = MediaRelay()
    other.on("track", lambda track: other.addTrack(relay.subscribe(track, buffered=False)))
    async with _offering(codec, Source(clip, shapes, result, seconds), result) as (connection, accept):
        await other.setRemoteDescription(connection.localDescription)
        await gather_on(other, ["127.0.0.1"])
        await other.setLocalDescription(await other.createAnswer())
        await accept(other.localDescription.sdp)
        lose(connection, loss, seed, result)
        await _last(result, seconds)
        await other.close()
    return result


async def _last(result: Result, seconds: float) -> None:
    """Until so many seconds of the clip were sent; a minute more is enough for a machine that does other things."""
    for _ in range(int(10 * (seconds + 60))):
        await asyncio.sleep(0.1)
        if result.sent_s and max(result.sent_s) >= seconds * FPS:
            return


@contextlib.contextmanager
def served(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`pocketsr serve` in a process of its own, listening: its address, and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pocketsr", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(process.communicate()[1])
        yield line.split()[1], process
    finally:
        process.kill()
        process.communicate()
