"""What tests of calls share."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def networks() -> Any:
    """The networks of a server in this process: the quickest alone."""
    pytest.importorskip("aiortc")
    from call_samples import NETWORKS

    from pocketsr.serve import Networks, Settings

    return Networks(Settings(), NETWORKS)
