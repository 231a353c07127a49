"""Training data: pictures as luma pairs, patches of them, batches of those."""

from __future__ import annotations

from pocketsr.data.batches import Batches
from pocketsr.data.pairs import Pair, load_images, pair_from, split
from pocketsr.data.pool import PatchPool

__all__ = ["Batches", "Pair", "PatchPool", "load_images", "pair_from", "split"]
