"""Video frames as arrays with colour tags and a time, protocols for sources and sinks, and upscaling of one frame."""

from __future__ import annotations

from pocketsr.frames.flow import FrameSink, FrameSource
from pocketsr.frames.format import Colour, FrameFormat
from pocketsr.frames.frame import Frame
from pocketsr.frames.heard import Heard
from pocketsr.frames.layout import Component, Layout, candidates, layout_of
from pocketsr.frames.pyav import tag, viewed
from pocketsr.frames.sized import SizedUpscaler, multiples
from pocketsr.frames.span import Span, cut
from pocketsr.frames.upscaler import FrameUpscaler, Strength, fixed, plane_siting

__all__ = [
    "Colour",
    "Component",
    "Frame",
    "FrameFormat",
    "FrameSink",
    "FrameSource",
    "FrameUpscaler",
    "Heard",
    "Layout",
    "SizedUpscaler",
    "Span",
    "Strength",
    "candidates",
    "cut",
    "fixed",
    "layout_of",
    "multiples",
    "plane_siting",
    "tag",
    "viewed",
]
