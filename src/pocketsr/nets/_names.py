"""The authors' names of tensors, made ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

__all__ = ["renamed"]


def renamed(weights: Mapping[str, Tensor], rules: Mapping[str, str]) -> dict[str, Tensor]:
    """`weights` with each of `rules` (a regular expression, what takes its place) applied to the names, in order.

    A name that no rule knows stays, so that it can be complained of.
    """
    named = {}
    for name, tensor in weights.items():
        ours = name
        for theirs, wanted in rules.items():
            ours = re.sub(theirs, wanted, ours)
        named[ours] = tensor
    return named
