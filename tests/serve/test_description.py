"""Offers that aren't one are refused in a line, before aiortc reads them."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("aiortc")

from call_samples import offer_of_video

from pocketsr.serve.description import BadOfferError, checked_offer
from pocketsr.serve.settings import Limits


@pytest.fixture(scope="module")
def offer() -> str:
    return asyncio.run(offer_of_video())


def test_an_offer_loses_the_addresses_in_it(offer: str) -> None:
    assert "a=candidate:" in offer
    kept = checked_offer(offer, Limits())
    dropped = ("a=candidate:", "a=end-of-candidates", "a=group:")
    assert kept.splitlines() == [line for line in offer.splitlines() if not line.startswith(dropped)]


def _without(prefix: str) -> tuple[str, str]:
    return prefix, ""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (*_without("v=0\r\n"), "holds no SDP"),
        (*_without("m=video "), "the offer has none"),
        ("m=video ", "m=audio ", "the offer has audio"),
        ("m=video ", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nm=video ", "application, video"),
        ("m=video ", "m=video x", "isn't RTP by DTLS"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", "isn't RTP by DTLS"),
        ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPF" + " 100" * 100, "isn't RTP by DTLS"),
        ("a=ice-ufrag:", "a=ice-ufrag:\x07", "a user name for ICE"),
        (*_without("a=ice-pwd:"), "a password for ICE"),
        ("a=fingerprint:sha-", "a=fingerprint:md", "a fingerprint"),
        ("a=setup:", "a=setup:both", "a role in DTLS"),
        (*_without("a=mid:"), "an identification"),
        (*_without("a=rtcp-mux"), "one port"),
        ("a=sendrecv", "a=recvonly", "both ways"),
        ("VP8", "AV1", "H264"),
        ("a=mid:0", "a=mid:0\r\na=x:" + "y" * 3000, "lines"),
        ("a=mid:0", "a=mid:0" + "\r\na=x" * 2000, "lines"),
        ("a=mid:0", "a=mid:0\r\na=x:" + "é", "holds no SDP"),
        ("a=mid:0", "a=mid:0\r\n" + "a=x:" + "y" * 70_000, "characters long"),
    ],
)
def test_what_is_wrong_is_said(offer: str, old: str, new: str, why: str) -> None:
    assert old in offer
    text = offer.replace(old, new)
    if new == "AV1":
        text = text.replace("H264", "AV1")
        why = "VP8 or H264"
    with pytest.raises(BadOfferError, match=why) as error:
        checked_offer(text, Limits())
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("thing", [None, 7, b"v=0", {}, [], "", "v=0", "v=0\n" * 5000])
def test_what_is_no_text_of_sdp(thing: object) -> None:
    with pytest.raises(BadOfferError):
        checked_offer(thing, Limits())
