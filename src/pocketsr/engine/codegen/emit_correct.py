"""Corrections as C: what a x2 network's result becomes by coefficients that are given at run time.

They are the same for every network, so they are a file beside it, and no network's C depends on them.
"""

from __future__ import annotations

from importlib.resources import files

__all__ = ["correction_exports", "emit_correction", "emit_correction_header"]

# Sums of 8-bit samples stay below 2^24, where floats are exact; wrapping 32-bit ones hold those of 16 bits.
_KINDS = (
    {"KIND": "u8", "PIXEL": "uint8_t", "SUM": "float", "VECTOR": "vf", "WHOLE": "f", "MAX_VALUE": "", "TOP": "255"},
    {
        "KIND": "u16", "PIXEL": "uint16_t", "SUM": "uint32_t", "VECTOR": "vu", "WHOLE": "u",
        "MAX_VALUE": "int max_value, ", "TOP": "max_value",
    },
)  # fmt: skip


def emit_correction(name: str) -> str:
    """NAME_correct.c, which includes NAME_correct.h. name: an identifier of C."""
    kinds = "".join(_filled("correct_kind.h", NAME=name, **kind) for kind in _KINDS)
    return _filled("correct.h", NAME=name, KINDS=kinds)


def emit_correction_header(name: str) -> str:
    """NAME_correct.h: what a program calls."""
    return _filled("correct_api.h", NAME=name, UPPER=name.upper())


def correction_exports(name: str) -> list[str]:
    """The functions that are called from outside."""
    return [f"{name}_correct_{kind['KIND']}" for kind in _KINDS]


def _filled(template: str, **words: str) -> str:
    text = files("pocketsr.engine.codegen").joinpath(template).read_text()
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return text
