"""Peers: what one that misbehaves ends is itself."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("aiortc")

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.codecs.vpx import VpxPayloadDescriptor
from call_samples import Asking, asked, claims

from pocketsr.errors import UserError
from pocketsr.serve import Limits, Networks, Settings, running
from pocketsr.serve.splice import gather_on, use_encoder


class Peer:
    """A peer in this process, of aiortc alone."""

    def __init__(self, ask: Asking) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.came, self.name, self._ask = 0, "", ask
        self._task: asyncio.Task[None] | None = None

    async def call(self, encoder: Any = None, change: Callable[[str], str] = str) -> tuple[int, dict[str, Any]]:
        transceiver = self.connection.addTransceiver(VideoStreamTrack(), direction="sendrecv")
        if encoder is not None:
            use_encoder(transceiver.sender, encoder)
        self.connection.on("track", self._receive)
        offer = await self.connection.createOffer()
        await gather_on(self.connection, ["127.0.0.1"])
        await self.connection.setLocalDescription(offer)
        sdp = change(self.connection.localDescription.sdp)
        status, told = await self._ask("POST", "call", json={"type": "offer", "sdp": sdp})
        if status == 200:
            self.name = told["name"]
            addresses = {line.split()[4] for line in told["sdp"].splitlines() if line.startswith("a=candidate:")}
            assert addresses == {"127.0.0.1"}  # media listens where the page does, and nowhere else
            await self.connection.setRemoteDescription(RTCSessionDescription(told["sdp"], "answer"))
        return status, told

    def _receive(self, track: Any) -> None:
        async def count() -> None:
            while True:
                await track.recv()
                self.came += 1

        self._task = asyncio.create_task(count())

    async def told(self) -> dict[str, Any]:
        return (await self._ask("GET", f"call/{self.name}"))[1]

    async def until(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        for _ in range(600):
            if condition(told := await self.told()):
                return told
            await asyncio.sleep(0.1)
        raise AssertionError(told)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        await self.connection.close()


class Claiming:
    """An encoder whose pictures say that they are huge."""

    target_bitrate = 0

    def encode(self, frame: Any, _: bool = False) -> tuple[list[bytes], int]:
        return [bytes(VpxPayloadDescriptor(1, 0, 1)) + claims("VP8", 16384, 16384)], int(frame.pts)


def test_a_huge_picture_ends_one_peer_and_not_the_others(networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        good, bad = Peer(ask), Peer(ask)
        assert (await good.call())[0] == 200
        await good.until(lambda told: told["sent"]["frames"] > 3)
        assert (await bad.call(Claiming()))[0] == 200
        told = await bad.until(lambda told: told["state"] == "ended")
        assert told["why"] == "a picture of 16383x16383: 1920x1088 pixels are the most"
        before = (await good.told())["sent"]["frames"]
        told = await good.until(lambda told: told["sent"]["frames"] > before + 3)
        assert (told["state"], told["sent"]["width"], told["sent"]["height"]) == ("connected", 1280, 960)
        assert told["level"] in ("bicubic", "pass through")
        for peer in (good, bad):
            await peer.close()

    asked(networks, Settings(port=0), work)


def test_offers_changed_at_random_end_nothing_else(networks: Networks) -> None:
    draw = random.Random(4)

    def changed(sdp: str) -> str:
        lines = sdp.split("\r\n")
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(lines))
            match draw.randrange(4):
                case 0:
                    del lines[at]
                case 1:
                    lines.insert(at, draw.choice(lines))
                case 2:
                    lines[at] = lines[at][: draw.randrange(len(lines[at]) + 1)]
                case _:
                    lines[at] = "".join(draw.choice("09 :=/x") if draw.random() < 0.2 else c for c in lines[at])
        return "\r\n".join(lines)

    async def work(_: str, ask: Asking) -> None:
        good = Peer(ask)
        assert (await good.call())[0] == 200
        for _number in range(25):
            peer = Peer(ask)
            status = 400
            try:
                status = (await peer.call(change=changed))[0]
            except Exception:  # an answer that the peer's own aiortc can't take
                assert peer.name
            assert status in (200, 400)
            if peer.name:
                await ask("DELETE", f"call/{peer.name}")
            await peer.close()
        told = await good.until(lambda told: told["sent"]["frames"] > 3)
        assert told["state"] == "connected"
        await good.close()

    asked(networks, Settings(port=0, limits=Limits(offers_a_minute=100)), work)


def test_more_peers_than_allowed(networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        first, second = Peer(ask), Peer(ask)
        assert (await first.call())[0] == 200
        status, told = await second.call()
        assert (status, told) == (503, {"error": "1 calls are going on, which is the most: end one of them"})
        assert (await ask("DELETE", f"call/{first.name}"))[0] == 204
        assert (await first.told())["why"] == "it was ended by its page"
        assert (await ask("DELETE", f"call/{first.name}"))[0] == 204  # as the page does when the line was quicker
        third = Peer(ask)
        assert (await third.call())[0] == 429  # three offers in a minute
        for peer in (first, second, third):
            await peer.close()

    asked(networks, Settings(port=0, limits=Limits(peers=1, offers_a_minute=2)), work)


def test_peers_that_never_connect_or_fall_silent_end(networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        absent, silent = Peer(ask), Peer(ask)
        await silent.call()
        await silent.until(lambda told: told["received"]["frames"] > 1)
        silent.connection.getSenders()[0]._enabled = False
        wrong = await absent.call(change=lambda sdp: sdp.replace("a=ice-pwd:", "a=ice-pwd:0000"))
        assert wrong[0] == 200
        assert (await absent.until(lambda told: told["state"] == "ended"))["why"] == "no connection came about"
        assert (await silent.until(lambda told: told["state"] == "ended"))["why"] == "no picture came for 2 s"
        for peer in (absent, silent):
            await peer.close()

    asked(networks, Settings(port=0, limits=Limits(connect_s=2, idle_s=2)), work)


def test_the_end_of_a_server_ends_its_threads(networks: Networks) -> None:
    before = {thread.name for thread in threading.enumerate()}

    async def work(_: str, ask: Asking) -> None:
        peer = Peer(ask)
        await peer.call()
        await peer.until(lambda told: told["sent"]["frames"] > 1)
        await peer.close()

    asked(networks, Settings(port=0), work)
    for _ in range(100):
        left = {thread.name for thread in threading.enumerate()} - before
        if not {name for name in left if name.startswith(("pocketsr-serve", "pocketsr-deco", "video-decoder"))}:
            return
        time.sleep(0.05)
    raise AssertionError(left)


def test_the_end_of_a_server_waits_for_calls_that_are_ending(networks: Networks) -> None:
    """Also where the loop's executor has no thread to spare for their ends, which would go with the loop."""
    before = set(threading.enumerate())

    async def work(_: str, ask: Asking) -> None:
        peer = Peer(ask)
        await peer.call()
        await peer.until(lambda told: told["sent"]["frames"] > 1)
        for _more in range(64):  # than it has threads
            asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.1)
        await peer.close()
        while (await peer.told())["state"] != "ended":
            await asyncio.sleep(0.01)

    asked(networks, Settings(port=0), work)
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not [name for name in left if name.startswith("pocketsr")], left


def test_a_port_that_is_taken(networks: Networks) -> None:
    async def twice() -> None:
        async with running(Settings(port=0), networks) as address:
            port = int(address.rsplit(":", 1)[1].strip("/"))
            with pytest.raises(UserError, match=r"choose another --port"):
                async with running(Settings(port=port), networks):
                    pass

    asyncio.run(twice())


def test_an_address_of_no_machine_here(networks: Networks) -> None:
    async def listen() -> None:
        async with running(Settings(host="192.0.2.1", port=0, token="x" * 16), networks):  # of RFC 5737: nobody's
            raise AssertionError("it listens")

    with pytest.raises(UserError, match=r"choose another --host or --port$"):
        asyncio.run(listen())


def test_a_request_that_is_no_http_is_no_traceback(networks: Networks, caplog: pytest.LogCaptureFixture) -> None:
    async def shout() -> list[bytes]:
        answers = []
        async with running(Settings(port=0), networks) as address:
            host, port = address.removeprefix("http://").strip("/").split(":")
            for head in (b"X: " + b"a" * 10_000, b"X: \0", b"Content-Length: -5", b"Transfer-Encoding: rubbish"):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(b"GET / HTTP/1.1\r\nHost: " + address.encode() + b"\r\n" + head + b"\r\n\r\n")
                answers.append(await asyncio.wait_for(reader.readline(), 20))
                writer.close()
        return answers

    answers = asyncio.run(shout())
    assert all(b" 400 " in answer for answer in answers), answers
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
