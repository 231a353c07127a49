"""What a tensor of a file is to the importer: planes of the image, such planes in another shape, or a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Array, Pad, Ref
from pocketsr.engine.onnx.limits import LIMITS

__all__ = [
    "Attributes",
    "Inputs",
    "NotSupportedError",
    "Padded",
    "Planes",
    "Tensor",
    "Told",
    "View",
    "check_planes",
    "constant",
    "per_channel",
    "planes_of",
    "view_of",
    "viewed",
]


class NotSupportedError(Exception):
    """Why one node can't be compiled."""


@dataclass(frozen=True)
class Planes:
    """A tensor that depends on the input: its channel planes, in order."""

    refs: tuple[Ref, ...]


@dataclass(frozen=True)
class View:
    """Planes that the file views in another shape than N C H W: for instance (1, C, r, r, "H", "W")."""

    refs: tuple[Ref, ...]
    dims: tuple[int | str, ...]

    def numbered(self) -> NDArray[np.int64]:
        """The number of the plane for each place, height and width being 1."""
        return np.arange(len(self.refs)).reshape([1 if isinstance(size, str) else size for size in self.dims])


@dataclass(frozen=True)
class Padded:
    """Planes with a border that the next convolution has to see."""

    refs: tuple[Ref, ...]
    pads: tuple[int, ...]  # top, left, bottom, right
    kind: Pad


@dataclass(frozen=True, eq=False)
class Told:
    """A tensor that depends on the strength alone: what it is at each of those that it was tried at (`told`)."""

    values: tuple[NDArray[Any], ...]


Tensor = Planes | View | Padded | Told | NDArray[Any]
Attributes = dict[str, Any]
Inputs = list[Tensor | None]


def check_planes(count: int) -> None:
    """Before a list of so many planes is made."""
    if count > LIMITS["planes"]:
        raise NotSupportedError(f"{count:,} planes; up to {LIMITS['planes']:,} are supported")


def planes_of(tensor: Tensor | None) -> Planes:
    """`tensor`, which has to depend on the image."""
    if isinstance(tensor, View):
        raise NotSupportedError(
            f"it works on a tensor of shape {' x '.join(map(str, tensor.dims))}; N C H W is expected"
        )
    if isinstance(tensor, Padded):
        raise NotSupportedError("it works on an image with an added border; only convolutions take one")
    if not isinstance(tensor, Planes):
        raise NotSupportedError("the image is expected as its first input")
    return tensor


def view_of(tensor: Tensor | None) -> View:
    """`tensor`, which has to depend on the image, with its shape."""
    if isinstance(tensor, View):
        return tensor
    planes = planes_of(tensor)
    return View(planes.refs, (1, len(planes.refs), "H", "W"))


def viewed(refs: tuple[Ref, ...], dims: tuple[int | str, ...]) -> Planes | View:
    """Planes in the shape `dims`; where that is N C H W, as what they are."""
    return Planes(refs) if dims == (1, len(refs), "H", "W") else View(refs, dims)


def constant(tensor: Tensor | None, what: str) -> NDArray[Any]:
    """`tensor`, which must not depend on the image."""
    if isinstance(tensor, Planes | View | Padded | Told) or tensor is None:
        raise NotSupportedError(f"{what} must be a constant")
    return np.asarray(tensor)


def per_channel(constant: NDArray[Any]) -> Array:
    """A constant that is one number or one a channel, as a vector of length 1 or C."""
    array = np.asarray(constant, np.float32)
    if array.size == 1:
        return array.reshape(1)
    if array.ndim in (3, 4) and array.size == array.shape[-3]:
        return array.reshape(-1)
    raise NotSupportedError(f"a constant of shape {array.shape} is neither one number nor one for each channel")
