"""What is built for the tests: name, configuration, and what the configuration makes of halo and parameters."""

from __future__ import annotations

from typing import Any

__all__ = ["HALO", "PARAMETERS", "SAMPLES"]

_THREE = [{"channels": 4}, {"channels": 4}, {"channels": 4}]
_BARE = [{"channels": 4, "bias": False}, {"channels": 4, "bias": False}]

SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "bicubic": ("bicubic", {}),
    "no anchor": ("pocket", {"layers": _THREE, "anchor": "none", "zero_mean": False, "expansion": 8}),
    "nearest": ("pocket", {"layers": _THREE, "anchor": "nearest", "expansion": 8}),
    "bicubic anchor": ("pocket", {"layers": _THREE, "anchor": "bicubic", "expansion": 8}),
    "learned anchor": ("pocket", {"layers": _THREE, "anchor": "learned", "expansion": 8}),
    "anchor that reaches further": ("pocket", {"layers": [{"channels": 4}], "anchor": "bicubic", "expansion": 8}),
    "learned that reaches further": ("pocket", {"layers": [{"channels": 4}], "anchor": "learned", "expansion": 8}),
    "groups": ("pocket", {
        "layers": [
            {"channels": 8, "bias": False}, {"channels": 8, "groups": 2, "bias": False},
            {"channels": 8, "groups": 4, "bias": False}, {"channels": 4, "bias": False, "add": [0]},
        ],
        "expansion": 8,
    }),
    "wide kernels": ("pocket", {
        "layers": [{"channels": 4, "kernel": [1, 3]}, {"channels": 4, "kernel": [1, 5]}, {"channels": 4}],
        "expansion": 8,
    }),
    "tall kernels": ("pocket", {
        "layers": [{"channels": 4, "kernel": [3, 1]}, {"channels": 4, "kernel": [5, 5]}, {"channels": 4}],
        "anchor": "bicubic", "expansion": 8,
    }),
    "wide with a skip": ("pocket", {
        "layers": [{"channels": 4}, {"channels": 4, "kernel": [1, 5]}, {"channels": 4, "kernel": [3, 1]},
                   {"channels": 4, "add": [0, 1]}],
        "expansion": 8,
    }),
    "one slope": ("pocket", {
        "layers": [{"channels": 4}, {"channels": 4, "slope": "one"}, {"channels": 4}], "expansion": 8,
    }),
    "first and last chosen": ("pocket", {
        "layers": [{"channels": 8, "bias": False, "chosen": {"classes": 64}}, {"channels": 4},
                   {"channels": 4, "chosen": {"classes": 64}}],
        "expansion": 8,
    }),
    "all chosen, in groups": ("pocket", {
        "layers": [{"channels": 8, "bias": False, "chosen": {"classes": 24}},
                   {"channels": 8, "groups": 4, "slope": "one", "chosen": {"classes": 24}},
                   {"channels": 8, "kernel": [1, 1], "groups": 2, "bias": False, "chosen": {"classes": 24}},
                   {"channels": 4, "bias": False, "add": [0], "chosen": {"classes": 24}}],
        "anchor": "bicubic", "expansion": 8,
    }),
    "one pixel": ("pocket", {
        "layers": [{"channels": 4, "kernel": [1, 1]}, {"channels": 4, "kernel": [1, 1]}],
        "anchor": "none", "zero_mean": False, "expansion": 8,
    }),
    "no bias": ("pocket", {"layers": _BARE, "expansion": 8}),
    "no bias, bicubic": ("pocket", {"layers": _BARE, "anchor": "bicubic", "expansion": 8}),
    "plain blocks": ("pocket", {"layers": _BARE, "block": "plain"}),
    "edge blocks": ("pocket", {"layers": [{"channels": 4}, {"channels": 4}], "block": "edge", "expansion": 8}),
    "multibranch blocks": ("pocket", {
        "layers": [{"channels": 4}, {"channels": 4}], "block": "multibranch", "expansion": 8,
    }),
}  # fmt: skip

# LR pixels to each side: the sum of half the kernels along the longer axis, or bicubic's 2.
HALO = {
    "bicubic": 2,
    "no anchor": 3, "nearest": 3, "bicubic anchor": 3, "learned anchor": 3,
    "anchor that reaches further": 2, "learned that reaches further": 2,
    "groups": 4,  # four 3x3
    "wide kernels": 4,  # along rows 1 + 2 + 1, along columns 0 + 0 + 1
    "tall kernels": 4,  # along columns 1 + 2 + 1, along rows 0 + 2 + 1
    "wide with a skip": 4,  # along rows 1 + 2 + 0 + 1, along columns 1 + 0 + 1 + 1
    "one slope": 3, "one pixel": 0,
    "first and last chosen": 5, "all chosen, in groups": 5,  # classes see 3, and what lies behind 1 + 1, 1 + 0 + 1
    "no bias": 2, "no bias, bicubic": 2, "plain blocks": 2, "edge blocks": 2, "multibranch blocks": 2,
}  # fmt: skip

# Learned numbers once collapsed: kernels out * in / groups * height * width, biases, slopes of all layers but the last.
PARAMETERS = {
    "bicubic": 0,
    "no anchor": 324 + 12 + 8, "nearest": 324 + 12 + 8, "bicubic anchor": 324 + 12 + 8,
    "learned anchor": 324 + 12 + 8 + 104,  # the anchor: 4 kernels of 5x5 and 4 biases
    "anchor that reaches further": 36 + 4, "learned that reaches further": 36 + 4 + 104,
    "groups": 72 + 288 + 144 + 288 + 24,
    "wide kernels": 12 + 80 + 144 + 12 + 8,
    "tall kernels": 12 + 400 + 144 + 12 + 8,
    "wide with a skip": 36 + 80 + 48 + 144 + 16 + 12,
    "one slope": 324 + 12 + 4 + 1,
    "first and last chosen": 64 * (72 + 144) + 288 + 4 + 4 + 12,
    "all chosen, in groups": 24 * (72 + 144 + 32 + 288) + 8 + 8 + 1 + 8,
    "one pixel": 4 + 16 + 8 + 4,
    "no bias": 36 + 144 + 4, "no bias, bicubic": 36 + 144 + 4, "plain blocks": 36 + 144 + 4,
    "edge blocks": 36 + 144 + 8 + 4, "multibranch blocks": 36 + 144 + 8 + 4,
}  # fmt: skip
