"""What training makes small: losses of pixels, of structure, of frequencies, and of what a teacher gives."""

from pocketsr.losses.distill import distillation, feature, structured
from pocketsr.losses.frequency import dct, fft
from pocketsr.losses.pixel import charbonnier, l1, l2, psnr
from pocketsr.losses.structure import gradient, tv
from pocketsr.losses.sum import LossSum

__all__ = [
    "LossSum",
    "charbonnier",
    "dct",
    "distillation",
    "feature",
    "fft",
    "gradient",
    "l1",
    "l2",
    "psnr",
    "structured",
    "tv",
]
