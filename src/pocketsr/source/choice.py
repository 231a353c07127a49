"""Which of the networks that ship suits a source, and why, in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from pocketsr.models import SHIPPED
from pocketsr.source.hints import Hints
from pocketsr.source.strength import Seen, model_of, tables

__all__ = ["AUTO", "RULES", "Choice", "Rule", "choose", "together", "why"]

AUTO: Final = "auto"
"""What stands in place of a network's name where it is chosen by the source."""

Kind = Literal["crisp text and windows", "lossy picture", "video", "anything"]


@dataclass(frozen=True)
class Rule:
    """Sources of a kind go through this network, if it ships, from some strength on and below `until`."""

    kind: Kind
    network: str

    def strength(self, hints: Hints) -> float:
        """Of a degradation: from there on the network gains on `small`, below it loses.

        It depends on what is known of the source, and so on how well the strength is.
        """
        worth = tables()["thresholds"]["worth"].get(self.network)
        return 0.0 if worth is None else float(worth.get(model_of(hints), math.inf))

    @property
    def until(self) -> float:
        """Of a degradation: from there on the rules behind this one gain more."""
        return float(tables()["thresholds"]["until"].get(self.network, math.inf))


RULES: tuple[Rule, ...] = (
    Rule("crisp text and windows", "screen"),
    Rule("lossy picture", "photo"),
    Rule("video", "small-call"),
    Rule("anything", "small"),
)
"""The first that fits is taken. A network that doesn't ship is passed over."""

_GOOD_FROM = {
    **dict.fromkeys(("prores", "dnxhd", "cfhd", "dirac", "vc2", "v210", "jpeg2000", "libopenjpeg"), 0.0), "mjpeg": 1.6,
}  # fmt: skip
"""Bits a pixel from which on videos have lost next to nothing, where neither QP nor the fit tells: all of codecs for
editing. By their pictures alone ProRes seems to have lost 0.4 to 0.6, and a network for calls takes 0.1 to 1.2 dB from
training clips; from Motion JPEG of 1.6 bits and more 0.2 to 1.3 dB, below it adds 0.1 to 1.5."""

_TEXT_FROM = 0.4
"""The strength from which on pictures of text go through `photo`: between 0.3 and 0.4, 116 JPEGs of training pictures
gain 0.05 dB in the mean, and text that had been enlarged loses up to 1 dB; from 0.4 on it gains 0.2 to 2 dB."""

_CALLED = {
    "jpeg": "JPEG", "webp": "WebP", "jxl": "JPEG XL", "jpeg2000": "JPEG 2000", "mjpeg": "Motion JPEG", "h264": "H.264",
    "hevc": "H.265", "libdav1d": "AV1", "libaom-av1": "AV1", "libvpx": "VP8", "libvpx-vp9": "VP9",
    "mpeg2video": "MPEG-2", "mpeg1video": "MPEG-1", "mpeg4": "MPEG-4", "prores": "ProRes", "rawvideo": "raw frames",
    "wrapped_avframe": "raw frames", "theora": "Theora", "tiff": "TIFF",
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """network: the name of one that ships. strength: of the source, for networks that are told one. why: the source."""

    network: str
    strength: float
    why: str

    @property
    def words(self) -> str:
        """The choice in a line."""
        return f"{self.why}: {self.network}"


def choose(seen: Seen, shipped: Collection[str] = SHIPPED) -> Choice:
    """The network for what was seen.

    shipped: the networks that there are.
    """
    rule = next(rule for rule in RULES if rule.network in shipped and _fits(rule, seen))
    return Choice(rule.network, seen.strength, why(seen))


def together(frames: Sequence[Seen]) -> Seen:
    """What was seen in several frames of a video, as one. Raises ValueError for none."""
    if not frames:
        raise ValueError("no frame was seen")
    known = [seen.hints.qp for seen in frames if seen.hints.qp is not None]
    return replace(
        frames[0],
        hints=replace(frames[0].hints, qp=statistics.fmean(known) if known else None),
        strength=statistics.median(seen.strength for seen in frames),
        screen=2 * sum(seen.screen for seen in frames) > len(frames),
        crisp=2 * sum(seen.crisp for seen in frames) > len(frames),
        blockiness=statistics.median(seen.blockiness for seen in frames),
    )


def _fits(rule: Rule, seen: Seen) -> bool:
    kind = rule.kind
    if not rule.strength(seen.hints) <= seen.strength < rule.until:
        return False
    if kind == "lossy picture" and ((seen.screen and seen.strength < _TEXT_FROM) or seen.gain_db < _least_db(seen)):
        return False
    if kind == "crisp text and windows":
        return seen.screen and seen.crisp
    if kind == "video":
        bits = seen.hints.bits_per_pixel or 0.0
        return seen.hints.moving and bits < _GOOD_FROM.get(seen.hints.codec, math.inf)
    return kind == "anything" or not seen.hints.moving


def _least_db(seen: Seen) -> float:
    """Said to be gained: from there on what is said is right often enough."""
    return float(tables()["thresholds"]["gain_db"].get(model_of(seen.hints), 0.0))


def why(seen: Seen) -> str:
    """What the source is, and what is known of how much was lost in it."""
    hints = seen.hints
    called = _CALLED.get(hints.codec, hints.codec.upper()) or ("frames" if hints.moving else "pixels")
    if hints.jpeg_quality is not None:
        called += f" of quality {hints.jpeg_quality:.0f}"
    elif hints.qp is not None:
        called += f" of QP {hints.qp:.0f}"
    elif hints.lossless:
        once = not hints.moving and seen.blockiness > tables()["blocks"]
        called = f"{called} of what was a JPEG" if once else f"lossless {called}"
    elif hints.bits_per_pixel is not None:
        called += f" of {hints.bits_per_pixel:.2g} bits a pixel"
    elif hints.lossless is False and not hints.moving:
        called = f"lossy {called}" if hints.codec else called
    return f"text and windows in {called}" if seen.screen else called
