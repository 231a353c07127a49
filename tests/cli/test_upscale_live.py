"""Cameras, the screen, addresses, windows: what is there works, what isn't is said in a line."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from cli_samples import make_clip

from pocketsr.engine import load, load_chroma
from pocketsr.video import address_of

Run = Callable[..., Any]
OPTIONS = ("-m", "tiny", "-j", "1")


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    load("tiny", threads=1)
    load_chroma(siting="left", threads=1)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
            return
        super().do_GET()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    make_clip(folder / "clip.mkv", frames=12, width=48, height=32)
    (folder / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nclip.mkv\n#EXT-X-ENDLIST\n")
    (folder / "page.html").write_text("<html>no video</html>")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_an_address_is_opened_where_that_is_allowed(pocketsr: Run, server: str, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    refused = pocketsr("upscale", f"{server}/clip.mkv", "-o", out, *OPTIONS)
    assert refused.code == 2
    assert (
        refused.err == f"pocketsr: {server}/clip.mkv is an address, not a file: add --allow-url to let it be opened\n"
    )
    done = pocketsr("upscale", f"{server}/clip.mkv", "-o", out, "--allow-url", *OPTIONS)
    assert (done.code, done.err) == (0, "")
    assert frames(out) == 12


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("{server}/list.m3u8", "can't be opened"),
        ("{server}/page.html", "can't be opened"),
        ("{server}/absent.mkv", "can't be opened"),
        ("{server}/away", "can't be opened"),
        ("http://me:secret@127.0.0.1:9/a.mkv", "http://127.0.0.1:9/a.mkv can't be opened (Connection refused"),
        ("file:///etc/passwd", "file is not opened"),
        ("udp://127.0.0.1:9", "udp is not opened"),
        ("concat://a|b", "concat is not opened"),
        ("http:///a.mkv", "names no host"),
    ],
)
def test_what_no_address_may_do(pocketsr: Run, server: str, tmp_path: Path, address: str, why: str) -> None:
    out = tmp_path / "out.mkv"
    done = pocketsr("upscale", address.format(server=server), "-o", out, "--allow-url", *OPTIONS)
    assert done.code == 2
    assert why in done.err
    assert "secret" not in done.err
    assert done.err.count("\n") == 1
    assert not out.exists()


def test_devices_that_are_not_there(pocketsr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    for name, why in (
        ("/dev/video987", "/dev/video987: there is no such camera"),
        ("screen:", "DISPLAY is not set"),
        ("screen::987", "screen::987 can't be opened"),
    ):
        done = pocketsr("upscale", name, "-o", tmp_path / "out.mkv", *OPTIONS)
        assert done.code == 2
        assert why in done.err
        assert done.err.count("\n") == 1
    two = pocketsr("upscale", "/dev/video0", "screen:", "-o", tmp_path / "out.mkv", *OPTIONS)
    assert "/dev/video0 is upscaled alone" in two.err
    assert not (tmp_path / "out.mkv").exists()


def test_names_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    assert address_of("clip.mp4") is None
    assert address_of("a:b.mp4") is None
    screen = address_of("screen:+10,20", size=(640, 360), rate="30")
    assert screen is not None
    assert (screen.url, screen.demuxer) == (":7+10,20", "x11grab")
    assert screen.options == {"video_size": "640x360", "framerate": "30"}
    url = address_of("RTSP://me:secret@host:554/a//b/?x=1")
    assert url is not None
    assert (url.name, url.url) == ("rtsp://host:554/a//b/?x=1", "rtsp://me:secret@host:554/a//b/?x=1")
    assert url.options["protocol_whitelist"] == "rtsp,rtp,udp,tcp"


def test_a_window(pocketsr: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for ffplay takes what it would get."""
    programs = tmp_path / "bin"
    programs.mkdir()
    player = programs / "ffplay"
    player.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(tmp_path / 'got.nut')!r}, 'wb').write(sys.stdin.buffer.read())\n"
    )
    player.chmod(0o755)
    monkeypatch.setattr("pocketsr.live.ladder.SHIPPED", {"tiny": "tiny", "bicubic": "bicubic"})
    absent = pocketsr("upscale", clip, "--live", "-j", "1")
    if shutil.which("ffplay") is None:
        assert absent.code == 2
        assert "--live shows a window by ffplay, which isn't installed" in absent.err
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    done = pocketsr("upscale", clip, "--size", "80x60", "--live", "-j", "1")
    assert (done.code, done.err) == (0, "")
    said = done.out.split()
    with av.open(str(tmp_path / "got.nut")) as container:
        got = list(container.decode(video=0))
    assert {(frame.width, frame.height) for frame in got} == {(80, 60)}
    assert int(said[0]) >= len(got) > 0
    assert int(said[0]) + int(said[7]) == 12  # made, and dropped
    times = [frame.pts * frame.time_base for frame in got]
    assert times == sorted(set(times))


def test_a_virtual_camera(pocketsr: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketsr.live.ladder.SHIPPED", {"tiny": "tiny", "bicubic": "bicubic"})
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    absent = pocketsr("upscale", clip, "--live", "/dev/video10", "-j", "1")
    assert "pip install 'pocketsr[live]'" in absent.err
    sent: list[Any] = []

    class Camera:
        def __init__(self, width: int, height: int, fps: float, device: str) -> None:
            if device == "/dev/video11":
                raise RuntimeError("no such device")
            sent.append((width, height, fps, device))

        def send(self, picture: np.ndarray) -> None:
            sent.append(picture.shape)

        def close(self) -> None:
            sent.append("closed")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=Camera))
    done = pocketsr("upscale", clip, "--live", "/dev/video10", "-j", "1")
    assert (done.code, done.err) == (0, "")
    assert sent[0] == (96, 64, 25.0, "/dev/video10")
    assert set(sent[1:-1]) == {(64, 96, 3)}
    assert sent[-1] == "closed"
    broken = pocketsr("upscale", clip, "--live", "/dev/video11", "-j", "1")
    assert broken.err.startswith("pocketsr: /dev/video11 is no virtual camera (no such device)")
    for args, why in ((("-o", "x.mp4"), "writes nothing"), (("--live", "there"), "nothing for a window")):
        assert why in pocketsr("upscale", clip, "--live", *args, "-j", "1").err


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb, a screen without a monitor")
def test_the_screen_until_ctrl_c(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    code = (
        "import signal, sys\n"
        "from pocketsr.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    read, write = os.pipe()
    xvfb = ["Xvfb", "-displayfd", str(write), "-screen", "0", "160x120x24", "-nolisten", "tcp"]
    with subprocess.Popen(xvfb, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        try:
            display = f":{os.read(read, 16).decode().strip()}"
            command = [sys.executable, "-c", code, "upscale", f"screen:{display}", "-o", str(out)]
            command += [*OPTIONS, "--rate", "10"]
            with subprocess.Popen(command, stderr=subprocess.PIPE) as run:
                while run.poll() is None and not list(tmp_path.glob(".*.part.mkv")):
                    time.sleep(0.01)
                time.sleep(1)
                run.send_signal(signal.SIGINT)
                assert run.wait(60) == 0, run.stderr.read()
        finally:
            server.terminate()
    with av.open(str(out)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (320, 240)
    assert frames(out) >= 2
