"""Post-training quantization: ranges from pictures, and biases corrected by what rounding shifts on average."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from pocketsr.engine.ir.graph import Shuffle
from pocketsr.nets import SRNet, to_onnx
from pocketsr.quant.equalise import equalised, factors
from pocketsr.quant.fake import ActQuant, Method
from pocketsr.quant.net import QuantNet
from pocketsr.quant.observers import Ranges, act_range, weight_scales
from pocketsr.quant.source import Source, read_source
from pocketsr.quant.spec import Spec
from pocketsr.quant.steps import ConvStep, Step, Values

__all__ = ["quantize", "source_of"]

_SAMPLES = 20_000  # numbers of each stored value that its range is chosen by
_REFINED_BY = 16  # pictures, at most: each try costs a run of the network on all of them
_COARSE, _FINE = (0.88, 1.1), (0.96, 1.04)  # by which scales are multiplied
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

    model: a network, a shipped one's name, or an ONNX file. images: N C H W in 0..1, of the kind that it will see; of a
    network that is told strengths with a plane more that holds each picture's, else they are spread over 0..1.
    bias_correction: what rounding of weights and planes changes in the mean of each channel is taken from its bias
    (Nagel et al., Data-Free Quantization, ICCV 2019, section 4.2, by measurement), layer by layer.
    equalise: channels are made alike, so far as it brings the result closer to the exact one on `images`.
    ranges: `mse` then also tunes ranges of activations by the error of the result.
    method, span_bits: for training that follows (see `QuantNet`).
    Raises UserError for what the engine doesn't support.
    """
    source = source_of(model)
    images = _with_strengths(images, source)
    exact = QuantNet(source)
    values = {value: planes.numpy() for value, planes in exact.values(images).items()}
    wanted = exact(images)
    strengths = _STRENGTHS if equalise and exact.layout.stored else (0.0,)
    by = factors(source.graph, exact.layout, values) if len(strengths) > 1 else {}
    best: tuple[float, QuantNet] | None = None
    for strength in strengths:
        alike = replace(source, graph=equalised(source.graph, by, strength))
        made, same = QuantNet(alike, spec, method, span_bits), QuantNet(alike)
        _choose_ranges(made, same.values(images), ranges)
        if bias_correction:
            _correct(made, same, images)
        for ref, factor in by.items():
            if f"factor{ref.value}" in dict(made.named_buffers()):
                made.factor(ref.value)[ref.channel] = factor**strength
        error = float((made(images) - wanted).square().mean())
        if best is None or error < best[0]:
            best = error, made
    assert best is not None
    made = best[1].eval()
    if ranges == "mse":
        every = -(-len(images) // _REFINED_BY)
        _refine(made, images[::every], wanted[::every])
        if bias_correction:
            _correct(made, QuantNet(made.source), images)
    return made


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


def _with_strengths(images: Tensor, source: Source) -> Tensor:
    """Any number of pictures in a row has all kinds of strengths: by the golden ratio."""
    if not source.graph.strengths or images.shape[1] > source.graph.channels:
        return images
    spread = torch.arange(len(images)) * (5**0.5 - 1) / 2 % 1
    return torch.cat([images, spread.to(images).view(-1, 1, 1, 1).expand(-1, 1, *images.shape[2:])], 1)


def _choose_ranges(made: QuantNet, values: Values, ranges: Ranges) -> None:
    """Scales of weights, and a scale and a zero for all values that share them, by what the exact network gives."""
    for step in made.convs():
        assert step.quant is not None
        # The mean error over all classes would clip the largest kernels, whichever class has them: the weights of
        # `steep-tiny-first` lost 0.017 dB so, and 0.007 without.
        how: Ranges = "minmax" if step.conv.chosen else ranges
        step.quant.set_scale(torch.from_numpy(weight_scales(step.kernels().numpy(), step.quant.span, how)))
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


def _correct(made: QuantNet, exact: QuantNet, images: Tensor) -> None:
    """Give each convolution the bias with which its sums have the mean of the exact network's, layer by layer."""
    wanted, values = exact.values(images), made.begun(images, pad=True)
    for op in made.source.graph.ops:
        if op.value in made.of_classes:
            continue
        if isinstance(op, Shuffle):
            values[op.value] = torch.pixel_shuffle(made.moved[str(op.value)](values), op.factor)
            continue
        own, input_scale = cast(Step, made.steps[str(op.value)]), None
        if isinstance(own, ConvStep):
            input_scale = made.input_scale(own)
            full, few = exact.convs()[made.convs().index(own)], own.numbers(input_scale)[0]
            own.bias.copy_(full.bias)
            sums = full.convolved(wanted, full.kernels(), None, None, pad=True)
            sums -= own.convolved(values, few, None, None, pad=True)
            own.bias.add_(sums.double().mean((0, 2, 3)).float())
        values[op.value] = made.stored(op.value, own(values, input_scale, pad=True)[0])


def _refine(made: QuantNet, images: Tensor, wanted: Tensor) -> None:
    """Tune scales and zero points of activations as long as that brings the result closer to `wanted`.

    The least error of each plane isn't yet that of the result: 8 bits lost a third less so (`small`, `tiny`).
    """

    def error() -> float:
        return float((made(images) - wanted).square().mean())

    least = error()
    for factors_tried, shift in ((_COARSE, 1 / 24), (_FINE, 1 / 64)):
        for act in (cast(ActQuant, each) for each in made.acts.values()):
            moves = [(factor, 0) for factor in factors_tried] + [(1.0, way) for way in (-1, 1)]
            for factor, way in moves:
                while True:  # on, as long as it helps
                    scale, zero = float(act.scale().detach()), int(act.zero)
                    moved = min(max(zero + way * max(1, round(act.levels * shift)), 0), act.levels)
                    act.set_range(scale * factor, moved)
                    now = error() if (factor, moved) != (1.0, zero) else least
                    if now >= least:
                        act.set_range(scale, zero)
                        break
                    least = now
