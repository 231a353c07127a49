"""Few bits without training: ranges from pictures, and biases that take back what rounding shifts on average."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from pocketsr.engine.ir import Shuffle
from pocketsr.nets import SRNet, to_onnx
from pocketsr.quant.fake import Method
from pocketsr.quant.net import QuantNet
from pocketsr.quant.observers import Ranges, act_range, weight_scales
from pocketsr.quant.source import Source, read_source
from pocketsr.quant.spec import Spec
from pocketsr.quant.steps import ConvStep, Step, Values

__all__ = ["quantize"]

_SAMPLES = 60_000  # numbers of each stored value that its range is chosen by


@torch.no_grad()
def quantize(
    model: SRNet | Source | str | Path,
    spec: Spec,
    images: Tensor,
    ranges: Ranges = "mse",
    *,
    bias_correction: bool = True,
    method: Method = "lsq",
    span_bits: int | None = None,
) -> QuantNet:
    """`model` in the bits of `spec`; `model` itself stays as it is.

    model: a network, a shipped one's name, or an ONNX file. images: N C H W in 0..1, of the kind that it will see.
    bias_correction: what rounding of weights and planes changes in the mean of each channel is taken from its bias
    (Nagel et al., Data-Free Quantization, ICCV 2019, section 4.2, by measurement), layer by layer.
    method, span_bits: for training that follows (see `QuantNet`).
    Raises UserError for what the engine doesn't take.
    """
    source = _source(model)
    exact, made = QuantNet(source), QuantNet(source, spec, method, span_bits)
    _choose_act_ranges(exact, made, images, ranges)
    wanted, values = _begun(exact, images), _begun(made, images)
    for op in source.graph.ops:
        if isinstance(op, Shuffle):
            for net, known in ((exact, wanted), (made, values)):
                known[op.value] = torch.pixel_shuffle(net.moved[str(op.value)](known), op.factor)
            continue
        step, own = cast(Step, exact.steps[str(op.value)]), cast(Step, made.steps[str(op.value)])
        if isinstance(own, ConvStep):
            assert own.quant is not None
            own.quant.set_scale(torch.from_numpy(weight_scales(own.conv.weight, own.quant.span, ranges)))
            if bias_correction:
                _correct(cast(ConvStep, step), own, wanted, values, made.input_scale(own))
        wanted[op.value] = step(wanted, None, pad=True)[0]
        input_scale = made.input_scale(own) if isinstance(own, ConvStep) else None
        values[op.value] = made.stored(op.value, own(values, input_scale, pad=True)[0])
    return made.eval()


def _source(model: SRNet | Source | str | Path) -> Source:
    if isinstance(model, Source):
        return model
    if isinstance(model, QuantNet):
        return model.source
    if isinstance(model, SRNet):
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.onnx"
            to_onnx(model, path)
            return read_source(path)
    return read_source(model)


def _begun(net: QuantNet, images: Tensor) -> Values:
    return {0: net.picture(images)}


def _choose_act_ranges(exact: QuantNet, made: QuantNet, images: Tensor, ranges: Ranges) -> None:
    """A scale and a zero for all values that share them, from what the exact network gives."""
    values = exact.values(images)
    rng = np.random.default_rng(0)
    shared: dict[int, list[np.ndarray]] = {}
    for value, leader in made.layout.stored.items():
        numbers = values[value].numpy().ravel()
        drawn = numbers if len(numbers) <= _SAMPLES else rng.choice(numbers, _SAMPLES, replace=False)
        # the ends always count: without them "minmax" would depend on what is drawn
        shared.setdefault(leader, []).append(np.concatenate([drawn, [numbers.min(), numbers.max()]]))
    for leader, parts in shared.items():
        act = made.act(leader)
        assert act is not None
        act.set_range(*act_range(np.concatenate(parts).astype(np.float32), act.levels, ranges))


def _correct(exact: ConvStep, own: ConvStep, wanted: Values, values: Values, input_scale: Tensor | None) -> None:
    """Give `own` the bias with which its sums have the mean of the exact network's."""
    full = torch.conv2d(exact.padded(wanted, pad=True), exact.weight, exact.bias, groups=exact.conv.groups)
    weight, bias = own.numbers(input_scale)
    few = torch.conv2d(own.padded(values, pad=True), weight, bias, groups=own.conv.groups)
    own.bias.add_((full - few).double().mean((0, 2, 3)).float())
