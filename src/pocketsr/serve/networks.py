"""The networks that all peers share, loaded and timed once."""

from __future__ import annotations

from collections.abc import Mapping

from pocketsr.engine import Upscaler, load_correction
from pocketsr.live import GovernedStream
from pocketsr.live.ladder import Ladder
from pocketsr.loading import load
from pocketsr.serve.settings import LADDER, Settings

__all__ = ["Networks"]


class Networks:
    """Makes a stream for each peer; the streams take turns on the cores.

    Raises UserError for networks that can't be loaded.
    """

    def __init__(self, settings: Settings, ladder: Mapping[str, str] = LADDER) -> None:
        self._settings = settings
        self._loaded: dict[str, Upscaler] = {
            level: load(name, threads=settings.threads) for level, name in ladder.items()
        }
        load_correction(settings.threads)  # compiled now, and not while the picture waits that brings the first one
        named = Ladder(ladder, None, settings.threads)
        self._costs = named.costs()  # kept by name, from one start to the next
        named.close()

    def stream(self, full: tuple[int, int] | None = None) -> GovernedStream:
        """A stream of its own for a peer, at once. full: of results, where the settings say no size."""
        settings = self._settings
        return GovernedStream(
            self._loaded, fps=settings.fps, threads=settings.threads, us_per_mpx=self._costs, size=settings.size or full
        )  # fmt: skip
