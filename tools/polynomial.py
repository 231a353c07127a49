"""Fits of the polynomial that `source.strength.evaluate` evaluates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.source.strength import products

__all__ = ["logistic", "ridge"]

Array = NDArray[np.float64]


def _table(mean: Array, deviation: Array, weights: Array) -> dict[str, Any]:
    kept = {"mean": mean, "deviation": deviation, "weights": weights}
    return {key: np.round(value, 5) for key, value in kept.items()}


def _scaled(numbers: Array) -> tuple[Array, Array, Array]:
    mean, deviation = numbers.mean(axis=0), np.maximum(numbers.std(axis=0), 1e-3)
    return np.clip((numbers - mean) / deviation, -3, 3), mean, deviation


def ridge(numbers: Array, truth: Array, weight: Array, penalty: float) -> dict[str, Any]:
    """The polynomial of `source.strength.evaluate` with the least weighted squares."""
    scaled, mean, deviation = _scaled(numbers)
    terms = products(scaled) * np.sqrt(weight)[:, None]
    added = penalty * weight.sum() * np.eye(terms.shape[1])
    added[0, 0] = 0
    return _table(mean, deviation, np.linalg.solve(terms.T @ terms + added, terms.T @ (truth * np.sqrt(weight))))


def logistic(numbers: Array, truth: Array, weight: Array, penalty: float) -> dict[str, Any]:
    """The same polynomial, whose sign tells two classes apart, by Newton's method."""
    scaled, mean, deviation = _scaled(numbers)
    terms, added = products(scaled), penalty * weight.sum()
    weights = np.zeros(terms.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(terms @ weights, -30, 30)))
        slope = terms.T @ (weight * (chance - truth)) + added * weights
        curve = (terms.T * (weight * chance * (1 - chance) + 1e-6)) @ terms
        weights -= np.linalg.solve(curve + added * np.eye(len(weights)), slope)
    return _table(mean, deviation, weights)
