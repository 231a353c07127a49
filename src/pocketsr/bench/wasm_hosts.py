"""Node as a process that answers line by line, and a headless Chromium that shows one page of a local server."""

from __future__ import annotations

import http.server
import json
import queue
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["HostError", "Node", "in_chromium", "in_node"]

_PATIENCE_S = 600
_LARGEST = 1 << 28  # bytes that a page may send


class HostError(UserError):
    """A host ended, or said what went wrong."""


class Node:
    """A Node process that runs `wasm_node.js`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, frames: int) -> dict[str, Any]:
        """The times of a round."""
        assert self._process.stdin is not None
        print(frames, file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # what runtimes print beside
                return dict(json.loads(line))
        assert self._process.stderr is not None
        said = self._process.stderr.read().strip().splitlines() or ["it said nothing"]
        error = next((each for each in said if "Error" in each), said[-1])
        raise HostError(f"Node ended: {harmless(error, 300)}")


@contextmanager
def in_node(node: str, folder: Path) -> Iterator[Node]:
    """Node in `folder`, until the block ends. Raises HostError where it can't be started."""
    try:
        process = subprocess.Popen(
            [node, "wasm_node.js"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        raise HostError(f"{harmless(node)} can't be run: {error.strerror}") from error
    try:
        yield Node(process)
    finally:
        process.kill()
        process.communicate()


def in_chromium(
    chromium: str,
    folder: Path,
    page: str = "wasm_page.html",
    headers: Mapping[str, str] = MappingProxyType({}),
    options: Sequence[str] = (),
) -> dict[str, Any]:
    """What `page` in `folder`, served with `headers`, sends to /result when it is done.

    options: of the browser. Raises HostError where nothing comes, or {"failed"}.
    """
    results: queue.Queue[bytes] = queue.Queue()

    class Handler(http.server.SimpleHTTPRequestHandler):
        extensions_map = {  # noqa: RUF012 (as http.server has it)
            "": "application/octet-stream",
            ".html": "text/html",
            ".js": "text/javascript",
            ".mjs": "text/javascript",
            ".json": "application/json",
            ".wasm": "application/wasm",
        }

        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def end_headers(self) -> None:
            for name, value in headers.items():
                self.send_header(name, value)
            super().end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _LARGEST))
            if self.path == "/result":
                results.put(body)
            elif re.fullmatch(r"/[a-z-]+\.chromium\.out", self.path):
                (folder / self.path[1:]).write_bytes(body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", *options]
        address = f"http://127.0.0.1:{server.server_address[1]}/{page}"
        try:
            process = subprocess.Popen(
                [*command, f"--user-data-dir={profile}", address],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            server.shutdown()
            raise HostError(f"{harmless(chromium)} can't be run: {error.strerror}") from error
        try:
            result = dict(json.loads(_first(results, process)))
        finally:
            process.terminate()
            process.wait()
            server.shutdown()
    if "failed" in result:
        raise HostError(harmless(result["failed"], 300))
    return result


def _first(results: queue.Queue[bytes], process: subprocess.Popen[bytes]) -> bytes:
    for _ in range(_PATIENCE_S):
        try:
            return results.get(timeout=1)
        except queue.Empty:
            if process.poll() is not None:
                raise HostError(f"chromium ended with code {process.returncode}") from None
    raise HostError(f"the page sent nothing within {_PATIENCE_S} s")
