"""Trains the two first networks, `tiny` and `small`: luma x2, 3x3 convolutions, nearest anchor.

    python recipes/first_train.py tiny --data ../shared/data/train --out runs/tiny
    python recipes/first_train.py tiny ... --resume    # goes on exactly where the last checkpoint stood
    python recipes/first_train.py tiny --out runs/tiny --export src/pocketsr/models/tiny.onnx

Each 3x3 kernel is trained over-parameterised and collapsed before every use: K = direct + point @ wide,
with `wide` a 3x3 kernel to EXPANSION channels and `point` a 1x1 back (the collapsible linear block of
SESR, Bhardwaj et al., MLSys 2022), run in weight space so that an iteration costs one convolution a
layer. `direct` starts as noise plus the identity, which is SESR's short residual.

The networks that ship were the best by validation of two runs each, chosen every 2,000 steps: the first from
noise (tiny --lr 6e-3, best at step 120,000 of 150,000; small --lr 5e-3, 44,000 of 55,000), the second from its
best (--init; tiny --lr 5e-3, 54,000 of 55,000; small --lr 3e-3, 25,000; both --seed 1). All were resumed once with
fewer --iterations than they began with, so a run of these lengths comes close, but not equal. Training the 3x3
kernels alone was 0.27 dB worse after 10,000 steps of tiny, a rate of 2e-3 in place of 5e-3 0.37 dB worse.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from PIL import Image
from torch import nn
from torch.nn.utils import parametrize

from pocketsr.pixels import imresize

WIDTHS = {"tiny": (1, 8, 8, 4), "small": (1, 12, 12, 12, 12, 12, 4)}
EXPANSION = 64
PATCH, BATCH = 48, 16  # LR pixels
GRID = 16  # LR pixels between the places where a patch may start; a random offset below it is added


class Wide(nn.Module):
    """Adds the collapsed wide branch to a 3x3 kernel whenever that is read."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.wide = nn.Parameter(torch.randn(EXPANSION, cin * 9) * (2 / (cin * 9)) ** 0.5)
        self.point = nn.Parameter(torch.randn(cout, EXPANSION) * 0.3 * EXPANSION**-0.5)

    def forward(self, direct: torch.Tensor) -> torch.Tensor:
        return direct + (self.point @ self.wide).view_as(direct)


class Net(nn.Module):
    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        for i, (cin, cout) in enumerate(itertools.pairwise(widths), 1):
            conv = nn.Conv2d(cin, cout, 3, padding=1)
            if cin == cout:
                conv.weight.data += nn.init.dirac_(torch.empty_like(conv.weight))
            parametrize.register_parametrization(conv, "weight", Wide(cin, cout))
            self.add_module(f"conv{i}", conv)
            if i < len(widths) - 1:
                self.add_module(f"act{i}", nn.PReLU(cout))

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # N 1 H W -> N 1 2H 2W, values 0..1
        y = x
        for layer in self.children():
            y = layer(y)
        return F.pixel_shuffle(y + x, 2)

    def collapse(self) -> Net:
        """Make the wide branches part of the kernels they add to, for good."""
        for layer in self.children():
            if parametrize.is_parametrized(layer):
                parametrize.remove_parametrizations(layer, "weight")
        return self


class Pool:
    """The training images in memory, and where their textured patches start."""

    def __init__(self, folder: Path) -> None:
        self.pairs, self.valid, starts, energy = [], [], [], []
        for path in sorted(folder.rglob("*.webp")):
            hr = np.asarray(Image.open(path).convert("L"))
            hr = hr[: hr.shape[0] // 2 * 2, : hr.shape[1] // 2 * 2]
            lr = imresize(hr, 0.5)
            if sum(path.name.encode()) % 29 == 0 and hr.size < 1_000_000:  # about 20 of 607 files
                self.valid.append((hr, lr))
                continue
            reach = PATCH + GRID
            if min(lr.shape) < reach:
                continue
            wide = lr.astype(np.float32)
            detail = np.abs(np.diff(wide, axis=0))[:, 1:] + np.abs(np.diff(wide, axis=1))[1:]
            total = np.pad(detail.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
            height, width = lr.shape
            top, left = np.mgrid[0 : height - reach + 1 : GRID, 0 : width - reach + 1 : GRID].reshape(2, -1)
            low, right = top + reach - 1, left + reach - 1
            energy.append(total[low, right] - total[top, right] - total[low, left] + total[top, left])
            starts.append(np.stack([np.full_like(top, len(self.pairs)), top, left], axis=1))
            self.pairs.append((hr, lr))
        if not self.pairs or not self.valid:
            raise SystemExit(f"{folder} lacks images to train on or to validate with")
        gradient = np.concatenate(energy)
        self.starts = np.concatenate(starts)[gradient > np.median(gradient)]  # flat patches teach nothing

    def batch(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        lrs, hrs = [], []
        for image, top, left in self.starts[rng.integers(len(self.starts), size=BATCH)]:
            hr, lr = self.pairs[image]
            y, x, turn = top + rng.integers(GRID), left + rng.integers(GRID), rng.integers(8)
            for plane, scale, into in ((lr, 1, lrs), (hr, 2, hrs)):
                crop = plane[y * scale : (y + PATCH) * scale, x * scale : (x + PATCH) * scale]
                into.append(np.rot90(crop if turn < 4 else crop[:, ::-1], turn % 4))
        return tuple(torch.from_numpy(np.stack(p)[:, None].astype(np.float32) / 255) for p in (lrs, hrs))


@torch.no_grad()
def validate(net: Net, pool: Pool) -> float:
    """Mean PSNR of the rounded output on the validation images, 2 pixels shaved."""
    figures = []
    for hr, lr in pool.valid:
        out = net(torch.from_numpy(lr.astype(np.float32) / 255)[None, None])[0, 0].numpy()
        mse = np.square(np.clip(np.rint(out.astype(np.float64) * 255), 0, 255) - hr)[2:-2, 2:-2].mean()
        figures.append(10 * np.log10(255**2 / mse))
    return float(np.mean(figures))


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    pool = Pool(args.data)
    net, ema = (Net(WIDTHS[args.name]) for _ in range(2))
    if args.init:
        net.load_state_dict(torch.load(args.init, weights_only=True)["ema"])
    ema.load_state_dict(net.state_dict())
    optimiser = torch.optim.Adam(net.parameters(), lr=args.lr)
    step, best, spent = 0, 0.0, 0.0
    last = args.out / "last.pt"
    args.out.mkdir(parents=True, exist_ok=True)
    if args.resume and last.exists():
        state = torch.load(last, weights_only=False)
        net.load_state_dict(state["net"])
        ema.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        rng.bit_generator.state = state["rng"]
        step, best, spent = state["step"], state["best"], state["spent"]
    counts = f"{len(pool.pairs)} images, {len(pool.starts)} places, {len(pool.valid)} to validate"
    print(f"{counts}, from step {step}", flush=True)
    # Zero padding makes the rim hard, and a patch has far more rim than an image: it counts a fifth.
    weight = torch.full((2 * PATCH, 2 * PATCH), 0.2)
    weight[6:-6, 6:-6] = 1
    weight /= weight.mean()
    mark, saved = time.monotonic() - spent, time.monotonic()
    while step < args.iterations:
        for group in optimiser.param_groups:
            rise = min(1.0, (step + 1) / 500)
            group["lr"] = args.lr * rise * (0.5 + 0.5 * np.cos(np.pi * step / args.iterations))
        lr, hr = pool.batch(rng)
        error = net(lr.contiguous(memory_format=torch.channels_last)) - hr
        loss = (error.abs() * weight).mean()  # L2 in the last fifth lost 0.01 (tiny) and 0.02 dB (small) by validation
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(net.parameters()), max(0.001, 1 / (step + 1)))
        if step % 2000 == 0 or step == args.iterations:
            psnr = validate(ema, pool)
            spent = time.monotonic() - mark
            rate = f"{step / spent:.1f} it/s"
            print(f"step {step} loss {loss.item():.5f} valid {psnr:.4f} dB, {rate}", flush=True)
            if psnr > best:
                best = psnr
                save({"ema": ema.state_dict(), "step": step, "psnr": psnr}, args.out / "best.pt")
        if time.monotonic() - saved > 60 or step == args.iterations:
            saved = time.monotonic()
            parts = {"net": net, "ema": ema, "optimiser": optimiser}
            state = {key: part.state_dict() for key, part in parts.items()}
            state |= {"rng": rng.bit_generator.state, "step": step, "best": best, "spent": saved - mark}
            save(state, last)


def save(state: dict, path: Path) -> None:
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def export(args: argparse.Namespace) -> None:
    """The best checkpoint, collapsed, as ONNX: Conv, PRelu, Add, DepthToSpace."""
    state = torch.load(args.out / "best.pt", weights_only=True)
    net = Net(WIDTHS[args.name])
    net.load_state_dict(state["ema"])
    net.collapse()
    count = sum(p.numel() for p in net.parameters())
    print(f"step {state['step']}, validation {state['psnr']:.4f} dB, {count} parameters")
    torch.onnx.export(
        net, (torch.rand(1, 1, 32, 48),), args.export, input_names=["luma"], output_names=["luma_x2"],
        opset_version=17, dynamo=False,  # the older exporter leaves the cleaner graph
        dynamic_axes={"luma": {2: "height", 3: "width"}, "luma_x2": {2: "height_x2", 3: "width_x2"}},
    )  # fmt: skip
    model = onnx.load(args.export)
    onnx.helper.set_model_props(model, {"pocketsr.value_range": "1", "pocketsr.colour": "luma"})
    onnx.save(model, args.export)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Trains tiny or small; see the top of this file.")
    parser.add_argument("name", choices=WIDTHS)
    parser.add_argument("--data", type=Path, help="folder of HR luma WebP images")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--iterations", type=int, default=80_000)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", type=Path, help="start from this best.pt instead of noise")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export", type=Path, metavar="FILE.onnx", help="write the best checkpoint and stop")
    arguments = parser.parse_args()
    export(arguments) if arguments.export else train(arguments)
