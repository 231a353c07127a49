"""The page on this machine alone: a web server that knows a dozen addresses and reads no file that it is told to."""

from __future__ import annotations

import errno
import http.server
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from pocketsr.errors import UserError
from pocketsr.webpage.site import FILES, HEADERS, TYPES, Networks, page_file

__all__ = ["DEFAULT_PORT", "PageServer", "serve"]

DEFAULT_PORT: Final = 8736
_HOST: Final = "127.0.0.1"
_NAMED_HERE = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_PATIENCE_S: Final = 30.0  # for a browser that opened a connection and says nothing


class PageServer(http.server.ThreadingHTTPServer):
    """Listens on 127.0.0.1. `address` is what a browser opens."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, networks: Networks) -> None:
        self.networks = networks
        super().__init__((_HOST, port), _Handler)

    @property
    def address(self) -> str:
        return f"http://localhost:{self.server_address[1]}/"

    def server_bind(self) -> None:
        """Without the name of this machine, which http.server asks a name server for."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: PageServer
    server_version, sys_version = "pocketsr", ""
    timeout = _PATIENCE_S

    def do_GET(self) -> None:
        # Another site's name can be made to lead to this machine (DNS rebinding): its pages get nothing.
        if _NAMED_HERE.fullmatch(self.headers.get("Host", "")) is None:
            return self._answer(HTTPStatus.FORBIDDEN, b"open this page as localhost", ".html")
        path = self.path.partition("?")[0].removeprefix("/") or FILES[0]
        try:
            content = page_file(path) if path in FILES else self._network(path)
        except UserError as error:
            self.log_error("%s", error)
            return self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error).encode(), ".html")
        if content is None:
            return self._answer(HTTPStatus.NOT_FOUND, b"there is no such page", ".html")
        return self._answer(HTTPStatus.OK, content, Path(path).suffix)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _network(self, path: str) -> bytes | None:
        folder, _, name = path.partition("/")
        return self.server.networks.file(name) if folder == "networks" else None

    def _answer(self, status: HTTPStatus, content: bytes, suffix: str) -> None:
        self.send_response(status)
        kind = TYPES[suffix] if status == HTTPStatus.OK else "text/plain; charset=utf-8"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@contextmanager
def serve(port: int | None = None) -> Iterator[PageServer]:
    """A server that is ready for `serve_forever`; its networks are gone at the end.

    port: None: DEFAULT_PORT, or any free one where that is taken. Raises UserError where `port` can't be had.
    """
    with tempfile.TemporaryDirectory(prefix="pocketsr-web-") as folder:
        networks = Networks(Path(folder))
        with _bound(port, networks) as server:
            yield server


def _bound(port: int | None, networks: Networks) -> PageServer:
    try:
        return PageServer(DEFAULT_PORT if port is None else port, networks)
    except OSError as error:
        if port is None and error.errno == errno.EADDRINUSE:
            return PageServer(0, networks)
        raise UserError(f"port {port} can't be used ({error.strerror}); --port 0 takes a free one") from error
