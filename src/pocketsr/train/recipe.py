"""A recipe: everything that decides how a network is trained, frozen, typed and strict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from pocketsr.quant.fake import Method
from pocketsr.quant.observers import Ranges
from pocketsr.quant.spec import SpecName, TwoBit
from pocketsr.train.parts import Batching, Hardware, LossPlan, Rates

__all__ = [
    "CodecData",
    "Cost",
    "Data",
    "Ema",
    "Files",
    "Finish",
    "Net",
    "Optimiser",
    "Quant",
    "Recipe",
    "Schedule",
    "Stage",
    "Subject",
    "Teacher",
]

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
Rate = Annotated[float, Meta(gt=0)]
Quality = Annotated[int, Meta(ge=1, le=95)]
Share = Annotated[float, Meta(ge=0, le=1)]
Weights = Annotated[dict[str, Annotated[float, Meta(ge=0)]], Meta(min_length=1)]


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all parts of a recipe share: unknown keys are refused, nothing changes after reading."""


class Net(_Section, frozen=True, kw_only=True):
    name: str
    config: dict[str, Any] = {}
    """What differs from the network's own defaults: `nets.build(name, **config)`."""


class Stage(_Section, frozen=True, kw_only=True):
    """An earlier stage of a training, whose best weights are what to begin with."""

    recipe: str
    """By which the stage is trained: a path from this recipe's folder."""
    checkpoint: str | None = None
    """What a run of that recipe gave, for where there is no run: a path from this recipe's folder too."""


class Cost(_Section, frozen=True, kw_only=True):
    """What a run takes, without earlier stages; told at the start, and of no consequence."""

    core_hours: Rate
    """Hours of one core of an AMD EPYC (Zen 5)."""
    note: str = ""
    """How that is known."""


class Quant(_Section, frozen=True, kw_only=True):
    """Quantization-aware training, from a network that is trained and collapsed already."""

    spec: SpecName
    model: str | Stage
    """A shipped network's name, an ONNX file, a checkpoint (.pt) of a run, or an earlier stage. From a run that was
    quantized alike training goes on, with its ranges."""
    method: Method = "lsq"
    """How ranges are learned: by LSQ or by PAMS."""
    ranges: Ranges = "mse"
    """How initial ranges are chosen."""
    weights_2bit: TwoBit = "ternary"
    """Values of 2-bit weights: -1, 0, 1 with a learned scale, TWN's, or -2..1."""
    span_bits: Annotated[int, Meta(ge=2, le=16)] | None = None
    """Sums of inner convolutions with weights of 2 bits fit in so many bits: the engine's accumulators may be bytes."""
    patches: Positive = 48
    """Patches of the training pictures that ranges are calibrated on."""


Subject = Net | Quant
"""What is trained: a network from its definition, or a quantized one from a network that is trained already."""


class CodecData(_Section, frozen=True, kw_only=True):
    """LR frames compressed by encoders as in calls, in place of clean ones (see `degraded`)."""

    clips: str | Annotated[tuple[str, ...], Meta(min_length=1)]
    """Folder of clips in HR, or several."""
    exclude: tuple[str, ...] = ()
    """Clips whose name matches one of these patterns are left out: those used for measuring."""
    panned_clips: Count = 150
    """Clips made by panning over the photographs of `data.folder`."""
    frames: Annotated[int, Meta(ge=11)] = 30
    """Frames of a clip; the first 10 are not used, while rate control settles."""
    encodings: Positive = 2
    """How often each clip is encoded, with codec, bit rate, frame rate and key frames sampled by the seed."""
    take_every: Positive = 6
    """Every how many frames one is used, since neighbours are similar."""
    cache: str | None = None
    """Folder to cache decoded frames in, since encoding takes minutes."""
    clean: bool = False
    """Whether all pictures of `data.folder` are trained on too, as they are: for networks that are told strengths."""

    def folders(self) -> list[Path]:
        return [Path(folder) for folder in ([self.clips] if isinstance(self.clips, str) else self.clips)]


class Files(_Section, frozen=True, kw_only=True):
    """What files and cameras do to LR pictures, each drawn for each copy; together they are `Pair.strength`."""

    copies: Positive = 3
    """How many of each picture are trained on, each with drawings of its own."""
    clean_share: Share = 0.25
    """Share of the copies to which nothing is done."""
    blur_sigma: Annotated[float, Meta(ge=0, le=3)] = 0.0
    """Upper bound of a Gaussian blur's standard deviation in LR pixels; half of the copies get none."""
    noise_levels: Annotated[float, Meta(ge=0)] = 0.0
    """Upper bound of the standard deviation of white noise in levels of 255; half of the copies get none."""
    jpeg_quality: tuple[Quality, Quality] | None = None
    webp_quality: tuple[Quality, Quality] | None = None
    """Lowest and highest quality; where both are given, one copy in four is WebP."""


class Data(_Section, frozen=True, kw_only=True):
    folder: str | Annotated[tuple[str, ...], Meta(min_length=1)]
    """Folder of HR images, luma or colour, or several: patterns below match paths in each. They are converted to the
    network's colours: studio luma, or R'G'B'."""
    flat_share: Share = 0.0
    """Share of the patches sampled from anywhere, and not from textured places."""
    even_share: Share = 0.0
    """Share of the patches that are of one level, any one at any strength: what a network must not move."""
    valid_share: Annotated[float, Meta(gt=0, lt=1)] = 1 / 29
    """About this share of the files is held out for validation, which chooses the checkpoint."""
    valid_patterns: tuple[str, ...] = ()
    """Only files whose path matches one of these patterns are held out: pictures of the kind that matters."""
    sampling_weights: dict[str, Rate] = {}
    """How often pictures whose path matches a pattern are sampled, relative to 1 for others, whatever their size."""
    sizes: dict[str, Annotated[tuple[Annotated[float, Meta(gt=0, le=1)], ...], Meta(min_length=1)]] = {}
    """At which sizes pictures whose path matches a pattern are trained on, as in {"photos/*": [1, 0.8, 0.5]}; others
    at their own, 1. Held-out pictures keep their size."""
    exclude: tuple[str, ...] = ()
    """Files whose path matches one of these patterns are left out."""
    codec: CodecData | None = None
    noise_levels: Annotated[float, Meta(ge=0)] = 0.0
    """Upper bound of the standard deviation, in levels of 255, of white noise added to LR pictures; sampled from 0."""
    jpeg_quality: tuple[Quality, Quality] | None = None
    """Lowest and highest JPEG quality (IJG scale) by which each LR picture is compressed."""
    files: Files | None = None
    """In place of the two above: what pictures went through as people have them."""

    def folders(self) -> list[Path]:
        return [Path(folder) for folder in ([self.folder] if isinstance(self.folder, str) else self.folder)]


class Optimiser(_Section, frozen=True, kw_only=True):
    lr: Rate
    kind: Literal["adam", "soap"] = "adam"
    """Adam (Kingma and Ba, ICLR 2015) or SOAP (see `soap`), which learns more in the same number of steps."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    clip_norm: Rate | None = None
    """Global gradient norm is clipped to this."""
    warmup: Count = 500
    """Steps over which the rate rises to `lr`."""


class Schedule(_Section, frozen=True, kw_only=True):
    kind: Literal["cosine", "constant"] = "cosine"
    restarts: tuple[Positive, ...] = ()
    """Steps at which the cosine starts again from `lr` (SGDR, Loshchilov and Hutter, ICLR 2017)."""


class Finish(_Section, frozen=True, kw_only=True):
    """Other losses towards the end, for instance L2 after L1, since PSNR is what L2 asks for."""

    at: Annotated[float, Meta(gt=0, lt=1)] = 0.8
    """Share of the steps after which they take over."""
    losses: Weights


class Ema(_Section, frozen=True, kw_only=True):
    decay: Annotated[float, Meta(ge=0, lt=1)] = 0.999
    """Of the moving average of the weights, a step; the average is what is validated and kept."""


class Teacher(_Section, frozen=True, kw_only=True):
    model: str
    """A shipped network's name, an ONNX file, a checkpoint (.pt) of a run, or with `weights` a registered network."""
    weights: str | None = None
    """Published weights of that network, as safetensors. One of RGB shows a student of luma what it makes of grey."""
    share: Share = 0.0
    """Of the teacher's picture in what losses of pictures compare with, in place of HR: a good teacher's is an estimate
    of what can be known from LR, without the rest of HR, which is noise to a student, and of one kind whatever the
    photograph went through."""
    cache: bool | str = True
    """Upscale every training image once, and cut patches from the results (rounded to 8 bits). They are kept in the
    run's folder, or in the one that is named here, which several runs may share."""


class Recipe(_Section, frozen=True, kw_only=True):
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    net: Net | None = None
    """What to train; none where `quant` says what to start from."""
    data: Data
    steps: Positive
    batch: Positive = 16
    """Patches a step, over all processes together."""
    patch: Positive | tuple[tuple[Count, Positive], ...] = 48
    """Side of a patch in LR pixels, or [[0, 48], [50000, 64]]: other sides from these steps on."""
    borders_every: Count = 0
    """Each so many steps, patches are taken as whole pictures with edges of their own, so that what a network makes of
    the borders of pictures counts; 0: only what depends on no padding does. Deep networks lose most there."""
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    losses: Weights = msgspec.field(default_factory=lambda: {"l1": 1.0})
    finish: Finish | None = None
    ema: Ema | None = Ema()
    teacher: Teacher | None = None
    quant: Quant | None = None
    init: str | Stage | None = None
    """A checkpoint of a run, or an earlier stage, whose weights to begin with. Biases that it lacks are 0 then, and one
    slope for a layer is the mean of several (`conversion`)."""
    init_share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Share of the weights of `init` in what is validated and kept, so that not all of what they could is forgotten
    (WiSE-FT: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022)."""
    seed: Count = 0
    validate_every: Positive = 2000
    checkpoint_every_s: Annotated[float, Meta(ge=0)] = 60.0
    accelerator: Literal["auto", "cpu", "gpu"] = "cpu"
    devices: Positive = 1
    """Processes a machine, each with its share of every batch."""
    num_nodes: Positive = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    threads: Positive = 1
    """Of PyTorch in each process; small networks gain nothing from more."""
    cost: Cost | None = None

    def stages(self) -> tuple[tuple[int, int], ...]:
        """(first step, side of a patch in LR pixels), from step 0 on."""
        return ((0, self.patch),) if isinstance(self.patch, int) else self.patch

    def finish_step(self) -> int:
        """The first step with the losses of `finish`."""
        return self.steps if self.finish is None else round(self.finish.at * self.steps)

    # What each part of a run gets in place of the whole.

    def subject(self) -> Subject:
        """What is trained; a recipe that was read has one of both."""
        subject = self.quant or self.net
        assert subject is not None
        return subject

    def hardware(self) -> Hardware:
        return Hardware(self.accelerator, self.devices, self.num_nodes, self.precision, self.threads)

    def rates(self) -> Rates:
        optimiser, schedule = self.optimiser, self.schedule
        return Rates(optimiser.lr, optimiser.warmup, schedule.kind, schedule.restarts, self.steps)

    def batching(self) -> Batching:
        data = self.data
        return Batching(
            self.stages(), self.steps, self.batch, self.seed, data.flat_share, data.sampling_weights, data.even_share
        )

    def loss_plan(self) -> LossPlan:
        return LossPlan(self.losses, self.finish.losses if self.finish else None, self.finish_step())
