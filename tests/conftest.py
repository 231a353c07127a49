"""What every test may ask for."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test sets, training images and clips beside the checkout; skips where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the data folder {folder}, which is not part of the repository")
    return folder


def load_tool(name: str) -> ModuleType:
    """The script tools/NAME.py as a module: tools are no package."""
    path = Path(__file__).parents[1] / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def record_quality() -> ModuleType:
    return load_tool("record_quality")


@pytest.fixture(scope="session")
def readme_tables() -> ModuleType:
    return load_tool("readme_tables")
