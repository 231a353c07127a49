"""Profiles of phones' cores that nobody has measured: `cortex-a55@1.8x2` is a core, its GHz and how many of them.

Cycles of each kind of work are kept in arm-cores.json, by `tools/record_arm.py`: counted by llvm-mca in the engine's
inner loops, or assumed, and the file says which. How far the method is off where it can be measured stands there too.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pocketsr.design.precision import PRECISIONS
from pocketsr.design.profile import Cost, Fit, Positive, Profile, Vectors, default_profile, read_profile
from pocketsr.engine.codegen.work import WORK
from pocketsr.errors import UserError, did_you_mean
from pocketsr.names import harmless

__all__ = ["Core", "cores", "find_device", "named_device"]

_NAMED = re.compile(r"(?P<core>[a-z0-9-]+)@(?P<ghz>[0-9]{1,2}(\.[0-9]{1,4})?)(x(?P<threads>[0-9]{1,2}))?")
_SLOWEST, _FASTEST = 0.1, 10.0  # GHz
_THREADS = 64
_LANES, _REGISTERS, _L1 = 4, 32, 32768  # NEON; blocks are planned for the smallest first cache among these cores


class Core(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """says: what stands for the core. cycles: for one of each kind of `work.WORK`."""

    says: str
    model: str
    compiled_for: str
    dot_cost: Positive
    l2_bytes: Positive
    memory: Annotated[float, Meta(gt=0)]
    scale: Annotated[float, Meta(gt=0)]
    cycles: dict[str, Cost]

    def profile(self, name: str, ghz: float, threads: int) -> Profile:
        """Of `threads` such cores at `ghz`."""
        shipped = default_profile()
        return Profile(
            name=f"{name}@{ghz:g}x{threads}",
            simulated=f"cycles counted by llvm-mca, none measured; {self.says}",
            machine={"cpu": name, "ghz": ghz, "llvm_model": self.model},
            threads=threads,
            vectors=Vectors(lanes=_LANES, registers=_REGISTERS, l1_bytes=_L1, dot_cost=self.dot_cost),
            l2_bytes=self.l2_bytes,
            fma_peak_gmacs=round(threads * 2 * _LANES * ghz / self.cycles["products"], 2),
            bandwidth_gb_per_s=round(shipped.bandwidth_gb_per_s / shipped.threads / self.memory, 2),
            precisions=PRECISIONS,
            costs_ns={kind: self.cycles[kind] / ghz for kind in WORK},
            fit=_file().checked,
        )


class _File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """checked: the method on a processor that was measured."""

    made_by: str
    llvm: str
    assumed: dict[str, str]
    checked: Fit
    cores: dict[str, Core]


@cache
def _file() -> _File:
    return msgspec.json.decode(files("pocketsr.design").joinpath("arm-cores.json").read_bytes(), type=_File)


def cores() -> dict[str, Core]:
    """All that are known, by the names that Arm, Apple, Qualcomm and Samsung give them."""
    return dict(_file().cores)


def named_device(text: str) -> Profile:
    """The profile of CORE@GHZ or CORE@GHZxTHREADS. Raises UserError for what isn't that, and for an unknown core."""
    name = text.partition("@")[0]
    known = list(_file().cores)
    if name not in known:
        close = did_you_mean(name, known)
        listed = "the list: pocketsr design --device list"
        raise UserError(f"unknown core '{harmless(name)}': {close + ' ' if close else ''}{listed}")
    found = _NAMED.fullmatch(text)
    ghz, threads = (float(found["ghz"]), int(found["threads"] or 1)) if found else (0.0, 0)
    if not (_SLOWEST <= ghz <= _FASTEST and 1 <= threads <= _THREADS):
        raise UserError(
            f"'{harmless(text)}': a core, its GHz ({_SLOWEST:g} to {_FASTEST:g}) and how many threads "
            f"(1 to {_THREADS}) are expected, as in {name}@1.8x2"
        )
    return _file().cores[name].profile(name, ghz, threads)


def find_device(text: str) -> Profile:
    """A profile in a file, or a named one: a file of that name comes first. Raises UserError."""
    if Path(text).is_file() or ("@" not in text and text not in _file().cores):
        return read_profile(Path(text))
    return named_device(text)
