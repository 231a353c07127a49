"""Encoded frames to pictures, on a thread of its own, within limits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pocketsr.serve.assembly import EncodedFrame
from pocketsr.serve.bitstream import told
from pocketsr.serve.settings import Limits

__all__ = ["CLOCK", "Decoding", "Received"]

CLOCK = Fraction(1, 90_000)
"""Of RTP's timestamps."""

# FFmpeg's own VP8 decoder: aiortc takes libvpx, whose wrapper flags no key frame, and allocates before it asks whether
# a picture is too large.
_DECODERS = {"VP8": "vp8", "H264": "h264"}
_FORMATS = ("yuv420p", "yuvj420p")
_BROKEN_KEYS = 10  # key frames in a row that can't be decoded: this peer sends something else
_ASK_AGAIN_S = 0.5  # for a key frame, as long as none comes
_BT601, _STUDIO = 5, 1  # what VP8 is by its definition (RFC 6386, 9.2), whatever its clamping bit says


@dataclass
class Received:
    """What came from a peer. lost: frames that were given up, dropped: those beyond the limits."""

    frames: int = 0
    key_frames: int = 0
    lost: int = 0
    dropped: int = 0
    bytes: int = 0
    width: int = 0
    height: int = 0


class Decoding:
    """Decodes what `put` gives it.

    codec: VP8 or H264.
    picture: takes each decoded frame and the second when it came in.
    refuse: is told, once, why this peer can't go on; nothing is decoded after that.
    """

    def __init__(
        self, codec: str, limits: Limits, picture: Callable[[VideoFrame, float], None], refuse: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._name, self._limits, self._picture, self._refuse = codec, limits, picture, refuse
        self._changed = threading.Condition()
        self._waiting: deque[EncodedFrame | None] = deque()  # None: what follows needs a key frame
        self._ended = False
        self._synced, self._breaks = False, 0  # whether frames can be decoded; how many None wait
        self._asked_s = time.monotonic()
        self._allowance, self._allowed_s = float(limits.frames_a_second), time.monotonic()
        self._broken, self._sequence = 0, b""
        self.received = Received()
        self._decoder = self._opened()
        self._thread = threading.Thread(target=self._run, name="pocketsr-decoding", daemon=True)
        self._thread.start()

    def _opened(self) -> VideoCodecContext:
        made = av.CodecContext.create(_DECODERS[self._name], "r")
        assert isinstance(made, VideoCodecContext)
        made.options = {"max_pixels": str(self._limits.width * self._limits.height)}
        made.thread_count = 1  # more of them hold frames back
        return made

    def put(self, frame: EncodedFrame) -> None:
        """Decode this next. Where too many wait or come in a second, they are dropped until a key frame."""
        with self._changed:
            if self._ended:
                return
            now = time.monotonic()
            rate = self._limits.frames_a_second
            self._allowance = min(self._allowance + (now - self._allowed_s) * rate, rate)
            self._allowed_s = now
            if self._allowance < 1 or len(self._waiting) >= self._limits.frames_waiting:
                self.received.dropped += 1 + len(self._waiting) - self._breaks
                self._waiting.clear()
                self._breaks = 0
                self._break()
                return
            self._allowance -= 1
            self._waiting.append(frame)
            self._changed.notify_all()

    def lost(self) -> None:
        """A frame never came: those that build upon it are of no use."""
        with self._changed:
            self.received.lost += 1
            self._break()

    def _break(self) -> None:
        if not self._waiting or self._waiting[-1] is not None:
            self._waiting.append(None)
            self._breaks += 1
            self._changed.notify_all()

    def starved(self) -> bool:
        """Whether to ask the peer for a key frame now."""
        with self._changed:
            now = time.monotonic()
            if (self._synced and not self._breaks) or now - self._asked_s < _ASK_AGAIN_S:
                return False
            self._asked_s = now
            return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if self._ended:
                    return
                frame = self._waiting.popleft()
                if frame is None:
                    self._synced = False
                    self._breaks -= 1
                    continue
            why: str | None
            try:
                why = self._decode(frame)
            except Exception as error:  # whatever it sent, this peer ends and not the thread without a word
                why = f"its frames can't be decoded ({type(error).__name__})"
            if why is not None:
                with self._changed:
                    self._ended = True
                self._refuse(why)
                return

    def _decode(self, encoded: EncodedFrame) -> str | None:
        """Hand on the frame's picture. Returns why this peer can't go on, or None."""
        received, limits = self.received, self._limits
        received.frames += 1
        received.bytes += len(encoded.data)
        key, size, sequence = told(self._name, encoded.data)
        if size is not None and not limits.allow(*size):
            return f"a picture of {size[0]}x{size[1]}: {limits.width}x{limits.height} pixels are the most"
        if key:
            received.key_frames += 1
            self._synced = True
            if sequence and sequence != self._sequence:
                # FFmpeg 8.1's H.264 decoder keeps the colour tags of the sequence before where the new one has none.
                self._sequence, self._decoder = sequence, self._opened()
        elif not self._synced:
            received.lost += 1
            return None
        packet = av.Packet(encoded.data)
        packet.pts, packet.time_base = encoded.pts, CLOCK
        try:
            pictures = self._decoder.decode(packet)
        except (av.FFmpegError, ValueError):
            self._synced = False
            received.lost += 1
            self._broken += key
            most = f"{limits.width}x{limits.height}"
            return f"its pictures are broken, or larger than {most}" if self._broken >= _BROKEN_KEYS else None
        for picture in pictures:
            if not limits.allow(picture.width, picture.height):
                return f"a picture of {picture.width}x{picture.height}: too large"
            if picture.format.name not in _FORMATS:
                return f"a picture of {picture.format.name}: 8 bits and 4:2:0 (yuv420p) are expected"
            self._broken = 0
            if self._name == "VP8":
                picture.colorspace, picture.color_range = _BT601, _STUDIO
            picture.pts, picture.time_base = encoded.pts, CLOCK
            received.width, received.height = picture.width, picture.height
            self._picture(picture, encoded.came_s)
        return None

    def close(self) -> None:
        """The frame in hand is finished, what waits is dropped."""
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join()
