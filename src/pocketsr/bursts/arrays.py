"""`pocketsr.burst`: frames as arrays into one larger array."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from pocketsr.arguments import check_type, check_whole
from pocketsr.bursts.fuse import fuse
from pocketsr.bursts.opencv import threads_of
from pocketsr.engine import Plane, Upscaler, load_chroma
from pocketsr.errors import ArgumentError, ArgumentTypeError, PocketsrWarning
from pocketsr.loading import as_network, is_estimated
from pocketsr.models import DEFAULT_SCALE, at_size
from pocketsr.sizing import Size
from pocketsr.source import look

__all__ = ["LEAST_SHARE", "MOST_FRAMES", "SCALES", "burst"]

SCALES = (2, 3, 4)
MOST_FRAMES = 256
LEAST_SHARE = 0.02
"""Of the picture that a frame has to help: below, it is said to be left out."""


def burst(
    frames: Sequence[Plane], model: str | Path | Upscaler = "quality", *, scale: int = DEFAULT_SCALE,
    reference: int = 0,
    threads: int | None = None,
) -> Plane:  # fmt: skip
    """One sharper picture of several frames of one scene: hand-held pictures, neighbouring frames of a video.

    frames: arrays of one shape and type, (H, W) grey or (H, W, 3) RGB, uint8 or uint16, full range; 1 to 256.
    model: what upscales the reference, and stays where the others show something else: a shipped network's name, the
        path of an ONNX file, or a network that `pocketsr.load` returned. Of a shipped one that has a file for 3x or 4x,
        that is taken; one that is told a strength is told what is estimated of the reference.
    scale: how many times as large: 2, 3 or 4.
    reference: which frame the result looks like; the others are moved to where its parts are.
    threads: None: all cores.

    Returns an array (scale * H, scale * W, ...) of the same type. Of one frame it is that of `upscale_image`. A frame
    that shows something else is left out, with a `PocketsrWarning`. Needs OpenCV for more than one frame:
    `pip install 'pocketsr[burst]'`.

    Raises ArgumentError or ArgumentTypeError for frames of other or different shapes and types, and UserError for an
    unavailable model, or without OpenCV.
    """
    if isinstance(frames, np.ndarray) and frames.ndim in (3, 4):
        frames = list(frames)
    check_type(frames, (list, tuple), "frames", "a list of arrays")
    if not 1 <= len(frames) <= MOST_FRAMES:
        raise ArgumentError(f"{len(frames)} frames: 1 to {MOST_FRAMES} are expected")
    for index, each in enumerate(frames):
        _check(each, index)
        if each.shape != frames[0].shape or each.dtype != frames[0].dtype:
            raise ArgumentError(
                f"frame {index} is {each.shape} {each.dtype}, frame 0 {frames[0].shape} {frames[0].dtype}: "
                "the frames of a burst are alike"
            )
    check_whole(scale, "times", SCALES[0], SCALES[-1])
    check_whole(reference, "as the reference", -len(frames), len(frames) - 1)
    sized = at_size(model, Size(factor=Fraction(scale)))
    net = as_network(sized, threads)
    strength = look(frames[reference]).strength if is_estimated(sized, net) else None
    bicubic = load_chroma(scale=net.scale, siting="center", threads=threads)
    with threads_of(threads if len(frames) > 1 else None):
        made = fuse(frames, net, bicubic, scale=scale, reference=reference % len(frames), strength=strength)
    others = [index for index in range(len(frames)) if index != reference % len(frames)]
    for index, share in zip(others, made.shares, strict=False):
        if share < LEAST_SHARE:
            line = f"frame {index} shows something else than frame {reference}, or is too far off: it was left out"
            warnings.warn(line, PocketsrWarning, stacklevel=2)
    return made.pixels


def _check(frame: Plane, index: int) -> None:
    check_type(frame, np.ndarray, f"frame {index}", "a NumPy array")
    if frame.dtype not in (np.uint8, np.uint16):
        raise ArgumentTypeError(f"frame {index} is {frame.dtype}: uint8 or uint16 is expected")
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3) or 0 in frame.shape:
        raise ArgumentError(f"frame {index} is {frame.shape}: (H, W) grey or (H, W, 3) RGB is expected")
