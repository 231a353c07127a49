"""What a segment's bytes depend on, and whether a video's can be joined at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

import av

from pocketsr.engine.runtime.cache import machine_key
from pocketsr.sizing import Size
from pocketsr.video.encoders import encoder_facts
from pocketsr.video.segments.plan import Plan
from pocketsr.video.source import Source
from pocketsr.video.types import VideoOptions

__all__ = ["build", "job_of", "joins"]

_CODE = (".py", ".h", ".c")  # of ours: much of the C that networks become lies in headers
_HEAD = 2**20  # bytes of the input that are hashed
# Containers and encoders whose packets can follow those of another encoder with the same settings; tests join each.
_CONTAINERS = frozenset(["mp4", "mov", "ipod", "matroska", "webm", "mpegts", "avi"])
_ENCODERS = frozenset(
    ["libx264", "libx264rgb", "libx265", "libsvtav1", "libvpx-vp9", "libvpx", "ffv1", "mpeg4", "mpeg2video", "mjpeg"]
)


def joins(kind: str, encoder: str, source: Source) -> bool:
    """Whether segments of an encoder become one stream in a container of FFmpeg's name `kind`.

    Not where alpha comes as data beside the packets, which PyAV 18.1 gives but doesn't take.
    """
    beside = source.layout.alpha and encoder_facts(encoder).alpha == "beside"
    return kind in _CONTAINERS and encoder in _ENCODERS and not beside


@cache
def build() -> str:
    """Differs where this program or its codecs do."""
    own = hashlib.sha256()
    for path in sorted(Path(__file__).parents[2].rglob("*")):
        if path.suffix in _CODE:
            own.update(path.read_bytes())
    return f"{av.__version__} {av.library_versions['libavcodec']} {own.hexdigest()}"


def job_of(
    source: Path, plan: Plan, kind: str, options: VideoOptions, size: Size | None, network: str, *, keep_clock: bool
) -> Mapping[str, object]:
    """All of that, as JSON takes it. network: what tells it from others. Raises OSError."""
    found = source.stat()
    with source.open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD)).hexdigest()
    return {
        "input": [found.st_size, found.st_mtime_ns, head],
        "plan": plan.key,
        "kind": kind,
        "options": asdict(options) | {"cores": options.cores or os.cpu_count()},
        "size": repr(size),
        "network": network,
        "keep_clock": keep_clock,
        "build": [build(), machine_key()],
    }
