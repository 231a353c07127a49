"""What training makes small: losses of pixels, structure and frequencies, of what a teacher gives, and SRGAN's."""

from pocketsr.losses.adversarial import AdversarialStep, adversarial, discrimination, perceptual
from pocketsr.losses.distill import distillation, feature, structured
from pocketsr.losses.frequency import dct, fft
from pocketsr.losses.pixel import charbonnier, l1, l2, psnr
from pocketsr.losses.still import flicker
from pocketsr.losses.structure import gradient, tv
from pocketsr.losses.sum import LossSum

__all__ = [
    "AdversarialStep",
    "LossSum",
    "adversarial",
    "charbonnier",
    "dct",
    "discrimination",
    "distillation",
    "feature",
    "fft",
    "flicker",
    "gradient",
    "l1",
    "l2",
    "perceptual",
    "psnr",
    "structured",
    "tv",
]
