"""What a network adds to the flicker of still areas."""

from __future__ import annotations

from torch import Tensor

__all__ = ["flicker"]

_FREE = 0.8
"""Share of bicubic's change that costs nothing: what lies below is a picture that gets worse."""


def flicker(sr: Tensor, bicubic: Tensor, still: Tensor, floor: float = 0.01 / 255) -> Tensor:
    """How much still pixels change between two frames, as a share of bicubic's change, above 0.8: the mean over N.

    sr, bicubic: N 2 C H W in 0..1, two frames one behind the other. still: N 1 H W, 1 where the original doesn't change
    between them, else 0. floor: is added to bicubic's mean change, so that frames that hardly change count little.
    Each patch counts alike, however much it changes: 0.1 of a level shows on a wall that stands still.
    """
    pixels = still.sum((1, 2, 3)).clamp(min=1)
    made, base = ((((one[:, 1] - one[:, 0]).abs() * still).sum((1, 2, 3)) / pixels) for one in (sr, bicubic))
    return (made / (base + floor) - _FREE).relu().mean()
