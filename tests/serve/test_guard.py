"""Who may ask, and how much."""

from __future__ import annotations

import pytest

pytest.importorskip("aiortc")

import aiohttp
from call_samples import JSON, Asking, asked

from pocketsr.errors import ArgumentError
from pocketsr.serve import Networks, Settings
from pocketsr.serve.guard import Rate


def test_the_page_asks_nobody_else(networks: Networks) -> None:
    async def work(address: str, _: Asking) -> None:
        async with aiohttp.ClientSession() as session:
            for path, kind in (("", "text/html"), ("page.js", "text/javascript"), ("page.css", "text/css")):
                async with session.get(address + path) as response:
                    text = await response.text()
                    assert (response.status, response.content_type) == (200, kind)
                    assert "http:" not in text
                    assert "https:" not in text.replace("https and localhost", "")
                    assert "innerHTML" not in text
                    assert "style=" not in text
            async with session.get(address + "../settings.py") as response:
                assert response.status == 404

    asked(networks, Settings(port=0), work)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),  # no page asks: a program of this machine
        ({"Host": "localhost:{port}"}, 400),
        ({"Host": "127.0.0.1:{port}", "Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}, 400),
        ({"Host": "attacker.example:{port}"}, 403),
        ({"Host": "attacker.example:{port}", "Origin": "http://attacker.example:{port}"}, 403),
        ({"Host": "127.0.0.1.attacker.example"}, 403),
        ({"Host": "192.0.2.7:{port}"}, 403),
        ({"Host": "127.0.0.1@attacker.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_pages_of_other_sites_are_refused(headers: dict[str, str], status: int, networks: Networks) -> None:
    async def work(address: str, ask: Asking) -> None:
        port = address.rsplit(":", 1)[1].strip("/")
        named = {name: value.format(port=port) for name, value in {**JSON, **headers}.items()}
        got, told = await ask("POST", "call", data=b'{"type": "offer"}', headers=named)
        assert got == status
        assert len(told["error"].splitlines()) == 1

    asked(networks, Settings(port=0), work)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"[]", 400), (b"{}", 400), (b'{"type": "answer"}', 400), (b'{"type": "offer", "sdp": 3}', 400),
        (b"[" * 60_000, 400), (b"\xff\xfe", 400), (b'{"type": "offer", "sdp": "' + b"v" * 70_000 + b'"}', 413),
    ],
)  # fmt: skip
def test_bodies_that_are_no_offer(body: bytes, status: int, networks: Networks) -> None:
    async def work(_: str, ask: Asking) -> None:
        assert (await ask("POST", "call", data=body, headers=JSON))[0] == status
        assert (await ask("GET", "call/nobody"))[0] == 404
        assert (await ask("DELETE", "call/nobody"))[0] == 404

    asked(networks, Settings(port=0), work)


def test_a_token_where_one_is_needed(networks: Networks) -> None:
    token = "0123456789abcdef-token"

    async def work(address: str, ask: Asking) -> None:
        assert address.endswith(f"/#token={token}")
        body = {"data": b"{}", "headers": JSON}
        assert (await ask("POST", "call", **body))[0] == 401
        for given in ("", "Bearer", "Bearer ", f"Bearer {token[:-1]}", f"Bearer {token}x", "Bearer \u00e9"):
            assert (await ask("POST", "call", data=b"{}", headers={**JSON, "Authorization": given}))[0] == 401
            assert (await ask("GET", "call/x", headers={"Authorization": given}))[0] == 401
        right = {**JSON, "Authorization": f"Bearer {token}"}
        assert (await ask("POST", "call", data=b"{}", headers=right))[0] == 400
        assert (await ask("GET", ""))[0] == 200  # the page itself holds nothing

    asked(networks, Settings(port=0, token=token), work)


def test_settings_that_would_let_others_in() -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::", "fd00::2"):
        with pytest.raises(ArgumentError, match="token"):
            Settings(host)
        assert not Settings(host, token="0123456789abcdef").local
    for host in ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"):
        assert Settings(host).local
    with pytest.raises(ArgumentError, match="16"):
        Settings("0.0.0.0", token="short")
    with pytest.raises(ArgumentError, match="no address"):
        Settings("attacker.example", token="0123456789abcdef")


def test_so_many_offers_a_minute() -> None:
    now = [0.0]
    rate = Rate(3, lambda: now[0])
    assert [rate.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 20
    assert [rate.take() for _ in range(2)] == [True, False]
    now[0] = 1000
    assert [rate.take() for _ in range(4)] == [True, True, True, False]
