"""8-bit weights and biases as other runtimes take them: those of files that were quantized elsewhere, too."""

from __future__ import annotations

import numpy as np
import pytest

from pocketsr.errors import UserError
from pocketsr.export.layers import Conv, Network, Prelu, Rounded, Shuffle, Tensor
from pocketsr.export.meaning import evaluate

STEPS = np.array([0.01, 0.02, 0.005, 0.01], np.float32)


def _net(bias: float = 0.0) -> Network:
    """One convolution with slopes between stored values; its weights go from -128 to 127."""
    x, a, b, c, d, y = (Tensor(f"t{i}", n) for i, n in enumerate((1, 1, 4, 4, 4, 1)))
    whole = np.array([[-128], [127], [-128], [64]], np.float32)[..., None, None]
    weight = whole * STEPS[:, None, None, None]
    layers = (
        Rounded("in", (x,), a, 1 / 255, 0, 255),
        Conv("conv", (a,), b, weight, np.full(4, bias, np.float32), steps=STEPS),
        Prelu("slopes", (b,), c, np.array([-0.5, 0.25, -1.0, -0.5], np.float32)),
        Rounded("out", (c,), d, 0.02, 100, 255),
        Shuffle("shuffle", (d,), Tensor(y.name, 1, 2), 2),
    )
    return Network("net", x, layers, layers[-1].output, 1.0)


def test_no_weight_is_minus_128() -> None:
    conv = _net().layers[1]
    assert isinstance(conv, Conv)
    np.testing.assert_array_equal(conv.whole(STEPS).ravel(), [-127, 127, -127, 64])
    assert np.isfinite(conv.whole(np.zeros(4, np.float32))).all()


def test_litert_gives_what_the_network_means() -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install 'pocketsr[litert]'")
    from pocketsr.export.litert import Interpreted, content

    net = _net()
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    found = Interpreted(content(net, 8, 8, "int8")[0], 1.0)(picture).astype(int)
    expected = np.clip(np.rint(evaluate(net, picture[None] / 255.0)[0] * 255), 0, 255)
    assert np.abs(found - expected).max() <= 8  # steps of the stored result are 5 levels


def test_litert_refuses_a_bias_beyond_32_bits() -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install 'pocketsr[litert]'")
    from pocketsr.export.litert import content

    with pytest.raises(UserError, match=r"^node 'conv': its bias doesn't fit 32 bits"):
        content(_net(bias=1e9), 8, 8, "int8")
