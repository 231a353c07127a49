"""The table of curves: every line is complete, and the C means what the line says."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from engine_nets import Build
from onnx.reference import ReferenceEvaluator

from pocketsr.engine import load, read_network
from pocketsr.engine.ir.graph import Unary
from pocketsr.engine.ir.pointwise import CURVES, curve_code
from pocketsr.engine.ir.reference import evaluate
from pocketsr.engine.onnx.shapes import POINTWISE
from pocketsr.engine.onnx.state import HANDLERS

WIDE = np.concatenate([np.linspace(-40, 40, 4001), np.linspace(-1e-2, 1e-2, 501)])  # of what the curves get
OTHERS = [("Elu", {"alpha": 0.7}), ("Selu", {}), ("Celu", {"alpha": 1.5}), ("HardSwish", {}), ("Swish", {}),
          ("Swish", {"alpha": 1.3}), ("Gelu", {}), ("Gelu", {"approximate": "tanh"}), ("HardSigmoid", {})]  # fmt: skip


def test_every_line_is_complete() -> None:
    torch = pytest.importorskip("torch")
    curves = (Path(load.__code__.co_filename).parent / "codegen" / "curves.h").read_text()
    assert CURVES.keys() == set(Unary)
    import pocketsr.engine.onnx.handlers  # noqa: F401  (it fills HANDLERS)

    positive = np.abs(WIDE)
    for kind, curve in CURVES.items():
        assert curve.c or f"v{kind.value}(vf x)" in curves, kind
        assert curve.onnx in HANDLERS, kind
        assert curve.onnx in POINTWISE, kind
        x = positive if kind is Unary.SQRT else WIDE
        with np.errstate(over="ignore"):
            ours = curve.meaning(x)
        assert np.abs(attrgetter(curve.torch)(torch)(torch.from_numpy(x)).numpy() - ours).max() < 1e-6, kind


def net(kind: str, attributes: dict[str, object]) -> onnx.ModelProto:
    """One curve; four channels, so that vectors are whole."""
    b = Build()
    t = b.op(kind, b.op("Concat", *["x"] * 4, axis=1), **attributes)
    return b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD"), 24)


ALL: list[Any] = [*((curve.onnx, {}) for curve in CURVES.values()), *OTHERS]


def test_the_c_is_what_the_line_means(tmp_path: Path) -> None:
    """All in one library: column after column of the picture chooses the next curve, by masks that its rows give."""
    b = Build()
    total = ""
    for number, (kind, attributes) in enumerate(ALL):
        # the picture is 100 * number + what the curve gets: a hat of width 100 around it chooses this curve alone
        own = b.op("Sub", "x", b.const(100.0 * number))
        mask = b.op("Clip", b.op("Sub", b.const(50.0), b.op("Abs", own)), b.const(0.0), b.const(1.0))
        own = b.op("Clip", own, b.const(-45.0), b.const(45.0))
        own = b.op(kind, b.op("Abs", own) if kind == "Sqrt" else own, **attributes)
        part = b.op("Mul", own, mask)
        total = b.op("Add", total, part) if total else part
    path = tmp_path / "net.onnx"
    onnx.save(b.model(b.op("Resize", total, "", b.const([1, 1, 2, 2]), mode="nearest"), 24), path)
    graph, _ = read_network(path)
    x = (100 * np.arange(len(ALL))[:, None] + WIDE).astype(np.float32)
    with np.errstate(over="ignore"):
        exact = evaluate(graph, x[None])[0]
    off = np.abs(load(path, threads=1)(x) - exact).reshape(len(ALL), -1).max(1)
    scale = np.abs(exact).reshape(len(ALL), -1).max(1)
    for (kind, attributes), error, size in zip(ALL, off, scale, strict=True):
        assert size > 0.9, kind
        assert error < 1e-6 * size, (kind, attributes, error)


@pytest.mark.parametrize(("kind", "attributes"), ALL)
def test_the_meaning_is_onnx_s(kind: str, attributes: dict[str, object], tmp_path: Path) -> None:
    model = net(kind, attributes)
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    x = np.abs(WIDE[None]) if kind == "Sqrt" else WIDE[None]
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x.astype(np.float32)[None, None]})
    with np.errstate(over="ignore"):
        exact = evaluate(read_network(path)[0], x.astype(np.float32)[None])
    assert np.abs(exact - expected[0]).max() < 1e-5


def test_what_no_network_uses_is_not_emitted(tmp_path: Path) -> None:
    onnx.save(net("Sigmoid", {}), tmp_path / "net.onnx")
    assert not curve_code(read_network(tmp_path / "net.onnx")[0].ops)
    onnx.save(net("Mish", {}), tmp_path / "net.onnx")
    code = curve_code(read_network(tmp_path / "net.onnx")[0].ops)
    assert "vmish" in code
    assert "vsoftplus" not in code
