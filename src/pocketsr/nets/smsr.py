"""SMSR: learned masks say which channels are calculated at which pixels.

Wang, Dong, Wang, Ying, Lin, An, Guo: Exploring Sparsity in Image Super-Resolution for Efficient Inference, CVPR 2021.
RGB in 0..255 minus DIV2K's mean inside, zeros beyond the edges. In each layer of a block a channel is dense (calculated
everywhere) or sparse (only where the block's spatial mask, made from the picture, says so). The 985K parameters of the
paper count weights and biases, and leave out the 2,560 logits of the channel masks.

In training, masks are soft and random (Gumbel softmax, temperature 1), as the authors' are; the loss that makes them
sparse is not part of the network. A layer's input is masked by the channels of the layer before, as at inference (the
authors' training code takes the layer's own). The authors cut pictures to even sizes; here an odd side's last pixel is
repeated where the mask's small network halves the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets._attention import ChannelAttention
from pocketsr.nets._names import renamed
from pocketsr.nets._smsr_layers import LAYERS, MaskedLayers
from pocketsr.nets.base import SRNet

__all__ = ["Smsr", "SmsrConfig"]

_LEVELS = 255


class SmsrConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=1)] = 5
    width: Annotated[int, Meta(ge=16, multiple_of=16)] = 64


class _Block(nn.Module):
    """SMM: a mask from the picture, at half its size, and the layers that obey it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        quarter = width // 4
        self.look = nn.Conv2d(width, quarter, 3, padding=1)
        self.coarse = nn.Sequential(
            nn.Conv2d(quarter, quarter, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(quarter, 2, 3, stride=2, padding=1, output_padding=1),
        )
        self.layers = MaskedLayers(width)
        self.attention = ChannelAttention(width, 16)

    def mask(self, x: Tensor) -> Tensor:
        """N 1 H W: 1 where sparse channels are calculated, 0 elsewhere; between them in training."""
        y = F.pad(self.look(x).relu(), (0, 1, 0, 1), mode="replicate")  # drops out again where a side is even
        logits = self.coarse(F.avg_pool2d(y, 2))[..., : x.shape[2], : x.shape[3]]
        if self.training:
            return F.gumbel_softmax(logits, dim=1)[:, 1:]
        return cast(Tensor, logits[:, 1:] > logits[:, :1]).to(x)

    def forward(self, x: Tensor, sparse: bool) -> Tensor:
        mask = self.mask(x)
        y = self.layers.sparse(x, mask) if sparse else self.layers.dense(x, mask)
        return cast(Tensor, self.attention(y)) + x


class Smsr(SRNet):
    """The network of `config`."""

    scale = 2
    channels = 3
    whole_image = True
    mean: Tensor

    def __init__(self, config: SmsrConfig) -> None:
        super().__init__()
        width, blocks = config.width, config.blocks
        self.register_buffer("mean", torch.tensor([0.4488, 0.4371, 0.4040]))  # R G B
        self.head = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.fuse = nn.Sequential(nn.Conv2d(blocks * width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))
        self.tail = nn.Conv2d(width, 12, 3, padding=1)
        # A mask reaches 5: its convolution at half the size sees 4 pixels to one side and 5 to the other, with the one
        # before. It counts first for what the first layer gives, from which three layers follow.
        self.halo = 2 + blocks * (5 + LAYERS - 1) + 2

    def forward(self, x: Tensor) -> Tensor:
        return self._enlarge(x, sparse=not self.training and not torch.onnx.is_in_onnx_export())

    def dense(self, x: Tensor) -> Tensor:
        """`forward` with everything calculated and then masked: what is exported."""
        return self._enlarge(x, sparse=False)

    def _enlarge(self, x: Tensor, sparse: bool) -> Tensor:
        head = y = self._features(x)
        found = []
        for block in self.blocks:
            y = block(y, sparse)
            found.append(y)
        y = F.pixel_shuffle(self.tail(self.fuse(torch.cat(found, 1)) + head), 2) / _LEVELS
        return y + F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)

    def _features(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head((x - self.mean.view(1, 3, 1, 1)) * _LEVELS))

    @torch.no_grad()
    def skipped_share(self, x: Tensor) -> float:
        """Of the multiplications of all convolutions over `x` (N 3 H W), the share that the masks spare.

        The network must be in `eval` mode, where masks are 0 or 1.
        """
        y, skipped = self._features(x), 0.0
        for block in self.blocks:
            assert isinstance(block, _Block)
            skipped += block.layers.skippable() * (1 - float(block.mask(y).mean()))
            y = block(y, sparse=True)
        weights = {name: weight.numel() for name, weight in self.named_parameters() if name.endswith(".weight")}
        whole = sum(
            number / (4 if ".coarse." in name else 1)  # a pixel in four
            for name, number in weights.items()
            if ".attention." not in name  # once a picture
        )
        return skipped / whole

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        named = renamed({name: tensor for name, tensor in weights.items() if not name.startswith(_SHIFTS)}, _NAMES)
        return named | {"mean": named["mean"] / _LEVELS}


_SHIFTS = ("sub_mean.", "add_mean.weight")  # the mean again, and 1
_NAMES = {
    r"^body\.": "blocks.", r"\.body\.body\.": ".layers.convs.", r"\.body\.": ".layers.", "ch_mask": "logits",
    r"\.ca\.conv_du\.0": ".attention.squeeze", r"\.ca\.conv_du\.2": ".attention.excite",
    r"\.spa_mask\.0": ".look", r"\.spa_mask\.3": ".coarse.0", r"\.spa_mask\.5": ".coarse.2",
    r"^collect\.": "fuse.", r"^tail\.0": "tail", r"^add_mean\.bias": "mean",
}  # fmt: skip
