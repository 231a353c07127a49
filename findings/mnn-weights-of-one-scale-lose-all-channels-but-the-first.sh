#!/bin/bash
# MNN's ONNX converter: weights in 8 bits that share one scale come out right in the first output channel alone.
#
# A good guess: a convolution whose weights come from a DequantizeLinear with a scalar scale (per tensor: what ONNX Runtime's
# quantize_static and most tools write unless asked for `per_channel`) is the same as one with that scale written for each
# channel (axis 0); a converter takes both, or refuses the one that it doesn't know.
# What happens: the converter says "Converted Success!". The scalar is taken for the first channel's scale; the others' are
# whatever stands behind it, so that they are 0 or thousands of times too large, by session and by module, and differ from run to
# run. The same numbers with a scale for each channel are exact.
# Why it matters: a quantized network that ran everywhere gives noise on a phone, where nobody compares numbers. pocketsr
# writes weights of real numbers for MNN, and compares what it wrote with its own engine.
#
# Versions: MNN 3.6.1 (wheel), onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11. 2026-11-30. Source: own test, as exports
# of 8-bit networks were tried.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check MNN==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat > convert.py <<'PYTHON'
import sys
import _tools
_tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", sys.argv[1], "--MNNModel", sys.argv[2], "--bizCode", "x"])
PYTHON
cat > show.py <<'PYTHON'
import subprocess
import sys

import MNN
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

print("MNN", MNN.version(), "onnxruntime", onnxruntime.__version__)
rng = np.random.default_rng(0)
weights = rng.integers(-127, 128, (4, 1, 3, 3)).astype(np.int8)
picture = rng.uniform(0, 25, (1, 1, 8, 8)).astype(np.float32)


def model(scales):
    tensors = {"q": weights, "scale": scales, "zero": np.zeros_like(scales, dtype=np.int8)}
    axis = {"axis": 0} if scales.ndim else {}
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], **axis),
        helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], pads=[1] * 4),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, 8, 8]) for n, c in (("x", 1), ("y", 4)))
    graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(v, k) for k, v in tensors.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def errors(made):
    """The largest difference between MNN and ONNX Runtime, of each output channel."""
    onnx.save(made, "net.onnx")
    expected = onnxruntime.InferenceSession("net.onnx").run(None, {"x": picture})[0]
    said = subprocess.run([sys.executable, "convert.py", "net.onnx", "net.mnn"], capture_output=True, text=True)
    assert "Converted Success" in said.stdout, said
    net = MNN.Interpreter("net.mnn")
    session = net.createSession({"backend": "CPU", "precision": "high"})
    given = MNN.Tensor((1, 1, 8, 8), MNN.Halide_Type_Float, picture, MNN.Tensor_DimensionType_Caffe)
    net.getSessionInput(session).copyFrom(given)
    net.runSession(session)
    output = net.getSessionOutput(session)
    zeros = np.zeros((1, 4, 8, 8), np.float32)
    host = MNN.Tensor((1, 4, 8, 8), MNN.Halide_Type_Float, zeros, MNN.Tensor_DimensionType_Caffe)
    output.copyToHostTensor(host)
    found = np.array(host.getData()).reshape(expected.shape)
    return [float(abs(found[0, c] - expected[0, c]).max()) for c in range(4)], float(abs(expected).max())


each, largest = errors(model(np.full(4, 0.01, np.float32)))
print("a scale for each channel: off by", each, "of", largest)
one, largest = errors(model(np.float32(0.01)[()] * np.ones((), np.float32)))
print("one scale for all: off by", one, "of", largest)
sys.exit(not (max(each) < 1e-3 and one[0] < 1e-3 and min(one[1:]) > 1))
PYTHON
venv/bin/python show.py
