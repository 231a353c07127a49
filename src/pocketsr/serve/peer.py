"""One peer: its connection, the pictures that come in, and those that go back."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription
from av.video.frame import VideoFrame

from pocketsr.errors import UserError
from pocketsr.frames import Frame
from pocketsr.live import GovernedStream, Made, Statistics
from pocketsr.names import harmless
from pocketsr.serve.assembly import Assembly
from pocketsr.serve.decoding import Decoding
from pocketsr.serve.description import BadOfferError, checked_offer
from pocketsr.serve.encoding import CallEncoder
from pocketsr.serve.outgoing import Outgoing
from pocketsr.serve.sending import Plane, Sending
from pocketsr.serve.settings import CODECS, Settings
from pocketsr.serve.side import Side
from pocketsr.serve.splice import gather_on, use_assembly, use_encoder
from pocketsr.video.colours import with_implied_colours

__all__ = ["Peer"]

_LATEST_DELAYS = 1024
_KEPT_TIMES = 256  # of pictures on their way
_TICK_S = 0.25
_ANSWER_S = 10.0
_log = logging.getLogger("pocketsr")


class Peer:
    """Answers one offer, and sends each picture back upscaled until it ends. Made and used in the event loop.

    ended: is called, once, with why. full: of a peer that sends smaller sizes where it is told to.
    """

    def __init__(
        self, settings: Settings, stream: GovernedStream, ended: Callable[[Peer, str], None],
        full: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._stream, self._on_ended, self._full = settings, stream, ended, full
        self._loop = asyncio.get_running_loop()
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # by default it asks a server of Google's
        self._track = Outgoing()
        self._codec = ""
        self._decoding: Decoding | None = None
        self._encoder: CallEncoder | None = None
        self._side = Side(stream.hear, self._end)
        self._sending: Sending | None = None
        self._times = threading.Lock()
        self._came: OrderedDict[int, float] = OrderedDict()  # seconds by pts
        self._delays: deque[float] = deque(maxlen=_LATEST_DELAYS)
        self._began_s = self._seen_s = time.monotonic()
        self._last: Made | None = None
        self._handed_on = 0
        self._done = (Statistics(), 0)  # and how many were handed on by then
        self._counted_s = 0.0
        self._tints = ""
        self._ending: asyncio.Task[None] | None = None
        self._why = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiter = threading.Thread(target=self._hand_on, name="pocketsr-serve", daemon=True)

    async def answer(self, sdp: object) -> str:
        """The answer to an offer. Raises BadOfferError; the peer has ended then."""
        try:
            offer = checked_offer(sdp, self._settings.limits)
            async with asyncio.timeout(_ANSWER_S):
                return await self._answered(offer)
        except UserError:
            await self.close("its offer was refused")
            raise
        except Exception as error:
            await self.close("its offer was refused")
            _log.debug("an offer was refused", exc_info=error)
            raise BadOfferError("the offer can't be answered: it isn't what browsers send") from error

    async def _answered(self, offer: str) -> str:
        connection = self._connection
        connection.on("connectionstatechange", self._on_state)
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        (transceiver,) = connection.getTransceivers()
        self._codec = _settle(transceiver)
        transceiver.direction = "sendrecv"
        self._side.attach(connection)
        transceiver.sender.replaceTrack(self._track)
        self._decoding = Decoding(self._codec, self._settings.limits, self._on_picture, self._on_refused)
        self._encoder = CallEncoder(self._codec, self._on_encoded)
        self._sending = Sending(self._full, self._codec) if self._full else None
        limits = self._settings.limits
        assembly = Assembly(
            self._decoding.put, self._decoding.lost, self._decoding.starved, limits.packets, time.monotonic
        )  # fmt: skip
        use_assembly(transceiver.receiver, assembly)
        use_encoder(transceiver.sender, self._encoder)
        if not self._settings.address.is_unspecified:
            await gather_on(connection, [str(self._settings.address)])
        await connection.setLocalDescription(await connection.createAnswer())
        self._waiter.start()
        self._start(self._watch())
        return connection.localDescription.sdp

    def _start(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        """Ends a peer that doesn't connect, or falls silent."""
        limits = self._settings.limits
        while not self._closing:
            await asyncio.sleep(_TICK_S)
            if self._sending is not None and self._decoding is not None:
                self._sending.update(self._decoding.received, time.monotonic())
            silent = time.monotonic() - self._seen_s
            if self._connection.connectionState != "connected":
                if time.monotonic() - self._began_s > limits.connect_s:
                    self._end("no connection came about")
            elif silent > limits.idle_s:
                self._end(f"no picture came for {limits.idle_s:g} s")

    def _on_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._end("the connection ended")

    # On the decoder's thread

    def _on_picture(self, picture: VideoFrame, came_s: float) -> None:
        self._seen_s = time.monotonic()
        with self._times:
            self._came[picture.pts or 0] = came_s
            while len(self._came) > _KEPT_TIMES:
                self._came.popitem(last=False)
        try:
            self._stream.push(picture)
        except UserError as error:
            if not self._closing:
                self._on_refused(str(error))

    def _on_refused(self, why: str) -> None:
        self._soon(self._end, why)

    # On the waiter's thread

    def _hand_on(self) -> None:
        while not self._closing:
            try:
                made = self._stream.latest(_TICK_S)
                if made is not None:
                    self._last, self._handed_on = made, self._handed_on + 1
                    self._soon(self._track.offer, self._tagged(made.frame).to_av())
                self._count()
            except Exception as error:  # closed, or what an earlier picture ended in
                if not self._closing:
                    known = isinstance(error, UserError)
                    self._on_refused(str(error) if known else f"a picture failed ({type(error).__name__})")
                return

    def _count(self, every_s: float = _TICK_S) -> None:
        """Take the stream's statistics, which waits for the picture that is being made: nothing for the event loop."""
        now = time.monotonic()
        if now - self._counted_s >= every_s:
            done = self._stream.statistics
            self._done, self._counted_s = (done, self._handed_on), now

    def _tagged(self, frame: Frame) -> Frame:
        """The frame with the colours that browsers would guess at the size of the one that came in."""
        received = self._decoding.received if self._decoding else None
        if received is None or not received.width:
            return frame
        came = replace(frame.format, width=received.width, height=received.height)
        colour, _ = with_implied_colours(came, (frame.width, frame.height))
        self._tints = f"matrix {colour.matrix}, {'full' if colour.full_range else 'studio'} range"
        return replace(frame, colour=colour)

    # On the encoder's thread

    def _on_encoded(self, pts: int) -> None:
        with self._times:
            came = self._came.pop(pts, None)
            if came is not None:
                self._delays.append(time.monotonic() - came)

    def _soon(self, call: Callable[..., None], *args: Any) -> None:
        if not self._closing:
            try:
                self._loop.call_soon_threadsafe(call, *args)
            except RuntimeError:  # the loop is closed
                return

    def _end(self, why: str) -> None:
        if not self._closing:
            self._start(self.close(why))

    @property
    def _closing(self) -> bool:
        return self._ending is not None

    async def close(self, why: str) -> None:
        """End the connection and all threads of this peer; whoever else does it waits for the same end."""
        if self._ending is None:
            self._why = harmless(why, 200)
            self._ending = self._loop.create_task(self._close())
        await asyncio.shield(self._ending)

    async def _close(self) -> None:
        self._track.stop()
        await asyncio.to_thread(self._end_threads)
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._connection.close()
        except Exception as error:  # of aiortc's, halfway through an offer that it choked on
            _log.debug("a connection didn't close", exc_info=error)
        self._on_ended(self, self._why)

    def _end_threads(self) -> None:
        if self._decoding is not None:
            self._decoding.close()
        self._stream.close()
        if self._waiter.ident is not None:
            self._waiter.join()
        self._count(0)

    async def look(self, luma: Plane) -> None:
        """Take a piece of what the peer's camera sees, before it is coded."""
        if self._sending is not None:
            await asyncio.to_thread(self._sending.look, luma)

    @property
    def statistics(self) -> dict[str, Any]:
        """What a page shows: names and numbers alone."""
        (done, handed_on), made = self._done, self._last
        with self._times:
            delays = sorted(self._delays)
        found: dict[str, Any] = {
            "state": "ended" if self._closing else self._connection.connectionState,
            "why": self._why,
            "codec": self._codec,
            "seconds": round(time.monotonic() - self._began_s, 1),
            "received": asdict(self._decoding.received) if self._decoding else {},
            "made": {
                "frames": done.frames, "dropped": done.dropped, "late": done.late, "repeated": done.repeated,
                "faults": done.faults, "level_changes": done.level_changes,
                "p50_ms": done.p50_us / 1000, "p99_ms": done.p99_us / 1000,
                "levels": {level.name.lower(): count for level, count in done.levels.items()},
                "reasons": {str(reason): count for reason, count in done.reasons.items()},
            },
            "sent": asdict(self._encoder.sent) if self._encoder else {},
            # By a newer one: before the encoder, or before this thread came to fetch it
            "replaced": self._track.replaced + max(0, done.frames - handed_on),
            "colour": self._tints,
            "corrections": asdict(self._side.counted),
        }  # fmt: skip
        if made is not None:
            found["level"], found["reason"] = made.level.name.lower().replace("_", " "), str(made.reason)
        if self._sending is not None:
            found["sending"] = self._sending.statistics
        if delays:
            found["delay_ms"] = {
                "p50": round(1e3 * delays[len(delays) // 2], 1), "p99": round(1e3 * delays[len(delays) * 99 // 100], 1),
            }  # fmt: skip
        return found


def _settle(transceiver: RTCRtpTransceiver) -> str:
    """Answer with one codec, the first of the offer's that is known, so that both ways have the same."""
    offered = transceiver._codecs
    first = next(codec for codec in offered if codec.name in CODECS)
    resent = [codec for codec in offered if codec.name.lower() == "rtx"]
    transceiver._codecs = [first, *(each for each in resent if each.parameters.get("apt") == first.payloadType)]
    return str(first.name)
