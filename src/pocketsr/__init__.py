"""pocketsr: real-time super-resolution of video and images on ordinary CPUs.

```python
sr = pocketsr.load("small")  # a compiled network
big = sr(y)  # (H, W) uint8 or uint16 luma -> (2H, 2W)
pocketsr.upscale_image(rgb)  # (H, W, 3) uint8 -> (2H, 2W, 3)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pocketsr.errors import UserError

if TYPE_CHECKING:
    from pocketsr.engine import load
    from pocketsr.image import upscale_image

__all__ = ["UserError", "load", "upscale_image"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # NumPy and the engine load only when they are used: `pocketsr --help` stays instant.
    if name == "load":
        from pocketsr.engine import load

        return load
    if name == "upscale_image":
        from pocketsr.image import upscale_image

        return upscale_image
    raise AttributeError(f"module 'pocketsr' has no attribute {name!r}")
