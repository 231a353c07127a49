"""Qualcomm's AI Engine Direct (QNN), for the Hexagon processor of Snapdragons: an ONNX file in 8 bits.

ONNX Runtime's QNN execution provider reads it as it is. Where its package for this machine is installed, the network is
prepared for that processor here, with no way back to the CPU, and runs in Qualcomm's simulation of it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from pocketsr.errors import UserError
from pocketsr.export._vendor import OPTIONS, Vendor, content, export_for
from pocketsr.export.checking import Picture, compare, pictures
from pocketsr.export.report import Report
from pocketsr.export.source import Source
from pocketsr.names import harmless

__all__ = ["OPTIONS", "export", "simulated"]

_TRIED = (48, 64)  # height and width: the simulation takes seconds for that
_PATIENCE_S = 600
_COMMANDS = """\
# {stem}.onnx on a Snapdragon. None of this was run on one.

# In an app: ONNX Runtime with its QNN execution provider (Maven com.qualcomm.qti:onnxruntime-android-qnn), which reads
# the file as it is; session.disable_cpu_ep_fallback=1 says whether all of it runs on the Hexagon processor.

# Prepared beforehand on this machine (Linux x86-64): {stem}_ctx.onnx holds what the processor loads.
pip install onnxruntime onnxruntime-qnn
python - <<'END'
import onnxruntime, onnxruntime_qnn
onnxruntime.register_execution_provider_library("QNNExecutionProvider", onnxruntime_qnn.get_library_path())
options = onnxruntime.SessionOptions()
for name, value in {{
    "session.disable_cpu_ep_fallback": "1", "ep.context_enable": "1", "ep.context_file_path": "{stem}_ctx.onnx",
}}.items():
    options.add_session_config_entry(name, value)
devices = [each for each in onnxruntime.get_ep_devices() if each.ep_name == "QNNExecutionProvider"]
options.add_provider_for_devices(devices, {{
    "backend_path": onnxruntime_qnn.get_qnn_htp_path(), "offload_graph_io_quantization": "0", "htp_arch": "73",
}})
onnxruntime.InferenceSession("{stem}.onnx", options)
END

# By Qualcomm's own tools (QAIRT SDK)
qairt-converter --input_network {stem}.onnx --output_path {stem}.dlc
qnn-context-binary-generator --backend libQnnHtp.so --dlc_path {stem}.dlc --binary_file {stem}
"""
_RUN = """
import sys, numpy, onnxruntime, onnxruntime_qnn
onnxruntime.set_default_logger_severity(3)
onnxruntime.register_execution_provider_library("QNNExecutionProvider", onnxruntime_qnn.get_library_path())
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
devices = [each for each in onnxruntime.get_ep_devices() if each.ep_name == "QNNExecutionProvider"]
options.add_provider_for_devices(
    devices, {"backend_path": onnxruntime_qnn.get_qnn_htp_path(), "offload_graph_io_quantization": "0"}
)
session = onnxruntime.InferenceSession(sys.argv[1], options)
made = [session.run(None, {"picture": each[None]})[0][0] for each in numpy.load(sys.argv[2])]
numpy.save(sys.argv[3], numpy.stack(made))
"""


def export(
    model: str | Path, folder: Path, *, precision: str | None = None, size: tuple[int, int] | None = None,
    strength: float | None = None,
) -> Report:  # fmt: skip
    """Write NAME-qnn.onnx (or NAME-PRECISION-qnn.onnx), commands for Qualcomm's tools and a report into `folder`.

    precision: float32 (which the processor runs in float16) or int8; default: int8 for a quantized network.
    size: width and height of the picture; default: 640x360.
    strength: of a network that is told one, 0..1; default: its own.
    """
    notes = ("No Snapdragon has run it.",)
    return export_for(Vendor("qnn", False, _commands, notes, _tried), model, folder, precision, size, strength)


def _commands(stem: str) -> str:
    return _COMMANDS.format(stem=stem)


def _tried(source: Source, precision: str) -> tuple[int | None, str] | None:
    if importlib.util.find_spec("onnxruntime_qnn") is None or importlib.util.find_spec("onnxruntime") is None:
        return None
    height, width = _TRIED
    given = pictures(height, width, source.graph.channels)
    name = f"onnxruntime-qnn {version('onnxruntime-qnn')}"
    try:
        made = simulated(content(source, height, width, precision, False).SerializeToString(), given)
    except UserError as error:
        return None, f"{name} doesn't take it whole for the Hexagon processor: {error}"
    results = {each.tobytes(): result for each, result in zip(given, made, strict=True)}
    found = compare(lambda picture: results[picture.tobytes()], source.reference(), given)
    decibels = "no sample differs" if found.psnr_db is None else f"PSNR to ours {found.psnr_db:.2f} dB"
    return 1, (
        f"{name} takes all of it for the Hexagon processor, in one piece, without a way back to the CPU, and runs "
        f"it there (on x86-64 in Qualcomm's simulation; {width}x{height}): {decibels}, {found.max_levels} levels."
    )


def simulated(data: bytes, given: list[Picture]) -> list[Picture]:
    """What QNN's backend for the Hexagon processor gives for pictures of one size. Raises UserError where it refuses.

    In a process of its own: what it loads is a stranger's native code, which prints and may end the process.
    """
    with tempfile.TemporaryDirectory() as scratch:
        paths = [os.path.join(scratch, name) for name in ("net.onnx", "given.npy", "made.npy")]  # noqa: PTH118
        Path(paths[0]).write_bytes(data)
        planes = [each[None] if each.ndim == 2 else each.transpose(2, 0, 1) for each in given]
        np.save(paths[1], np.stack(planes))
        try:
            done = subprocess.run(
                [sys.executable, "-c", _RUN, *paths], cwd=scratch, capture_output=True, text=True, errors="replace",
                check=False, timeout=_PATIENCE_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise UserError(f"it didn't end within {_PATIENCE_S} s") from error
        if done.returncode:
            last = (done.stderr.strip() or f"it ended with {done.returncode}").splitlines()[-1]
            raise UserError(harmless(last, 300))
        made = np.load(paths[2])
    return [each[0] if len(each) == 1 else each.transpose(1, 2, 0) for each in made]
