"""Networks to train: one file each, found by name."""

from pocketsr.nets.base import SRNet
from pocketsr.nets.registry import build, names, to_onnx

__all__ = ["SRNet", "build", "names", "to_onnx"]
