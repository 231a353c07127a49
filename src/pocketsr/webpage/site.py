"""The page's files: those of the wheel, made from `web/`, and networks as WebAssembly, made when they are asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from pocketsr.atomic_io import delivered, scratch_folder
from pocketsr.export.wasm import export
from pocketsr.models import SHIPPED_X2

__all__ = ["FILES", "HEADERS", "NETWORKS", "TYPES", "Networks", "index", "page_file", "write_site"]

FILES: Final = ("index.html", "page.css", "page.js", "worker.js")
NETWORKS: Final = tuple(name for name in SHIPPED_X2 if name != "bicubic")
"""What the page can choose from."""
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "connect-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob: mediastream:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    # with these two a page may share memory with its workers; it works without
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(self), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def page_file(name: str) -> bytes:
    """One of FILES."""
    return files("pocketsr.webpage").joinpath("site", name).read_bytes()


def index(names: Sequence[str]) -> str:
    """networks/index.json: what the page offers."""
    return json.dumps({"networks": list(names)}) + "\n"


class Networks:
    """Networks as WebAssembly in `folder`, each exported once, when it is first asked for. Threads may ask at once."""

    def __init__(self, folder: Path, names: Sequence[str] = NETWORKS) -> None:
        self.names = tuple(names)
        self._folder = folder
        self._locks = {name: threading.Lock() for name in names}
        self._made: dict[str, bytes] = {}

    def file(self, path: str) -> bytes | None:
        """What is in `path`, as small.json or small-relaxed.wasm; None: there is no such file.

        Raises UserError where the network can't be compiled.
        """
        if path == "index.json":
            return index(self.names).encode()
        stem, _, suffix = path.rpartition(".")
        name = stem.removesuffix("-relaxed") if suffix == "wasm" else stem
        if name not in self._locks or suffix not in ("json", "wasm"):
            return None
        with self._locks[name]:
            if f"{name}.json" not in self._made:
                self._made |= _exported(name, self._folder)
        return self._made.get(path)


def _exported(name: str, folder: Path) -> dict[str, bytes]:
    """NAME.json and the modules that it names."""
    with scratch_folder(folder) as scratch:
        export(name, scratch)
        facts = (scratch / f"{name}.json").read_bytes()
        modules = json.loads(facts)["modules"].values()
        return {f"{name}.json": facts, **{module: (scratch / module).read_bytes() for module in modules}}


def write_site(folder: Path, names: Sequence[str] = NETWORKS, progress: Callable[[str], None] = lambda _: None) -> None:
    """The whole page into `folder`, which is made where there is none: any web server can show it, without headers of
    its own, over https or on localhost.

    Raises UserError where it can't be written, or a network can't be compiled.
    """
    with delivered(folder) as scratch:
        for file in FILES:
            (scratch / file).write_bytes(page_file(file))
        made = scratch / "networks"
        made.mkdir()
        (made / "index.json").write_text(index(names), encoding="utf-8")
        for name in names:
            progress(f"{name} is compiled")
            for file, content in _exported(name, scratch).items():
                (made / file).write_bytes(content)
