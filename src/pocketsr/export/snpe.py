"""Qualcomm's Neural Processing SDK (SNPE), for Snapdragons of the last ten years: an ONNX file in 8 bits, which its
converter makes a .dlc of."""

from __future__ import annotations

from pathlib import Path

from pocketsr.export._vendor import OPTIONS, Vendor, export_for
from pocketsr.export.report import Report

__all__ = ["OPTIONS", "export"]

_COMMANDS = """\
# {stem}.onnx by the Qualcomm Neural Processing SDK (SNPE 2.x). None of this was run.

qairt-converter --input_network {stem}.onnx --output_path {stem}.dlc   # keeps the ranges that the file holds
snpe-dlc-info --input_dlc {stem}.dlc
snpe-dlc-graph-prepare --input_dlc {stem}.dlc --output_dlc {stem}-prepared.dlc --htp_socs sm8550

# On the device; frames.txt names files of raw uint8 samples, a path a line
snpe-net-run --container {stem}-prepared.dlc --input_list frames.txt --use_dsp --use_native_input_files \\
    --use_native_output_files
"""


def export(
    model: str | Path, folder: Path, *, precision: str | None = None, size: tuple[int, int] | None = None,
    strength: float | None = None,
) -> Report:  # fmt: skip
    """Write NAME-snpe.onnx (or NAME-PRECISION-snpe.onnx), commands for the SDK and a report into `folder`.

    precision: float32 or int8; default: int8 for a quantized network. The DSPs of older chips know integers alone.
    size: width and height of the picture; default: 640x360.
    strength: of a network that is told one, 0..1; default: its own.
    """
    notes = ("Neither the SDK, which takes an account, nor a Snapdragon has run it.",)
    return export_for(Vendor("snpe", False, _commands, notes), model, folder, precision, size, strength)


def _commands(stem: str) -> str:
    return _COMMANDS.format(stem=stem)
