"""What a server of calls allows, and where it listens."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from pocketsr.arguments import check_number, check_whole
from pocketsr.errors import ArgumentError, UserError
from pocketsr.sizing import Size

__all__ = ["CODECS", "LADDER", "Limits", "Settings", "levels_up_to"]

CODECS = ("VP8", "H264")
"""Video codecs of calls, as SDP names them."""

LADDER = {"small": "small-call", "tiny": "tiny-call", "bicubic": "bicubic"}
"""Networks trained on decoded pictures, which is what a call delivers (`benchmarks/call.md`)."""

_LAST_PORT = 65_535
_LEAST_TOKEN = 16  # characters


def levels_up_to(best: str) -> dict[str, str]:
    """The ladder without what is better than this level of it."""
    names = list(LADDER)
    return {name: LADDER[name] for name in names[names.index(best) :]}


@dataclass(frozen=True)
class Limits:
    """What a peer, and all of them together, may ask for. Beyond these a peer is refused or ended, with a line.

    peers: at once. offers_a_minute: of all clients together.
    sdp_bytes: of a request's body. sdp_lines: of the description in it.
    width, height: of a picture that comes in; a picture may be turned. frames_a_second: more are dropped.
    packets: that wait for a lost one. frames_waiting: encoded ones that wait for the decoder.
    connect_s: until the first packet. idle_s: without a picture.
    """

    peers: int = 4
    offers_a_minute: int = 30
    sdp_bytes: int = 64 * 1024
    sdp_lines: int = 1000
    width: int = 1920
    height: int = 1088
    frames_a_second: int = 60
    packets: int = 512
    frames_waiting: int = 30
    connect_s: float = 15.0
    idle_s: float = 30.0

    def allow(self, width: int, height: int) -> bool:
        """Whether a picture of this size may come in."""
        short, long = sorted((width, height))
        return 0 < short <= min(self.width, self.height) and long <= max(self.width, self.height)


@dataclass(frozen=True)
class Settings:
    """Where a server listens and what it does with frames.

    host: an address, or localhost. port: 0 takes a free one.
    token: what requests must bring; needed wherever others than this machine can connect.
    certificate, key: PEM files for HTTPS; browsers give a camera to no page of another machine without it.
    size: of what comes back; default: twice as large. fps: frames a second that are kept time for.
    threads: of the networks; default: all cores.

    Raises ArgumentError for others.
    """

    host: str = "127.0.0.1"
    port: int = 8790
    token: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    size: Size | None = None
    fps: float = 30
    threads: int | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        check_whole(self.port, "port", -(2**63), 2**63 - 1)
        if not 0 <= self.port <= _LAST_PORT:
            raise ArgumentError(f"port {self.port}: 1 to {_LAST_PORT} are expected, or 0 for a free one")
        check_number(self.fps, "fps")
        if not 1 <= self.fps <= self.limits.frames_a_second:
            raise ArgumentError(f"{self.fps:g} frames a second: 1 to {self.limits.frames_a_second} are expected")
        _ = self.address
        if self.token is None and not self.local:
            raise ArgumentError(f"{self.host} can be reached by others: a token is needed")
        if self.token is not None and (len(self.token) < _LEAST_TOKEN or not self.token.isascii()):
            raise ArgumentError(f"the token is too short to keep others out: {_LEAST_TOKEN} ASCII characters or more")
        if (self.certificate is None) != (self.key is None):
            raise ArgumentError("a certificate and its key belong together: give both, or none")
        if self.size is not None and any(side is not None and side % 2 for side in (self.size.width, self.size.height)):
            raise ArgumentError("video codecs of calls take sides that are even numbers")

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """Where to listen. Raises ArgumentError for a name: which address it means can change."""
        if self.host.lower() == "localhost":
            return ipaddress.IPv4Address("127.0.0.1")
        try:
            return ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            raise ArgumentError(f"{self.host} is no address: an IP address of this machine is expected") from None

    @property
    def local(self) -> bool:
        """Whether this machine alone can connect."""
        return self.address.is_loopback

    def tls(self) -> ssl.SSLContext | None:
        """The context for HTTPS; None for HTTP. Raises UserError for files that hold no certificate or key."""
        if self.certificate is None or self.key is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # Without a password: OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            why = getattr(error, "strerror", None) or error
            raise UserError(f"{self.certificate} and {self.key} are no certificate and its key: {why}") from error
        return context
