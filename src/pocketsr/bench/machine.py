"""The machine that figures were taken on, in words."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

__all__ = ["describe_machine"]

_TELLING = (
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_tile",
    "asimd",
    "asimddp",
    "i8mm",
    "sve2",
)


def _cpu() -> tuple[str, list[str]]:
    """The processor's name and those of its features that decide how fast a network can run."""
    if sys.platform == "darwin":
        name = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        return name.stdout.strip(), []
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown", []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name") or platform.processor() or "unknown"
    if "cpu family" in facts:  # a virtual machine's name may hide the generation
        name += f" (family {facts['cpu family']} model {facts['model']})"
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    return name, [flag for flag in _TELLING if flag in flags]


def describe_machine() -> dict[str, object]:
    """Processor, its telling features, cores that this process may use, system and Python, as JSON values."""
    name, features = _cpu()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "cpu": name,
        "features": features,
        "cores": cores,
        "arch": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
