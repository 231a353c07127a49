"""Few bits without training: ranges from pictures, and biases that take back what rounding shifts on average."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from pocketsr.engine.ir import Shuffle
from pocketsr.nets import SRNet, to_onnx
from pocketsr.quant.equalise import equalised, factors
from pocketsr.quant.fake import Method
from pocketsr.quant.net import QuantNet
from pocketsr.quant.observers import Ranges, act_range, weight_scales
from pocketsr.quant.source import Source, read_source
from pocketsr.quant.spec import Spec
from pocketsr.quant.steps import ConvStep, Step, Values

__all__ = ["quantize", "source_of"]

_SAMPLES = 20_000  # numbers of each stored value that its range is chosen by
_STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)  # to which channels are made alike


@torch.no_grad()
def quantize(
    model: SRNet | Source | str | Path,
    spec: Spec,
    images: Tensor,
    ranges: Ranges = "mse",
    *,
    bias_correction: bool = True,
    equalise: bool = True,
    method: Method = "lsq",
    span_bits: int | None = None,
) -> QuantNet:
    """`model` in the bits of `spec`; `model` itself stays as it is.

    model: a network, a shipped one's name, or an ONNX file. images: N C H W in 0..1, of the kind that it will see.
    bias_correction: what rounding of weights and planes changes in the mean of each channel is taken from its bias
    (Nagel et al., Data-Free Quantization, ICCV 2019, section 4.2, by measurement), layer by layer.
    equalise: channels are made alike, so far as it brings the result closer to the exact one on `images`.
    method, span_bits: for training that follows (see `QuantNet`).
    Raises UserError for what the engine doesn't take.
    """
    source = source_of(model)
    exact = QuantNet(source)
    values = {value: planes.numpy() for value, planes in exact.values(images).items()}
    wanted = exact(images)
    strengths = _STRENGTHS if equalise and exact.layout.stored else (0.0,)
    by = factors(source.graph, exact.layout, values) if len(strengths) > 1 else {}
    best: tuple[float, QuantNet] | None = None
    for strength in strengths:
        alike = replace(source, graph=equalised(source.graph, by, strength))
        made = _calibrated(alike, QuantNet(alike, spec, method, span_bits), images, ranges, bias_correction)
        for ref, factor in by.items():
            if f"factor{ref.value}" in dict(made.named_buffers()):
                made.factor(ref.value)[ref.channel] = factor**strength
        error = float((made(images) - wanted).square().mean())
        if best is None or error < best[0]:
            best = error, made
    assert best is not None
    return best[1].eval()


def source_of(model: SRNet | Source | str | Path, name: str = "net") -> Source:
    """`model` as an ONNX file and a graph. name: of the file of an `SRNet`."""
    if isinstance(model, Source):
        return model
    if isinstance(model, QuantNet):
        return model.source
    if isinstance(model, SRNet):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.onnx"
            to_onnx(model, path)
            return read_source(path)
    return read_source(model)


def _calibrated(source: Source, made: QuantNet, images: Tensor, ranges: Ranges, bias_correction: bool) -> QuantNet:
    """`made` with its ranges and biases, layer by layer, beside the exact network of `source`."""
    exact = QuantNet(source)
    wanted, values = exact.values(images), {0: made.picture(images)}
    _choose_act_ranges(made, wanted, ranges)
    for op in source.graph.ops:
        if isinstance(op, Shuffle):
            values[op.value] = torch.pixel_shuffle(made.moved[str(op.value)](values), op.factor)
            continue
        own = cast(Step, made.steps[str(op.value)])
        input_scale = None
        if isinstance(own, ConvStep):
            assert own.quant is not None
            input_scale = made.input_scale(own)
            own.quant.set_scale(torch.from_numpy(weight_scales(own.conv.weight, own.quant.span, ranges)))
            if bias_correction:
                _correct(cast(ConvStep, exact.steps[str(op.value)]), own, wanted, values, input_scale)
        values[op.value] = made.stored(op.value, own(values, input_scale, pad=True)[0])
    return made


def _choose_act_ranges(made: QuantNet, values: Values, ranges: Ranges) -> None:
    """A scale and a zero for all values that share them, from what the exact network gives."""
    rng = np.random.default_rng(0)
    shared: dict[int, list[np.ndarray]] = {}
    for value, leader in made.layout.stored.items():
        numbers = values[value].numpy().ravel()
        drawn = numbers[rng.integers(len(numbers), size=_SAMPLES)]
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
