"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketsr.scheduling import keep_scheduling


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
