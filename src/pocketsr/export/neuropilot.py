"""MediaTek's NeuroPilot, for the APU of Dimensity and Helio chips: an ONNX file in 8 bits, with its edges as slices.

NeuroPilot makes TensorFlow Lite of it, which has no operator that repeats edges. Its compiler takes .tflite files too,
as `export litert` writes them.
"""

from __future__ import annotations

from pathlib import Path

from pocketsr.export._vendor import OPTIONS, Vendor, export_for
from pocketsr.export.report import Report

__all__ = ["OPTIONS", "export"]

_COMMANDS = """\
# {stem}.onnx by MediaTek's NeuroPilot SDK (Linux). None of this was run.

mtk_onnx_converter --input_model_file {stem}.onnx --output_file {stem}.tflite
# --arch is the chip's MDLA: mdla5.5,mvpu2.5 for mt6991, mdla6.1 for mt6993; the plan says which unit takes what
ncc-tflite --arch mdla3.0 --show-exec-plan {stem}.tflite -d {stem}.dla

# On the device
neuronrt -m hw -a {stem}.dla -i picture.bin -o enlarged.bin

# Without the converter: pocketsr export litert writes a .tflite file that ncc-tflite reads as well.
"""


def export(
    model: str | Path, folder: Path, *, precision: str | None = None, size: tuple[int, int] | None = None,
    strength: float | None = None,
) -> Report:  # fmt: skip
    """Write NAME-neuropilot.onnx (or NAME-PRECISION-neuropilot.onnx), commands for the SDK and a report into `folder`.

    precision: float32 (the APU computes in float16) or int8; default: int8 for a quantized network.
    size: width and height of the picture; default: 640x360.
    strength: of a network that is told one, 0..1; default: its own.
    """
    notes = (
        "Neither the SDK, which takes an account, nor a MediaTek chip has run it.",
        "What mtk_onnx_converter takes isn't public; listed are the operators of TensorFlow Lite that it becomes.",
    )
    return export_for(Vendor("neuropilot", True, _commands, notes), model, folder, precision, size, strength)


def _commands(stem: str) -> str:
    return _COMMANDS.format(stem=stem)
