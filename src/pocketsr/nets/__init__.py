"""Networks to train: one file each, found by name."""

from pocketsr.nets.base import SRNet
from pocketsr.nets.registry import build, names, register_network, to_onnx
from pocketsr.nets.weights import load_weights

__all__ = ["SRNet", "build", "load_weights", "names", "register_network", "to_onnx"]
