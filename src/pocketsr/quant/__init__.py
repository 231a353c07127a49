"""Networks of few bits: ranges, rounding that training can see, and the file that says it all."""

from __future__ import annotations

from pocketsr.quant.spec import SPECS, Spec

__all__ = ["SPECS", "Spec"]
