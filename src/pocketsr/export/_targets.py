"""Processors by name, and systems with the oldest version that what is built runs on."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace

from pocketsr.engine.codegen.target import Target, cross_target, host_target
from pocketsr.errors import ArgumentError, did_you_mean
from pocketsr.names import harmless

__all__ = ["CPUS", "host_triple", "target_for", "with_minimum"]

_LINUX, _APPLE, _LINUX_32 = "aarch64-linux-gnu", "aarch64-macos", "arm-linux-gnueabihf"
_PLAIN, _DOT = 8, 1  # instructions for a dot product of four bytes: without sdot, with it
_ARM = {
    "cortex-a53": _PLAIN,
    "cortex-a72": _PLAIN,
    "cortex-a73": _PLAIN,
    "cortex-a55": _DOT,
    "cortex-a75": _DOT,
    "cortex-a76": _DOT,
    "cortex-a78": _DOT,
    "cortex-a510": _DOT,
    "cortex-a715": _DOT,
    "cortex-x1": _DOT,
    "cortex-x3": _DOT,
    "apple-a12": _PLAIN,
    "apple-a13": _DOT,
    "apple-m1": _DOT,
}
_I8MM = ("cortex-a510", "cortex-a715", "cortex-x3")
_ARM_32 = ("cortex-a7", "cortex-a8", "cortex-a9", "cortex-a15")  # with NEON and hard floats
CPUS: dict[str, Target] = (
    {
        "x86-64": Target("x86_64-linux-gnu", "x86_64", 4, 16),
        "x86-64-v3": cross_target("x86_64-linux-gnu"),
        "x86-64-v4": Target("x86_64-linux-gnu", "x86_64_v4", 16, 32, l1_bytes=49152),
    }
    | {
        name: Target(
            _APPLE if name.startswith("apple") else _LINUX,
            name.replace("-", "_"),
            4,
            32,
            dot_cost=cost,
            matrices=name in _I8MM,
        )
        for name, cost in _ARM.items()
    }
    | {name: Target(_LINUX_32, name.replace("-", "_"), 4, 16, dot_cost=_PLAIN) for name in _ARM_32}
)
"""What `--cpu` names; each with the system that it is built for unless `--triple` says another."""

_MINIMUM = {"macos": "13.0", "ios": "13.0"}


def with_minimum(triple: str) -> str:
    """The triple as zig is told it: with the oldest version of Apple's systems that is supported, where it names none.

    For Android's 32-bit ARM, which hands floats over in general registers, zig 0.17 knows no NEON. Code
    that would use floats' own registers for that is right there too where no function takes a float (`c.check_floats`).
    """
    if triple.startswith(("arm-", "thumb-")) and triple.endswith("-androideabi"):
        return _LINUX_32
    words = triple.split("-")
    if len(words) > 1 and words[1] in _MINIMUM:
        words[1] += f".{_MINIMUM[words[1]]}"
        if len(words) == 2:
            words.append("none")
    return "-".join(words)


def host_triple() -> str:
    """This machine's system, as a triple without its processor's own instructions."""
    machine = platform.machine().lower()
    architecture = {"amd64": "x86_64", "arm64": "aarch64", "armv7l": "arm"}.get(machine, machine)
    system = {"darwin": "macos", "win32": "windows-gnu"}.get(sys.platform, "linux-gnu")
    return f"{architecture}-{system}{'eabihf' * (architecture == 'arm')}"


def target_for(cpu: str | None, triple: str | None) -> Target:
    """The target of both options; this machine without any. Raises UserError for what isn't known or doesn't fit."""
    if cpu is None:
        return replace(cross_target(triple), triple=with_minimum(triple)) if triple else host_target()
    if cpu not in CPUS:
        close = did_you_mean(cpu, list(CPUS))
        raise ArgumentError(f"unknown cpu '{harmless(cpu)}': choose one of {', '.join(CPUS)}{close and '; ' + close}")
    target = CPUS[cpu]
    system = triple or str(target.triple)
    own, other = (str(each).partition("-")[0] for each in (target.triple, cross_target(system).triple))
    if own != other:
        raise ArgumentError(
            f"cpu {cpu} is of {own}, triple {harmless(system)} of {harmless(other)}: choose ones that fit"
        )
    return replace(target, triple=with_minimum(system))
