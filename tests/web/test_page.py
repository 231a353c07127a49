"""The page of `pocketsr web` in headless Chromium, by playwright-core; and its server and files without a browser."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_files import GREY, make_files
from PIL import Image

from pocketsr import UserError
from pocketsr.cli import main
from pocketsr.engine import load
from pocketsr.webpage import NETWORKS, PageServer, serve, write_site
from pocketsr.webpage.site import FILES, page_file

WEB = Path(__file__).parents[2] / "web"


@pytest.fixture(scope="module")  # networks are compiled once
def server() -> Iterator[PageServer]:
    with serve(0) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def asked(server: PageServer, path: str, method: str = "GET", host: str | None = None) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    connection.request(method, path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    assert "script-src 'self' 'wasm-unsafe-eval';" in answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    return answer.status, answer.headers["Content-Type"], answer.read()


def test_in_chromium(built: dict[str, str], server: PageServer, tmp_path: Path) -> None:
    """Pictures, clips, the camera and a call; keyboard, axe-core, what is asked of others: web/test/page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: the page wasn't tried in a browser")
    make_files(tmp_path)
    done = subprocess.run(
        [built["NODE"], "--test", "--test-reporter=tap", "test/page/page.test.mjs"],
        cwd=WEB,
        env={
            **built,
            "POCKETSR_PAGE": server.address,
            "POCKETSR_FILES": str(tmp_path),
            "POCKETSR_CHROMIUM": chromium,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "# pass 0" not in done.stdout
    made = np.asarray(Image.open(tmp_path / "saved.png").convert("RGB"))
    native = load("small-w8a8", threads=1)(GREY)
    assert (made == native[:, :, None]).all()
    made = np.asarray(Image.open(tmp_path / "saved-tiny.png").convert("L")).astype(int)
    off = np.abs(made - load("tiny", threads=1)(GREY))
    assert off.max() <= 1
    assert (off > 0).sum() <= 1 + off.size // 10_000


def test_the_wheels_page_is_what_web_builds(built: dict[str, str]) -> None:
    assert built
    assert sorted(path.name for path in (WEB / "site").iterdir()) == sorted(FILES)
    for file in FILES:
        assert (WEB / "site" / file).read_bytes() == page_file(file), f"cd web && npm run page, and commit {file}"


def test_page_names_nobody_else() -> None:
    for file in FILES:
        assert not any(word in page_file(file) for word in (b"http://", b"https://", b'"//', b"innerHTML", b"onclick"))


def test_server_knows_its_own_addresses_alone(server: PageServer) -> None:
    assert (
        asked(server, "/") == asked(server, "/index.html?x=1") == (200, "text/html; charset=utf-8", page_file(FILES[0]))
    )
    assert asked(server, "/page.js")[:2] == (200, "text/javascript; charset=utf-8")
    assert asked(server, "/page.css", "HEAD") == (200, "text/css; charset=utf-8", b"")
    assert json.loads(asked(server, "/networks/index.json")[2]) == {"networks": list(NETWORKS)}
    for path in (
        "/../site.py",
        "/networks/",
        "/networks/../page.js",
        "/networks/huge.json",
        "/networks/tiny.js",
        "/%2e",
    ):
        assert asked(server, path)[0] == 404
    assert asked(server, "/", host="another.example:80")[0] == 403
    assert asked(server, "/", host="LOCALHOST:1")[0] == 200


def test_networks_are_made_when_they_are_asked_for(server: PageServer) -> None:
    status, kind, content = asked(server, "/networks/tiny.json")
    assert (status, kind) == (200, "application/json")
    for module in json.loads(content)["modules"].values():
        status, kind, content = asked(server, f"/networks/{module}")
        assert (status, kind, content[:4]) == (200, "application/wasm", b"\0asm")


def test_network_that_cant_be_made(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise UserError("there is no compiler")

    monkeypatch.setattr("pocketsr.webpage.site.export", refused)
    assert asked(server, "/networks/quality.wasm") == (500, "text/plain; charset=utf-8", b"there is no compiler")


def test_site_as_files(tmp_path: Path) -> None:
    write_site(tmp_path / "site", ["small-w8a8"])
    found = sorted(path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*"))
    assert found == sorted([*FILES, "networks/index.json", "networks/small-w8a8.json", "networks/small-w8a8.wasm"])
    assert json.loads((tmp_path / "site/networks/index.json").read_text()) == {"networks": ["small-w8a8"]}


@pytest.mark.parametrize(("options", "word"), [(["--port", "70000"], "65535"), (["--port", "x"], "free port")])
def test_mistakes(options: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["web", *options])
    assert ended.value.code == 2
    assert word in capsys.readouterr().err


def test_port_that_is_taken(server: PageServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["web", "--port", str(server.server_address[1])]) == 2
    assert "--port 0 takes a free one" in capsys.readouterr().err
