from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pocketsr.cpu_conv import chosen, conv, half, library
from pocketsr.errors import UserError


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if neither zig nor CC were there. What was compiled before is forgotten, and so is that there was none."""

    def refuse(*_: Any) -> None:
        raise UserError("no compiler")

    monkeypatch.setattr(library, "entry_for", refuse)
    for known in (conv._kernels, half._library, chosen._library):
        known.cache_clear()
    yield
    for known in (conv._kernels, half._library, chosen._library):
        known.cache_clear()
