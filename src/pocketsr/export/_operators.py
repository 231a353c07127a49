"""Which operators the tools of accelerators' vendors say that they take: what was publicly readable on 2026-11-29.

A list says what a tool converts, not that every chip runs it in every type. What isn't on a list may still work; no
more is claimed of it than that it isn't listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["LISTINGS", "Coverage", "Listing", "covered"]


@dataclass(frozen=True)
class Listing:
    """operators: of ONNX, by their names there. called: what they are in the list, where that has names of its own.

    remarks: what the list, or another page that is named, says of one.
    """

    unit: str
    source: str
    version: str
    date: str
    operators: frozenset[str]
    called: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Coverage:
    """Of a file's operators: those that `source` lists, and the others. remarks: by operator."""

    source: str
    version: str
    date: str
    listed: tuple[str, ...]
    unlisted: tuple[str, ...]
    remarks: Mapping[str, str]


def covered(listing: Listing, operators: list[str]) -> Coverage:
    """What of `operators`, in any order and number, the list has."""
    every = sorted(set(operators))
    return Coverage(
        listing.source,
        listing.version,
        listing.date,
        tuple(each for each in every if each in listing.operators),
        tuple(each for each in every if each not in listing.operators),
        {each: said for each in every if (said := _said(listing, each))},
    )


def _said(listing: Listing, operator: str) -> str:
    called = listing.called.get(operator)
    return "; ".join([f"{called} there"] * (called is not None) + [listing.remarks.get(operator, "")]).strip("; ")


_OURS = "Abs Add Clip Concat Conv DepthToSpace DequantizeLinear Div Elu Max Min Mul PRelu Pad QuantizeLinear Relu"
_CURVES = "Sigmoid Slice Softplus Sqrt Sub Tanh"

LISTINGS: dict[str, Listing] = {
    "qnn": Listing(
        unit="HTP",
        source="https://github.com/onnxruntime/onnxruntime-qnn, docs/execution_providers/QNN-ExecutionProvider.md, "
        "commit 0131740f3180: Supported ONNX operators",
        version="QNN execution provider 2.3.0, QAIRT 2.47.0",
        date="2026-11-29",
        operators=frozenset(f"{_OURS} {_CURVES}".split()),  # not in it: Erf, Mish, Softsign
        remarks={"Conv": "8-bit weights with a step for each channel are signed and symmetric"},
    ),
    "snpe": Listing(
        unit="SNPE",
        source="https://docs.qualcomm.com/doc/80-63442-2/topic/supported_onnx_ops.html: Supported ONNX Ops "
        "(snpe-onnx-to-dlc)",
        version="80-63442-2 Rev. BL",
        date="2025-06-11",
        operators=frozenset(f"{_OURS} {_CURVES} Erf".split()),
        remarks={
            "Pad": "constant, reflect and edge modes",
            "PRelu": "the slope must be static",
            "Erf": "only where it is part of GELU",
        },
    ),
    "neuropilot": Listing(
        unit="MDLA",
        source="https://github.com/google-ai-edge/LiteRT, litert/vendors/mediatek/compiler/compiler_plugin.cc, commit "
        "07d751eb0ab1: kSupportedOps",
        version="LiteRT's compiler plugin for NeuroPilot",
        date="2026-11-29",
        operators=frozenset(_OURS.split()) - {"Clip", "Elu", "Pad"} | {"Sigmoid", "Slice", "Sqrt", "Sub", "Tanh"},
        called={
            "Concat": "CONCATENATION",
            "Conv": "CONV_2D",
            "DepthToSpace": "DEPTH_TO_SPACE",
            "DequantizeLinear": "DEQUANTIZE",
            "Max": "MAXIMUM",
            "Min": "MINIMUM",
            "QuantizeLinear": "QUANTIZE",
            "Sigmoid": "LOGISTIC",
            "Slice": "STRIDED_SLICE",
        },
        remarks={
            "DepthToSpace": "DEPTH_TO_SPACE is in MediaTek's MDLA 3.0 Guidelines (mediatek.gitlab.io/aiot, mt8188), "
            "not in LiteRT's plugin",
            "Conv": "filters up to 16x16, no groups (MDLA 2.0 Guidelines); a step for each channel is taken (MDLA 3.0)",
            "PRelu": "a step for each channel is taken (MDLA 3.0 Guidelines)",
            "DequantizeLinear": "not with a step for each channel (MDLA 3.0 Guidelines); weights aren't operators",
        },
    ),
}
"""Only operators that exports can hold are looked up. What MediaTek's own `mtk_onnx_converter` takes isn't public; its
result is a TensorFlow Lite file, whose operators are listed."""
