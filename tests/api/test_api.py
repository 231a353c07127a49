"""The public names: there, documented, and what the command line does."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

import pocketsr

Picture = NDArray[np.uint8]


def test_every_public_name_is_there_sorted_and_told() -> None:
    assert list(pocketsr.__all__) == sorted(pocketsr.__all__)
    assert set(pocketsr.__all__) <= set(dir(pocketsr))
    for name in pocketsr.__all__:
        assert getattr(pocketsr, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'upscale_everything'"):
        _ = pocketsr.upscale_everything  # type: ignore[attr-defined]


def test_importing_loads_nothing_heavy() -> None:
    code = "import pocketsr, sys; dir(pocketsr); print({'numpy', 'av', 'torch', 'onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def _pooling(path: Path) -> Path:
    """Nearest x2 of the picture, and a global mean times 0: what the engine refuses, ONNX Runtime runs."""
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, "h", "w"])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, "h2", "w2"])
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Mul", ["mean", "zero"], ["none"]),
        helper.make_node("Add", ["x", "none"], ["same"]),
        helper.make_node("Resize", ["same", "", "scales"], ["y"], mode="nearest"),
    ]
    constants = [
        helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, 2.0, 2.0]),
    ]
    graph = helper.make_graph(nodes, "net", [image], [result], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_what_the_engine_refuses_runs_elsewhere_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(pocketsr.FallbackWarning, match="runs through ONNX Runtime, not in the engine"):
        net = pocketsr.load(_pooling(tmp_path / "mean.onnx"))
    picture = np.random.default_rng(0).integers(0, 256, (12, 10), np.uint8)
    np.testing.assert_array_equal(net(picture), picture.repeat(2, 0).repeat(2, 1))


def test_networks_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(pocketsr.UserError, match="unknown model 'smal': choose one of"):
        pocketsr.load("smal")
    with pytest.raises(pocketsr.UserError, match="small has its own"):
        pocketsr.load("small", weights=tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda net: net(np.zeros((4, 4))), TypeError),
        (lambda net: net([[1]]), TypeError),
        (lambda net: net(np.zeros((4, 4, 3), np.uint8)), ValueError),
        (lambda net: net(np.zeros((0, 4), np.uint8)), ValueError),
        (lambda net: pocketsr.upscale_image(np.zeros((4, 4), np.float32), model=net), TypeError),
        (lambda net: pocketsr.upscale_image(np.zeros((4, 4, 2), np.uint8), model=net), ValueError),
        (lambda _: pocketsr.Frame.from_planes("nv12", []), ValueError),
    ],
)
def test_misuse_is_a_value_or_a_type_error(call: Callable[[Any], object], kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        call(pocketsr.load("bicubic"))
    assert isinstance(caught.value, pocketsr.UserError)


def test_a_network_says_what_it_is_and_is_let_go() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (20, 24), np.uint8)
    with pocketsr.load("tiny", threads=2) as net:  # type: ignore[attr-defined]
        assert repr(net) == "<Network tiny x2 luma, 969 parameters, 2 threads>"
        before = net(picture)
    np.testing.assert_array_equal(net(picture), before)  # closed, it takes up memory anew


def test_a_video_through_the_api(tmp_path: Path) -> None:
    import av

    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for level in (40, 90, 160):
            frame = av.VideoFrame(32, 24, "yuv420p")
            for part in pocketsr.Frame.from_av(frame).components:
                part[...] = level
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    calls: list[tuple[int, int | None, threading.Thread]] = []
    report = pocketsr.upscale_video(
        source, tmp_path / "out.mkv", "bicubic", codec="ffv1",
        on_progress=lambda done, total: calls.append((done, total, threading.current_thread())),
    )  # fmt: skip
    assert (report.frames, report.size) == (3, (64, 48))
    assert [done for done, _, _ in calls] == [1, 2, 3]
    assert {thread for _, _, thread in calls} == {threading.current_thread()}
    with av.open(str(tmp_path / "out.mkv")) as container:
        frames = list(container.decode(video=0))
    assert [int(next(pocketsr.Frame.from_av(frame).components)[5, 5]) for frame in frames] == [40, 90, 160]
    with pytest.raises(pocketsr.UserError, match="exists"):
        pocketsr.upscale_video(source, tmp_path / "out.mkv", "bicubic")
