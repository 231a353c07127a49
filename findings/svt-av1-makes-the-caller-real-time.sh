#!/usr/bin/env bash
# A good guess expects: opening a video encoder through FFmpeg leaves the scheduling of the thread that opens it alone.
# What really happens: on Linux, for root (which most containers run as), opening libsvtav1 puts the calling thread on
# SCHED_FIFO with priority 99, above everything else on the machine. It stays there after the encoder is closed, and
# threads and child processes that are started later inherit it. libx264 and libvpx-vp9 change nothing.
# Versions: PyAV 18.1.0 (its wheel: FFmpeg 8.1, SVT-AV1 4.1.0), Linux, CPython 3.11. Date: 2026-11-28.
# Source: measured by this script; found as a test runner that starved everything beside it after one AV1 file.
# Why it matters to our users: who writes AV1 in a container (a call's recorder, a batch of clips) gets a process whose
# every later thread, ours too, starves the rest of the machine. pocketsr puts the policy back after opening an encoder.
# Exit codes: 0 the behaviour is as told (or can't be seen here: not root, not Linux), 1 it has changed.
set -euo pipefail
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "not root on Linux: the behaviour can't be seen here"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'av==18.1.0' 2>/dev/null
cat > "$work/probe.py" <<'PY'
import os
import subprocess
import sys
from fractions import Fraction

import av

POLICIES = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR"}


def policy() -> tuple[str, int]:
    return POLICIES[os.sched_getscheduler(0)], os.sched_getparam(0).sched_priority


def opened(name: str) -> tuple[str, int]:
    encoder = av.CodecContext.create(name, "w")
    encoder.width = encoder.height = 64
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 30)
    encoder.open()
    frame = av.VideoFrame(64, 64, "yuv420p")
    frame.pts = 0
    encoder.encode(frame)
    encoder.encode(None)
    del encoder  # closed
    return policy()


print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
print("before:", *policy())
found = {name: opened(name) for name in ("libx264", "libvpx-vp9", "libsvtav1")}
for name, (kind, priority) in found.items():
    print(f"after {name} was opened and closed: {kind} {priority}")
ask = "import os; print(os.sched_getscheduler(0) == os.SCHED_FIFO)"
child = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
print("a child process started now is on SCHED_FIFO:", child)
os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
normal = ("SCHED_OTHER", 0)
as_told = found == {"libx264": normal, "libvpx-vp9": normal, "libsvtav1": ("SCHED_FIFO", 99)} and child == "True"
print("as told" if as_told else "this has changed")
sys.exit(0 if as_told else 1)
PY
"$work/venv/bin/python" "$work/probe.py" 2>/dev/null
