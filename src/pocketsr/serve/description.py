"""Offers of peers, checked before aiortc reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pocketsr.errors import UserError
from pocketsr.names import harmless
from pocketsr.serve.settings import CODECS, Limits

__all__ = ["BadOfferError", "checked_offer"]

_LONGEST_LINE = 2000
# Candidates name addresses that aioice would send packets to, whoever lives there, and names that it would look up by
# multicast. None is needed: this end is the one that can be reached, and answers whoever has the password.
# A group of one video says nothing, and one that names others leaves it without a transport.
_DROPPED = ("a=candidate:", "a=end-of-candidates", "a=ice-options:", "a=group:")
_MOST_FORMATS = 64


_EACH = (
    (r"a=ice-ufrag:[A-Za-z0-9+/]{4,256}", "a user name for ICE"),
    (r"a=ice-pwd:[A-Za-z0-9+/]{22,256}", "a password for ICE"),
    (r"a=fingerprint:sha-(?:256|384|512) (?:[0-9A-Fa-f]{2}:)+[0-9A-Fa-f]{2}", "a fingerprint"),
    (r"a=setup:(?:actpass|active|passive)", "a role in DTLS"),
    (r"a=mid:[!-~]{1,64}", "an identification of its video"),
)
_VIDEO = (
    (r"a=rtcp-mux", "RTP and RTCP on one port"),
    (r"a=sendrecv", "a video both ways"),
    (rf"a=rtpmap:\d{{1,3}} (?:{'|'.join(CODECS)})/90000", " or ".join(CODECS)),
)
_SIDE = (
    (r"m=application \d{1,5} UDP/DTLS/SCTP webrtc-datachannel", "a data channel by DTLS, as browsers send it"),
    (r"a=sctp-port:\d{1,5}", "a port of its data channel"),
)
"""What each medium needs, and what it is called where it is missing."""


class BadOfferError(UserError):
    """A description that isn't one, or that asks for what there isn't."""


def checked_offer(sdp: object, limits: Limits) -> str:
    """An offer of one video, both ways, for aiortc to answer, and of a data channel; without the addresses in it.

    Raises BadOfferError: what else aiortc 1.16 meets ends in an AssertionError, KeyError or StopIteration, some of
    them in tasks that nobody awaits.
    """
    if not isinstance(sdp, str) or not sdp.isascii() or not sdp.startswith("v=0"):
        raise BadOfferError("the offer holds no SDP: the text of an RTCSessionDescription is expected")
    if len(sdp) > limits.sdp_bytes:
        raise BadOfferError(f"the offer is {len(sdp):,} characters long: {limits.sdp_bytes:,} are the most")
    lines = sdp.splitlines()
    if len(lines) > limits.sdp_lines or max(map(len, lines)) > _LONGEST_LINE:
        raise BadOfferError(f"the offer has {len(lines):,} lines: {limits.sdp_lines} of {_LONGEST_LINE} are the most")
    head, *sections = _sections(lines)
    kinds = [section[0][2:].split(" ")[0] for section in sections]
    if kinds not in (["video"], ["video", "application"]):
        found = harmless(", ".join(kinds) or "none", 60)
        raise BadOfferError(f"one video is expected, without sound; a data channel may follow; the offer has {found}")
    form = re.fullmatch(r"m=video \d{1,5} UDP/TLS/RTP/SAVPF((?: \d{1,3})+)", sections[0][0].rstrip())
    if form is None or len(form[1].split()) > _MOST_FORMATS:
        raise BadOfferError("the offer's video isn't RTP by DTLS, as browsers send it")
    for section, needs in zip(sections, (_VIDEO, _SIDE), strict=False):
        for needed, what in (*_EACH, *needs):
            if not any(re.fullmatch(needed, line.rstrip(), re.IGNORECASE) for line in (*section, *head)):
                raise BadOfferError(f"the offer lacks {what}")
    if len(sections) == 1:
        return _joined(line for line in lines if not line.startswith(_DROPPED))
    names = [line.rstrip()[6:] for section in sections for line in section if line.startswith("a=mid:")]
    group = f"a=group:BUNDLE {' '.join(names)}"
    if len(set(names)) != 2 or len(names) != 2 or group not in (line.rstrip() for line in head):
        raise BadOfferError("the offer's video and data channel aren't bundled: one connection is made for both")
    return _joined(line for line in lines if line.rstrip() == group or not line.startswith(_DROPPED))


def _sections(lines: list[str]) -> list[list[str]]:
    """What stands before the first medium, and each medium's lines, the first of which names it."""
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _joined(lines: Iterable[str]) -> str:
    return "\r\n".join(lines) + "\r\n"
