#!/bin/sh
# A good guess: onnx's own ReferenceEvaluator runs what onnx.checker and onnx's own backend tests call valid, and
# DequantizeLinear is valid since opset 10. So quantized files of opset 13 to 18, the default of ONNX Runtime's
# quantization tools for years, run in it.
# What happens: the evaluator has QuantizeLinear and DequantizeLinear of opset 19 and later only. A file of opset 13 passes the
# checker with full_check=True and runs in ONNX Runtime, but the evaluator raises RuntimeError as it is built ("No
# implementation for operator 'QuantizeLinear' domain '' and version 13, found 19, ..."). The same nodes declared as
# opset 21 give ONNX Runtime's numbers.
# Versions: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6; 2026-11-28. Source: onnx/reference/ops/_op_list.py.
# Why it matters: whoever folds constants or makes expected results by the evaluator (weights of QDQ files are constants behind
# DequantizeLinear) fails on most quantized files in the wild, with an error that reads as if the file were broken.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

def pair(opset):
    constants = [numpy_helper.from_array(np.float32(0.02), "scale"), numpy_helper.from_array(np.uint8(60), "zero")]
    nodes = [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
             helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 4, 4]) for name in "xy")
    graph = helper.make_graph(nodes, "pair", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
x = np.linspace(-2, 4, 16, dtype=np.float32).reshape(1, 1, 4, 4)
session = onnxruntime.InferenceSession(pair(13).SerializeToString(), providers=["CPUExecutionProvider"])
expected = session.run(None, {"x": x})[0]
print("onnxruntime, opset 13:", expected.ravel()[:4], "...")
failed = []
for opset in (10, 13, 17, 18, 19, 21):
    try:
        same = bool(np.array_equal(ReferenceEvaluator(pair(opset)).run(None, {"x": x})[0], expected))
        print(f"ReferenceEvaluator, opset {opset}: runs, equal to onnxruntime: {same}")
    except Exception as error:
        failed.append(opset)
        print(f"ReferenceEvaluator, opset {opset}: {type(error).__name__}: {str(error)[:110]}")
sys.exit(failed != [10, 13, 17, 18])
PYTHON
