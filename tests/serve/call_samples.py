"""Frames and peers that several tests of calls use."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection

from pocketsr.serve import Networks, Settings, running
from pocketsr.serve.assembly import EncodedFrame

ENCODERS = {"VP8": "libvpx", "H264": "libx264"}
NETWORKS = {"bicubic": "bicubic"}  # compiled within a second

Asking = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]
JSON = {"Content-Type": "application/json"}


def picture(number: int, width: int = 64, height: int = 48, pix_fmt: str = "yuv420p") -> av.VideoFrame:
    """A ramp that moves with its number."""
    made = av.VideoFrame(width, height, pix_fmt)
    for plane in made.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        rows[:] = (np.arange(plane.line_size) * 2 + number * 5) % 160 + 40
    made.pts, made.time_base = number * 3000, Fraction(1, 90_000)
    return made


def encoded(
    codec: str, count: int, width: int = 64, height: int = 48, pix_fmt: str = "yuv420p", matrix: int = 2, span: int = 0,
) -> list[EncodedFrame]:  # fmt: skip
    """Frames of one size, the first of them a key frame."""
    made = av.CodecContext.create(ENCODERS[codec], "w")
    made.width, made.height, made.pix_fmt = width, height, pix_fmt
    made.time_base, made.framerate, made.gop_size = Fraction(1, 30), Fraction(30), 1000
    made.colorspace, made.color_range = matrix, span
    made.options = {"deadline": "realtime", "lag-in-frames": "0"} if codec == "VP8" else {"tune": "zerolatency"}
    frames = []
    for number in range(count):
        each = picture(number, width, height, pix_fmt)
        each.pts, each.time_base = number, Fraction(1, 30)
        data = b"".join(bytes(packet) for packet in made.encode(each))
        frames.append(EncodedFrame(data, 97, 3000 * number, 0.0))
    return frames


def claims(codec: str, width: int, height: int) -> bytes:
    """A frame that says that its picture has this size, and holds next to nothing."""
    if codec == "VP8":
        head = bytes([0x10, 2, 0]) + b"\x9d\x01\x2a"
        return head + struct.pack("<HH", min(width, 16383), min(height, 16383)) + bytes(40)
    from test_bitstream import sps

    return sps(width, height) + b"\0\0\0\1\x68\xce\x38\x80" + b"\0\0\0\1\x65\x88\x84" + bytes(40)


async def offer_of_video(channel: str | None = None) -> str:
    """What a peer with a video both ways offers, and a data channel of that name."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="sendrecv")
    if channel is not None:
        connection.createDataChannel(channel)
    await connection.setLocalDescription(await connection.createOffer())
    sdp = connection.localDescription.sdp
    await connection.close()
    return str(sdp)


def waits_for(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Returns when it is true."""
    for _ in range(int(seconds * 100)):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def asked(networks: Networks, settings: Settings, work: Callable[[str, Asking], Awaitable[None]]) -> None:
    """`work` with a server's address, and a function that asks it: method, path, body and headers."""

    async def all_of_it() -> None:
        async with running(settings, networks) as address, aiohttp.ClientSession() as session:

            async def ask(method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
                async with session.request(method, address.partition("#")[0] + path, **more) as response:
                    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
                    kind = response.content_type
                    return response.status, await response.json() if kind == "application/json" else {}

            await asyncio.wait_for(work(address, ask), 300)

    asyncio.run(all_of_it())
