"""Batches made ahead: the same ones whenever they are asked for."""

from __future__ import annotations

import itertools
import threading
from contextlib import closing

import numpy as np
import pytest
import torch

from pocketsr.data import Batches, PatchPool, pair_from

Batch = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def pool() -> PatchPool:
    return PatchPool([pair_from("noise", np.random.default_rng(0).integers(0, 256, (90, 70), dtype=np.uint8))], 8)


def _first(batches: Batches, count: int) -> list[Batch]:
    with closing(batches):
        return list(itertools.islice(batches, count))


def _same(some: list[Batch], others: list[Batch]) -> bool:
    pairs = [planes for two in zip(some, others, strict=True) for planes in zip(*two, strict=True)]
    return all(torch.equal(one, other) for one, other in pairs)


def test_batch_k_depends_on_seed_and_k_alone(pool: PatchPool) -> None:
    all_of_them = _first(Batches(pool, 4, seed=7), 9)
    assert _same(all_of_them, _first(Batches(pool, 4, seed=7), 9))
    assert _same(all_of_them[6:], _first(Batches(pool, 4, seed=7, start=6), 3))
    assert _same(all_of_them[2:3], [pool.batch(np.random.default_rng((7, 2)), 4)])


def test_other_seeds_and_steps_give_other_batches(pool: PatchPool) -> None:
    one, two = _first(Batches(pool, 4, seed=7), 2)
    (other,) = _first(Batches(pool, 4, seed=8), 1)
    assert not _same([one], [two])
    assert not _same([one], [other])


def test_closing_ends_the_thread_and_the_iteration(pool: PatchPool) -> None:
    before = threading.active_count()
    batches = Batches(pool, 4, seed=0)
    next(batches)
    assert threading.active_count() == before + 1
    batches.close()
    assert threading.active_count() == before
    assert list(batches) == []
    batches.close()  # twice does no harm


def test_an_error_in_the_thread_is_raised_where_the_batch_is_asked_for(
    pool: PatchPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = pool.batch(np.random.default_rng(0), 1)
    answers = iter([good, good])

    def batch(rng: np.random.Generator, size: int) -> Batch:  # noqa: ARG001
        for answer in answers:
            return answer
        raise MemoryError("none left")

    monkeypatch.setattr(pool, "batch", batch)
    batches = Batches(pool, 1, seed=0)
    assert next(batches) is good
    assert next(batches) is good
    with pytest.raises(MemoryError, match="none left"):
        next(batches)
    assert list(batches) == []
