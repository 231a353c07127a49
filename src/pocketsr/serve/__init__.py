"""A page on this machine, and the other end of its call: pictures come in, go through the networks, and come back.

Needs the extra `serve`: aiohttp and aiortc.
"""

from __future__ import annotations

from pocketsr.serve.networks import Networks
from pocketsr.serve.server import Server, running, serve
from pocketsr.serve.settings import LADDER, Limits, Settings, levels_up_to

__all__ = ["LADDER", "Limits", "Networks", "Server", "Settings", "levels_up_to", "running", "serve"]
