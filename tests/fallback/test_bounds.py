"""What isn't handed to another runtime: networks that would fill the memory, or calculate for minutes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hostile_models import const, model, up
from onnx import helper

from pocketsr.engine import load_chroma
from pocketsr.errors import UserError
from pocketsr.fallback import open_file
from pocketsr.fallback.bounds import refuse_excess

node = helper.make_node


def test_a_kernel_larger_than_any_networks_is_named() -> None:
    wide = const("w", np.ones((1, 1, 1, 1100)))
    with pytest.raises(UserError, match=r"node 'wide' \(Conv\): a kernel of 1,100 rows or columns"):
        refuse_excess("net.onnx", up(node("Conv", ["x", "w"], ["t"], name="wide", pads=[0, 550] * 2), constants=[wide]))
    spread = const("w", np.ones((1, 1, 3, 3)))
    far = {"dilations": [1, 10**6], "pads": [1, 10**6] * 2}
    with pytest.raises(UserError, match="a kernel of 2,000,001"):
        refuse_excess("net.onnx", up(node("Conv", ["x", "w"], ["t"], **far), constants=[spread]))
    with pytest.raises(UserError, match="a kernel of 1,025"):
        refuse_excess("net.onnx", up(node("MaxPool", ["x"], ["t"], kernel_shape=[1025, 3], pads=[512, 1] * 2)))


@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose", "MatMul", "Gemm"])
def test_one_small_weight_used_thousands_of_times_is_refused(kind: str) -> None:
    """0.6 million weights, 2,000 layers of them: 10 minutes a picture of 32x32."""
    given = {"pads": [1] * 4} if kind.startswith("Conv") else {}
    shape = (256, 256, 3, 3) if given else (768, 768)
    first = [node("Conv", ["x", "wide"], ["m0"])]
    if not given:
        first = [node("Conv", ["x", "wide"], ["m"]), node("Reshape", ["m", "rows"], ["m0"])]
    layers = [node(kind, [f"m{i}", "w"], [f"m{i + 1}"], name=f"layer{i}", **given) for i in range(2000)]
    constants = [const("wide", np.ones((256 if given else 768, 1, 1, 1))), const("w", np.zeros(shape)),
                 const("rows", [-1, 768], np.int64)]  # fmt: skip
    with pytest.raises(UserError, match=rf"node 'layer\d+' \({kind}\): with it .* multiply-adds a pixel"):
        refuse_excess("net.onnx", up(*first, *layers, x="m2000", constants=constants))


@pytest.mark.parametrize("scale", [0, -1, 17, 200])
def test_chroma_is_enlarged_as_far_as_networks_enlarge(scale: int) -> None:
    with pytest.raises(UserError, match="1 to 16 is expected"):
        load_chroma(scale)


def test_a_network_that_enlarges_20_times_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    resize = node("Resize", ["x", "", "s"], ["y"], mode="linear")
    path = tmp_path / "net.onnx"
    path.write_bytes(model([resize], [const("s", [1, 1, 20, 20])]).SerializeToString())
    with pytest.raises(UserError, match="it upscales 20 times; up to 16 are supported"):
        open_file(path)


@pytest.mark.parametrize("kind", ["Constant", "RandomNormal"])
def test_a_network_that_does_not_look_at_the_picture_is_refused(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    given = {"shape": [1, 1, 64, 64]} if kind == "RandomNormal" else {"value": const("v", np.ones((1, 1, 64, 64)))}
    path = tmp_path / "net.onnx"
    path.write_bytes(model([node(kind, [], ["y"], **given)], []).SerializeToString())
    with pytest.raises(UserError, match="its output doesn't depend on the picture"):
        open_file(path)
