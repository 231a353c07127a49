"""Who may ask: requests of this page, with the token where one is needed, and not too many."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from pocketsr.serve.settings import Settings

__all__ = ["HEADERS", "Rate", "guard", "refused"]

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""Of every response: the page loads nothing from elsewhere, and no other page shows it."""


def refused(status: int, why: str) -> web.Response:
    """An error as the page shows it."""
    return web.json_response({"error": why}, status=status, headers=HEADERS)


def guard(settings: Settings) -> Middleware:
    """A middleware that lets through what this page asks for."""

    @web.middleware
    async def check(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if (why := _not_ours(request, settings)) is not None:
            return refused(403, why)
        if request.path.startswith("/call") and not _has_token(request, settings.token):
            return refused(401, "the token is missing or wrong: open the address that pocketsr serve printed")
        try:
            response = await handler(request)
        except web.HTTPException as error:
            return refused(error.status, error.reason)
        response.headers.update(HEADERS)
        return response

    return check


def _not_ours(request: web.Request, settings: Settings) -> str | None:
    """Why a request doesn't come from the page that this server serves.

    The name in Host is checked against DNS rebinding: a page of another site whose name is made to mean 127.0.0.1 would
    be of the same origin to the browser. Numbers can't be made to mean anything else.
    """
    host = request.headers.get("Host", "")
    name = urlsplit(f"//{host}").hostname or ""
    if not _is_known(name, settings):
        return "this server doesn't go by that name: use its address"
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{'https' if settings.certificate else 'http'}://{host}":
        return "a page of another site asks: open this server's own page"
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        if request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate":
            return None  # a link on another site leads here
        return "a page of another site asks: open this server's own page"
    return None


def _is_known(name: str, settings: Settings) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" and (settings.local or settings.address.is_unspecified)
    return address.is_loopback if settings.local else True


def _has_token(request: web.Request, token: str | None) -> bool:
    if token is None:
        return True
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(), token.encode())


class Rate:
    """So many a minute, and as many at once after a pause of a minute."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = a_minute, clock
        self._left, self._seen = float(a_minute), clock()

    def take(self) -> bool:
        """Whether there is one left."""
        now = self._clock()
        self._left = min(self._left + (now - self._seen) * self._most / 60, self._most)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
