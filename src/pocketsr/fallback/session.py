"""ONNX Runtime as a `Runner`."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pocketsr.engine.ir.reference import better_max_value
from pocketsr.engine.onnx.checked import read_model
from pocketsr.engine.onnx.limits import LIMITS
from pocketsr.engine.onnx.model_file import ModelFile, read_file
from pocketsr.errors import UserError
from pocketsr.fallback.bounds import refuse_excess
from pocketsr.fallback.forks import outlive_forks
from pocketsr.fallback.halo import field_of
from pocketsr.fallback.tiled import Floats
from pocketsr.fallback.windows import Field
from pocketsr.names import harmless

__all__ = ["Session"]

_PROBE = 32  # side of the picture that tells the range of values
_PROBES = (32, 24, 28, 48, 36, 60, 64, 96)  # sides of pictures that tell the scale: one of them fits
_MULTIPLES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)
_MOST_PIXELS = 2**23  # of a network with one size only: a picture of it is run when it is opened
_OVERHEAD = 2.5
"""What ONNX Runtime takes beside the tensors: its arena and copies in blocks of channels. Measured: IMDN 2.5 times, PAN
and RFDN 2.3, CARN-M 2.2, RNAN 0.9."""


class Session:
    """The network in an ONNX file, run by ONNX Runtime on the CPU.

    threads: default, all cores that this process may use. Raises UserError for a file that is no network of images,
    N C H W of 1 (luma) or 3 (RGB) float32 channels in and as many out, larger by an integer factor.
    """

    runtime = "ONNX Runtime"

    def __init__(self, source: Path | ModelFile, threads: int | None = None) -> None:
        import onnxruntime

        file = read_file(source)
        self._path = file.path
        self.name = harmless(file.path.stem)
        model = read_model(file)
        refuse_excess(str(file.path), model)
        self._content = model.SerializeToString()  # as read and checked, so that ONNX Runtime opens no file
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads or (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )
        self._session = self._made(self._content, options)
        self._input, self.channels, self.size = self._image_input()
        self._outputs = [output.name for output in self._session.get_outputs()[:1]]
        outlive_forks(self._session)
        self._basic = self._folded()
        if not _depends_on(self._basic.graph, self._input):
            raise UserError(f"{self._path}: its output doesn't depend on the picture")
        self.scale = self._measured_scale()
        self.multiple = self._measured_multiple() if self.size is None else 1
        self.max_value = self._max_value()

    def __call__(self, x: Floats) -> Floats:
        (found,) = self._run(self._session, self._outputs, x)
        wanted = (1, self.channels, self.scale * x.shape[2], self.scale * x.shape[3])
        if found.shape != wanted:
            raise UserError(f"{self._path}: a picture of {x.shape} became {found.shape}, not {wanted}")
        result: Floats = found
        return result

    def field(self) -> Field | None:
        """What a result depends on; None where tiles can't be trusted."""
        return field_of(self._basic)

    def peak_bytes(self, height: int, width: int) -> int:
        import onnxruntime

        model = onnx.ModelProto()
        model.CopyFrom(self._basic)
        known = {output.name for output in model.graph.output}
        names = [name for node in model.graph.node for name in node.output if name]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = self._made(model.SerializeToString(), options)
        x = np.full((1, self.channels, height, width), 0.5, np.float32)
        sizes = {
            name: getattr(tensor, "nbytes", 0) for name, tensor in zip(names, self._run(session, names, x), strict=True)
        }
        return int(_OVERHEAD * _peak(model.graph, {self._input: x.nbytes, **sizes}))

    def _made(self, source: bytes, options: Any) -> Any:
        import onnxruntime

        try:
            return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of several classes, none of which is public
            raise UserError(f"{self._path}: ONNX Runtime can't load it ({_first_line(error)})") from error

    def _run(self, session: Any, names: list[str], x: Floats) -> list[Any]:
        try:
            found: list[Any] = session.run(names, {self._input: x})
        except Exception as error:  # of several classes, none of which is public
            size, what = f"{x.shape[3]}x{x.shape[2]}", _first_line(error)
            raise UserError(f"{self._path}: ONNX Runtime can't run it on {size} pixels ({what})") from error
        return found

    def _image_input(self) -> tuple[str, int, tuple[int, int] | None]:
        """Name and channels of the input, and the picture's height and width where the file fixes them."""
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or inputs[0].type != "tensor(float)" or shape[1] not in (1, 3) or shape[0] in range(2, 99):
            what = "; ".join(f"'{each.name}' {each.type} {each.shape}" for each in inputs) or "none"
            raise UserError(
                f"{self._path}: one float32 image 1 C H W of 1 (luma) or 3 (RGB) channels is expected, not {what}"
            )
        height, width = shape[2:]
        if isinstance(height, int) != isinstance(width, int):
            raise UserError(f"{self._path}: height {height} and width {width}: both fixed or both free are expected")
        if isinstance(height, int) and not (min(height, width) > 0 and height * width <= _MOST_PIXELS):
            raise UserError(
                f"{self._path}: it accepts pictures of {width}x{height} only; up to 3840x2160 are supported"
            )
        return inputs[0].name, shape[1], (height, width) if isinstance(height, int) else None

    def _folded(self) -> onnx.ModelProto:
        """The network with everything folded that doesn't depend on the picture, in standard operators."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "net.onnx"
            options.optimized_model_filepath = str(file)
            self._made(self._content, options)
            return onnx.load(file)

    def _measured_scale(self) -> int:
        (height, width), found = self._probed()
        scale = found.shape[2] // height if found.ndim == 4 else 0
        if found.shape != (1, self.channels, scale * height, scale * width) or not scale:
            raise UserError(
                f"{self._path}: {self.channels} x {height} x {width} became {' x '.join(map(str, found.shape[1:]))}; "
                "as many channels, larger by an integer factor, are expected"
            )
        if scale > LIMITS["scale"]:
            raise UserError(f"{self._path}: it upscales {scale} times; up to {LIMITS['scale']} are supported")
        return int(scale)

    def _probed(self) -> tuple[tuple[int, int], Any]:
        """The first size that the network takes, and what became of a grey picture of it."""
        refused: UserError | None = None
        for height, width in [self.size] if self.size is not None else [(side, side) for side in _PROBES]:
            x = np.full((1, self.channels, height, width), 0.5, np.float32)
            try:
                (found,) = self._run(self._session, self._outputs, x)
            except UserError as error:
                refused = refused or error
            else:
                return (height, width), found
        assert refused is not None
        raise refused

    def _measured_multiple(self) -> int:
        """The number of which height and width must be multiples: by strides and windows inside of the network."""
        for multiple in _MULTIPLES:
            # times a prime that no other of them has as a factor, as long as the picture stays small
            side = multiple * (29 if multiple == 1 else 13 if multiple == 2 else 11 if multiple <= 8 else 3)
            x = np.full((1, self.channels, side, side), 0.5, np.float32)
            with contextlib.suppress(UserError):
                self(x)
                return multiple
        return max(_MULTIPLES)  # perhaps: else it says itself what it can't run

    def _max_value(self) -> float:
        stated = self._session.get_modelmeta().custom_metadata_map.get("pocketsr.value_range")
        if stated in ("1", "255"):
            return float(stated)

        def run(image: Any) -> Any:
            """C H W, on the picture size that the network takes."""
            height, width = image.shape[1:]
            tall, wide = self.size or (height, width)
            if self.size is None:
                tall, wide = (-(-side // self.multiple) * self.multiple for side in (height, width))
            margin = ((0, 0), (0, max(0, tall - height)), (0, max(0, wide - width)))
            x = np.pad(image.astype(np.float32), margin, mode="edge")[:, :tall, :wide]
            return self(x[None])[0, :, : self.scale * height, : self.scale * width]

        if self.size is not None and min(self.size) < _PROBE:
            return 1.0
        return better_max_value(run, self.scale, self.channels)


def _depends_on(graph: onnx.GraphProto, name: str) -> bool:
    """Whether the first output of `graph` is made of `name`; a node with branches is taken to read all there is."""
    reached = {name}
    for node in graph.node:
        branches = any(attribute.HasField("g") for attribute in node.attribute)
        if branches or not reached.isdisjoint(node.input):
            reached |= set(node.output)
    return graph.output[0].name in reached


def _peak(graph: onnx.GraphProto, sizes: dict[str, int]) -> int:
    """Bytes of the tensors that exist at one time, each from the node that makes it to the last that reads it."""
    uses = Counter(name for node in graph.node for name in node.input)
    live = peak = sum(sizes[value.name] for value in graph.input if value.name in sizes)
    for node in graph.node:
        live += sum(sizes.get(name, 0) for name in node.output)
        peak = max(peak, live)
        for name in node.input:
            uses[name] -= 1
            if not uses[name]:
                live -= sizes.get(name, 0)
    return peak


def _first_line(error: Exception) -> str:
    text = str(error).split("Status Message: ")[-1]  # before it: which node, in several hundred characters
    return harmless(next(iter(text.strip().splitlines()), type(error).__name__), 200)
