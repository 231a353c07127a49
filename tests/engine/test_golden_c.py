"""The emitted C of two small networks is the one that is kept: a review sees what a change of the emitter does."""

from __future__ import annotations

import pytest
from golden import GOLDEN, golden

FILES = ("golden_fp32.c", "golden_fp32.h", "golden_w8a8.c", "golden_w8a8.h")


@pytest.fixture(scope="module")
def emitted() -> dict[str, str]:
    return golden()


@pytest.mark.parametrize("name", FILES)
def test_the_emitted_c_is_the_one_that_is_kept(emitted: dict[str, str], name: str) -> None:
    assert emitted[name] == (GOLDEN / name).read_text()  # if this change was meant: make golden, and read the diff


def test_nothing_else_is_kept(emitted: dict[str, str]) -> None:
    assert sorted(emitted) == sorted(path.name for path in GOLDEN.iterdir()) == list(FILES)


def test_floats_run_by_winograd_and_bytes_by_dot_products(emitted: dict[str, str]) -> None:
    """Else the golden files would miss what is most worth reading."""
    assert "Winograd F(4, 3)" in emitted["golden_fp32.c"]
    assert "Winograd" not in emitted["golden_w8a8.c"]
    assert emitted["golden_w8a8.c"].count("= dot4(") >= 2
