"""What one device takes for each kind of work: measured by `calibrate`, kept as JSON, used anywhere."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from pocketsr.atomic_io import replacing
from pocketsr.design.precision import Precision
from pocketsr.engine.codegen.work import WORK, Target
from pocketsr.errors import UserError

__all__ = ["SIMULATED", "Fit", "Profile", "Simulated", "Vectors", "default_profile", "read_profile", "simulate"]

Positive = Annotated[int, Meta(ge=1)]
Cost = Annotated[float, Meta(ge=0)]

Simulated = Literal["one-core", "slow-memory", "no-dot-product"]
SIMULATED: tuple[Simulated, ...] = get_args(Simulated)

_SLOWER = 4.0  # times: memory of a phone against a server's caches
_NO_DOT = 4  # instructions for a dot product of four bytes without one that does it all (`engine.target.Target`)
_MOVING = ("tiles", "far", "interleaved", "samples")  # kinds of work that wait for memory


class Vectors(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `engine.target.Target` that networks are planned for."""

    lanes: Positive
    registers: Positive
    l1_bytes: Positive
    dot_cost: Positive
    """Instructions for a dot product of four bytes in each lane."""

    def target(self) -> Target:
        return Target(None, None, self.lanes, self.registers, self.l1_bytes, self.dot_cost)


class Fit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How well the costs explain the networks that they were fitted to."""

    networks: Positive
    median_error: Cost
    """Of the predicted time, relative to the measured one."""
    within_tenth: Annotated[float, Meta(ge=0, le=1)]
    """Share of the networks that are predicted within 10 % of the measured time."""


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """costs_ns: nanoseconds for one of each kind of `work.WORK`, on each of `threads` threads that run at once."""

    name: str
    simulated: str | None = None
    """What was changed of a measured profile, in words; None for a measured one."""
    machine: dict[str, Any]
    threads: Positive
    vectors: Vectors
    l2_bytes: Positive
    fma_peak_gmacs: Annotated[float, Meta(gt=0)]
    """Of all threads together."""
    bandwidth_gb_per_s: Annotated[float, Meta(gt=0)]
    """Of copying, read and written bytes both counted, all threads together."""
    precisions: tuple[Precision, ...] = ("fp32",)
    """What it was calibrated for."""
    costs_ns: dict[str, Cost]
    derived: dict[str, str] = {}
    """Kinds of work whose costs were not measured on this device, and where they come from."""
    fit: Fit

    def costs(self) -> list[float]:
        """Nanoseconds in the order of `work.WORK`."""
        return [self.costs_ns[kind] for kind in WORK]

    def write(self, path: Path) -> None:
        """As JSON. Raises UserError where `path` can't be written."""
        try:
            with replacing(path) as part:
                part.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        except OSError as error:
            raise UserError(f"{path} can't be written: {error.strerror}") from error


def read_profile(path: Path) -> Profile:
    """Raises UserError for what is no profile, and for one of another version of the cost model."""
    try:
        return _parse(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from error


def default_profile() -> Profile:
    """The one that ships: the machine that pocketsr's own figures are taken on."""
    place = files("pocketsr.design").joinpath("default-profile.json")
    return _parse(place.read_bytes(), "the profile that ships")


def _parse(content: bytes, where: str) -> Profile:
    again = "make one with: pocketsr calibrate -o PROFILE.json"
    try:
        profile = msgspec.json.decode(content, type=Profile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{where} is no profile of a device ({error}); {again}") from error
    if set(profile.costs_ns) != set(WORK):
        raise UserError(f"{where} was made for another version of the cost model; {again}")
    return profile


def simulate(profile: Profile, kind: Simulated) -> Profile:
    """A device that doesn't exist: `profile`'s with one core, with memory a quarter as fast, or without instructions
    for dot products of bytes, which leaves fp32 as it is. Said in its name."""
    costs = dict(profile.costs_ns)
    if kind == "one-core":
        share = profile.threads
        changed: dict[str, Any] = {
            "threads": 1,
            "fma_peak_gmacs": profile.fma_peak_gmacs / share,
            "bandwidth_gb_per_s": profile.bandwidth_gb_per_s / share,
        }
        words = f"one thread in place of {share}"
    elif kind == "no-dot-product":
        cost = max(profile.vectors.dot_cost, _NO_DOT)
        changed = {"vectors": msgspec.structs.replace(profile.vectors, dot_cost=cost)}
        words = f"{cost} instructions for a dot product of bytes in place of {profile.vectors.dot_cost}"
    else:
        costs |= {name: _SLOWER * costs[name] for name in _MOVING}
        changed = {
            "costs_ns": costs,
            "bandwidth_gb_per_s": profile.bandwidth_gb_per_s / _SLOWER,
            "l2_bytes": max(1, round(profile.l2_bytes / _SLOWER)),
        }
        words = f"memory and second cache {_SLOWER:g} times as slow and as small"
    said = f"{profile.simulated}; {words}" if profile.simulated else words
    return msgspec.structs.replace(profile, name=f"simulated {kind} of {profile.name}", simulated=said, **changed)
