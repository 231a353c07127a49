"""Low-bit networks: calibrated ranges, fake quantization for training, and the quantized ONNX file."""

from __future__ import annotations

from pocketsr.quant.net import QuantNet
from pocketsr.quant.observers import RANGES, Ranges
from pocketsr.quant.onnx_file import write_onnx
from pocketsr.quant.ptq import quantize
from pocketsr.quant.source import Source, read_source
from pocketsr.quant.spec import SPECS, Spec

__all__ = ["RANGES", "SPECS", "QuantNet", "Ranges", "Source", "Spec", "quantize", "read_source", "write_onnx"]
