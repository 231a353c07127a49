"""Profiles worked out by hand."""

from __future__ import annotations

from pocketsr.design.precision import Precision
from pocketsr.design.profile import Fit, Profile, Vectors
from pocketsr.engine.codegen.work import WORK


def profile(threads: int = 2, precisions: tuple[Precision, ...] = ("fp32",), **costs_ns: float) -> Profile:
    """A device with vectors of 16, that takes `costs_ns` for the kinds of work named and nothing for others."""
    return Profile(
        name="a machine",
        machine={"cpu": "a machine"},
        threads=threads,
        vectors=Vectors(lanes=16, registers=32, l1_bytes=49152, dot_cost=1),
        l2_bytes=1 << 21,
        fma_peak_gmacs=100.0,
        bandwidth_gb_per_s=10.0,
        precisions=precisions,
        costs_ns={kind: costs_ns.get(kind, 0.0) for kind in WORK},
        fit=Fit(networks=1, median_error=0.0, within_tenth=1.0),
    )
