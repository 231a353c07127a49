"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketsr.scheduling import keep_scheduling

# What takes long and changes rarely, by the beginnings of tests' names; others are marked where they stand.
SLOW = (
    "tests/nets/test_published_wide.py::test_published_weights_give_the_measured_figures[Set5-smsr]",
    "tests/nets/test_published_wide.py::test_published_weights_give_the_measured_figures[Set5-smfanet]",
    "tests/nets/test_published_wide.py::test_published_weights_give_the_measured_figures[Set5-pan]",
    "tests/nets/test_published_wide.py::test_published_weights_give_the_measured_figures[Set5-carn-m]",
    "tests/nets/test_published_light.py::test_published_weights_are_as_good_as_measured[lapsrn]",
    "tests/nets/test_published_light.py::test_published_weights_are_as_good_as_measured[etds-l]",
    "tests/engine/test_emitted_c.py::test_no_warnings[small_like]",
    "tests/engine/test_emitted_c.py::test_sanitizers_find_nothing[small_like]",
    "tests/engine/test_emitted_c.py::test_no_warnings[narrow_x4]",
    "tests/engine/test_integers_c.py::test_no_warnings_and_nothing_for_the_sanitizers[whole_skips]",
    "tests/engine/test_integers_c.py::test_no_warnings_and_nothing_for_the_sanitizers[whole_zeros]",
    "tests/engine/test_integers_c.py::test_no_warnings_and_nothing_for_the_sanitizers[whole_steep_many]",
    "tests/engine/test_emitted_c.py::test_sanitizers_find_nothing[gated]",
    "tests/engine/test_emitted_c.py::test_sanitizers_find_nothing[narrow_x4]",
    "tests/engine/test_emitted_c.py::test_no_warnings[gated]",
    "tests/bench/test_speed.py::test_every_setting_of_an_installed_peer_computes_the_network[torch-tiny]",
    "tests/nets/test_published_wide.py::test_published_weights_give_the_measured_figures[Set5-imdn]",
    "tests/engine/test_emitted_c.py::test_aarch64_under_qemu[residual_concat]",
    "tests/engine/test_told.py::test_c_as_programs_call_it",
    "tests/export/test_variants.py::test_other_compilers_need_no_flags",
    "tests/export/test_variants.py::test_every_variant_that_runs_here_is_right[bicubic]",
    "tests/export/test_frames_c.py::test_cmake_finds_the_libraries",
    "tests/engine/test_emitted_c.py::test_aarch64_under_qemu[tiny_like]",
    "tests/live/test_lifetimes.py::test_garbage_is_collected_while_frames_are_made",
    "tests/design/test_space.py::test_the_built_in_space_is_large",
    "tests/bursts/test_burst_memory.py::test_memory_is_linear_in_frames_and_small",
)


# Networks that compile for long, in tests that ask the same of each that ships.
SLOW_NETWORKS = (
    "[large", "[quality-x3", "[quality-x4", "[photo-quality", "[steep-small-w8a8", "[small-call-w8a8",
    "[medium-call-w8a8",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what SLOW names, before marks choose."""
    for item in items:
        pictures = item.nodeid.startswith("tests/models/test_pictures.py")
        if item.nodeid.startswith(SLOW) or (pictures and any(name in item.nodeid for name in SLOW_NETWORKS)):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is compiled for the tests stays out of the user's cache.

    A run compiles everything anew, unless POCKETSR_TEST_CACHE names a folder that is to be kept (as `make quick` does).
    """
    with pytest.MonkeyPatch.context() as patch:
        kept = os.environ.get("POCKETSR_TEST_CACHE")
        patch.setenv("POCKETSR_CACHE", kept or str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def own_scheduling() -> Iterator[None]:
    """Clips that a test encodes by itself leave this process as it was (see `keep_scheduling`)."""
    with keep_scheduling():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test sets, training images and clips beside the checkout; skips where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the data folder {folder}, which is not part of the repository")
    return folder
