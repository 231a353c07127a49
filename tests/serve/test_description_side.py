"""Offers with a data channel beside the video."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("aiortc")

from call_samples import offer_of_video

from pocketsr.serve.description import BadOfferError, checked_offer
from pocketsr.serve.settings import Limits


@pytest.fixture(scope="module")
def offer() -> str:
    return asyncio.run(offer_of_video(channel="any"))


def test_its_group_stays_and_its_addresses_do_not(offer: str) -> None:
    kept = checked_offer(offer, Limits())
    assert kept.count("a=group:BUNDLE 0 1\r\n") == 1
    assert kept.count("m=application ") == 1
    assert "a=candidate:" not in kept


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("a=group:BUNDLE 0 1", "a=group:BUNDLE 0", "aren't bundled"),
        ("a=group:BUNDLE 0 1\r\n", "", "aren't bundled"),
        ("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 2", "aren't bundled"),
        ("a=mid:1", "a=mid:0", "aren't bundled"),
        ("a=mid:1\r\n", "", "an identification"),
        ("a=sctp-port:5000", "a=sctp-port:x", "a port of its data channel"),
        ("UDP/DTLS/SCTP", "DTLS/SCTP", "a data channel by DTLS"),
        ("m=application ", "m=audio ", "the offer has video, audio"),
    ],
)
def test_what_is_no_such_offer_is_refused(offer: str, old: str, new: str, why: str) -> None:
    assert old in offer
    with pytest.raises(BadOfferError, match=why):
        checked_offer(offer.replace(old, new), Limits())


def test_two_data_channels_are_one_too_many(offer: str) -> None:
    section = offer[offer.index("m=application") :]
    with pytest.raises(BadOfferError, match="video, application, application"):
        checked_offer(offer + section, Limits())
