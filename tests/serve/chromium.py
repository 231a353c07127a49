"""A headless Chromium by the Chrome DevTools Protocol, over aiohttp's WebSocket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

__all__ = ["Tab", "chromium_tab"]

_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0", "--window-size=1100,1250",
)  # fmt: skip
_PATIENCE_S = 60


class Tab:
    """A page. logs: what its console said; requests: the addresses that it asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.logs: list[str] = []
        self.requests: list[str] = []
        self._task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.logs.append(json.dumps(told["params"])[:500])
            elif told["method"] == "Network.requestWillBeSent":
                self.requests.append(told["params"]["request"]["url"])

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, and its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        told = await asyncio.wait_for(answer, _PATIENCE_S)
        assert "error" not in told, told
        return dict(told["result"])

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        told = await self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, script: str, seconds: float = _PATIENCE_S) -> Any:
        """The first value of an expression that is true."""
        for _ in range(int(seconds * 5)):
            if value := await self.run(script):
                return value
            await asyncio.sleep(0.2)
        raise AssertionError(f"{script} stayed false; the page said: {self.logs}")

    async def screenshot(self, path: Path) -> None:
        told = await self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))


@contextlib.asynccontextmanager
async def chromium_tab(program: str, address: str, profile: Path, *options: str) -> AsyncIterator[Tab]:
    """Chromium showing `address`."""
    process = subprocess.Popen(
        [program, *_OPTIONS, *options, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = profile / "DevToolsActivePort"
        for _ in range(_PATIENCE_S * 10):
            if port.exists() and port.read_text().strip():
                break
            await asyncio.sleep(0.1)
        number = port.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{number}/json/list") as response:
                pages = [page for page in await response.json() if page["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=1 << 26) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await tab.ask(f"{domain}.enable")
                await tab.ask("Page.navigate", url=address)
                await tab.until("document.readyState === 'complete'")
                yield tab
    finally:
        process.terminate()
        process.wait()
