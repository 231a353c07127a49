"""The track that goes back to a peer: the newest picture, and no older one."""

from __future__ import annotations

import asyncio

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.video.frame import VideoFrame

__all__ = ["Outgoing"]


class Outgoing(MediaStreamTrack):
    """One place for the next picture. All in the event loop.

    replaced: how many pictures a newer one took the place of, since the encoder was still busy.
    """

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._next: VideoFrame | None = None
        self._changed = asyncio.Event()
        self.replaced = 0

    def offer(self, picture: VideoFrame) -> None:
        """Send this one next, in place of one that still waits."""
        self.replaced += self._next is not None
        self._next = picture
        self._changed.set()

    async def recv(self) -> VideoFrame:
        """Waits for a picture; aiortc's sender calls it when it is ready to encode one."""
        while self._next is None:
            if self.readyState != "live":
                raise MediaStreamError
            self._changed.clear()
            await self._changed.wait()
        picture, self._next = self._next, None
        return picture

    def stop(self) -> None:
        """Whoever waits for a picture is told that none comes any more."""
        super().stop()
        self._next = None
        self._changed.set()
