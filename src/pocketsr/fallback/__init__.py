"""Networks that the engine can't take, run by another runtime: a whole picture at a time, or in tiles that add up."""

from __future__ import annotations

from pocketsr.fallback.opening import by_engine, has_onnxruntime, open_file, why
from pocketsr.fallback.tiled import Floats, Runner, TiledUpscaler
from pocketsr.fallback.windows import Field

__all__ = ["Field", "Floats", "Runner", "TiledUpscaler", "by_engine", "has_onnxruntime", "open_file", "why"]
