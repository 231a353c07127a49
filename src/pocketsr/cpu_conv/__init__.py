"""Convolutions of few channels, fast on CPUs: what training spends its time in."""

from pocketsr.cpu_conv.chosen import chosen_conv2d
from pocketsr.cpu_conv.conv import conv2d

__all__ = ["chosen_conv2d", "conv2d"]
