"""The page, and the calls that it makes: offers, statistics, the end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

from pocketsr.errors import UserError
from pocketsr.names import harmless
from pocketsr.serve.description import BadOfferError
from pocketsr.serve.guard import Rate, guard, refused
from pocketsr.serve.networks import Networks
from pocketsr.serve.peer import Peer
from pocketsr.serve.sending import checked_full, checked_look
from pocketsr.serve.settings import Settings

__all__ = ["Server", "running", "serve"]

_PAGE = Path(__file__).with_name("page")
_FILES = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
_KEPT_ENDS = 64  # peers that ended, whose reason their page may still ask for
_log = logging.getLogger("pocketsr")


class Server:
    """Peers by their identification, which nobody can guess."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self._settings, self._networks = settings, networks
        self._peers: dict[str, Peer] = {}
        self._ends: dict[str, dict[str, Any]] = {}
        self._rate = Rate(settings.limits.offers_a_minute)

    @property
    def application(self) -> web.Application:
        """Routes and checks, for aiohttp."""
        made = web.Application(middlewares=[guard(self._settings)], client_max_size=self._settings.limits.sdp_bytes)
        made.router.add_get("/", self._file)
        made.router.add_get("/page.js", self._file)
        made.router.add_get("/page.css", self._file)
        made.router.add_post("/call", self._offer)
        made.router.add_get("/call/{name}", self._statistics)
        made.router.add_put("/call/{name}/look", self._look)
        made.router.add_delete("/call/{name}", self._hang_up)
        return made

    async def _file(self, request: web.Request) -> web.Response:
        name, kind = _FILES[request.path]
        return web.Response(body=(_PAGE / name).read_bytes(), content_type=kind, charset="utf-8")

    async def _offer(self, request: web.Request) -> web.Response:
        limits = self._settings.limits
        if request.content_type != "application/json":  # which no form of another site can send unasked
            return refused(415, "an offer is JSON: {sdp, type}")
        if not self._rate.take():
            return refused(429, f"more than {limits.offers_a_minute} calls in a minute: try again later")
        if len(self._peers) >= limits.peers:
            return refused(503, f"{limits.peers} calls are going on, which is the most: end one of them")
        try:
            offer = await request.json()
        except ValueError:
            return refused(400, "an offer is JSON: {sdp, type}")
        except RecursionError:
            return refused(400, "an offer is JSON: {sdp, type}")
        if not isinstance(offer, dict) or offer.get("type") != "offer":
            return refused(400, "an offer is JSON: {sdp, type}, and its type is offer")
        name = secrets.token_urlsafe(16)
        if len(self._peers) >= limits.peers:  # while the body came
            return refused(503, f"{limits.peers} calls are going on, which is the most: end one of them")
        try:
            full = checked_full(offer.get("full"), limits)
        except BadOfferError as error:
            return refused(400, str(error))
        peer = Peer(self._settings, self._networks.stream(full), lambda peer, why: self._ended(name, peer, why), full)
        self._peers[name] = peer
        try:
            sdp = await peer.answer(offer.get("sdp"))
        except BadOfferError as error:
            return refused(400, str(error))
        _log.info("a call begins (%d now)", len(self._peers))
        return web.json_response({"name": name, "type": "answer", "sdp": sdp})

    def _ended(self, name: str, peer: Peer, why: str) -> None:
        self._peers.pop(name, None)
        self._ends[name] = peer.statistics
        while len(self._ends) > _KEPT_ENDS:
            del self._ends[next(iter(self._ends))]
        _log.info("a call ended: %s", harmless(why, 200))

    async def _statistics(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if (peer := self._peers.get(name)) is not None:
            return web.json_response(peer.statistics)
        if (ended := self._ends.get(name)) is not None:
            return web.json_response(ended)
        return refused(404, "there is no such call")

    async def _look(self, request: web.Request) -> web.Response:
        """A piece of the picture before it is coded: how crisp it is decides with the bits which size to send."""
        if request.content_type != "application/octet-stream":
            return refused(415, "a look is bytes of luma: application/octet-stream")
        if (peer := self._peers.get(request.match_info["name"])) is None:
            return refused(404, "there is no such call")
        try:
            luma = checked_look(await request.read(), request.query.get("width", ""))
        except BadOfferError as error:
            return refused(400, str(error))
        await peer.look(luma)
        return web.Response(status=204)

    async def _hang_up(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if (peer := self._peers.get(name)) is not None:
            await peer.close("it was ended by its page")
        elif name not in self._ends:
            return refused(404, "there is no such call")
        return web.Response(status=204)

    async def close(self) -> None:
        """End all calls."""
        await asyncio.gather(*(peer.close("the server ends") for peer in list(self._peers.values())))


@contextlib.asynccontextmanager
async def running(settings: Settings, networks: Networks) -> AsyncIterator[str]:
    """A server, listening until the block ends; gives its address.

    Raises UserError where it can't listen there.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(_quietly)
    server = Server(settings, networks)
    runner = web.AppRunner(
        server.application, access_log=None, handle_signals=False, shutdown_timeout=2, keepalive_timeout=30,
        logger=_requests,
    )  # fmt: skip
    await runner.setup()
    try:
        host = str(settings.address)
        site = web.TCPSite(runner, host, settings.port, ssl_context=settings.tls())
        try:
            await site.start()
        except OSError as error:
            why, other = error.strerror or error, "--port" if error.errno == errno.EADDRINUSE else "--host or --port"
            raise UserError(f"{host}:{settings.port} can't be listened on ({why}): choose another {other}") from error
        port = runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        scheme = "https" if settings.certificate else "http"
        token = f"#token={settings.token}" if settings.token else ""
        yield f"{scheme}://{shown}:{port}/{token}"
    finally:
        await server.close()
        await runner.cleanup()
        loop.set_exception_handler(before)


def _our_mistake(record: logging.LogRecord) -> bool:
    """Not that a peer's request is no HTTP: it is told so, and aiohttp would print a traceback for each."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_requests = logging.getLogger(f"{__name__}.requests")
_requests.addFilter(_our_mistake)


def _quietly(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a peer causes in aiortc's own tasks is that peer's end, and no traceback on the terminal."""
    _log.debug("in a task: %s", context.get("message"), exc_info=context.get("exception"))


def serve(
    settings: Settings, networks: Networks, ready: Callable[[str], None], stop: Callable[[asyncio.Event], None]
) -> None:
    """Listen, and answer calls until the event that `stop` is given is set.

    ready: is told the address. stop: is called in the event loop. Raises UserError where it can't listen.
    """
    for name in ("aiortc", "aioice", "aiohttp"):  # they tell of every packet that can't be read
        logging.getLogger(name).setLevel(logging.CRITICAL)

    async def run() -> None:
        ended = asyncio.Event()
        stop(ended)
        async with running(settings, networks) as address:
            ready(address)
            await ended.wait()

    asyncio.run(run())
