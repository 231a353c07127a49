"""Convolutions of few channels, fast on CPUs: what training spends its time in."""

from pocketsr.cpu_conv.conv import conv2d

__all__ = ["conv2d"]
