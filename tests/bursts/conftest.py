"""The networks that bursts are tested with: small ones, so that nothing compiles for long."""

from __future__ import annotations

import pytest

from pocketsr.engine import Upscaler, load_chroma
from pocketsr.loading import load

pytest.importorskip("cv2", reason="fusing frames needs OpenCV: pip install 'pocketsr[burst]'")


@pytest.fixture(scope="session")
def small() -> Upscaler:
    return load("small", threads=1)


@pytest.fixture(scope="session")
def bicubic() -> Upscaler:
    return load_chroma(2, threads=1)
