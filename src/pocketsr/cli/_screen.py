"""How large the screen is, asked from the system; nothing is installed or drawn for it."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path

__all__ = ["screen_size"]

_CONNECTORS = Path("/sys/class/drm")


def screen_size() -> tuple[int, int] | None:
    """Width and height in pixels of the main screen, or of the largest where the system doesn't say; None: unknown."""
    try:
        if sys.platform == "win32":
            return _of_windows()
        return _of_macos() if sys.platform == "darwin" else largest_connected(_CONNECTORS)
    except (OSError, AttributeError, ValueError):
        return None


def largest_connected(folder: Path) -> tuple[int, int] | None:
    """Of the screens that Linux knows (/sys/class/drm): the first mode of each is the screen's own."""
    found = []
    for connector in folder.glob("card*-*"):
        if (connector / "status").read_text().strip() != "connected":
            continue
        mode = re.match(r"(\d{2,5})x(\d{2,5})", (connector / "modes").read_text())
        if mode is not None:
            found.append((int(mode[1]), int(mode[2])))
    return max(found, key=lambda size: size[0] * size[1], default=None)


def _of_windows() -> tuple[int, int] | None:
    user32 = ctypes.windll.user32  # type: ignore[attr-defined]
    user32.SetProcessDPIAware()  # else in pixels of 96 dots per inch
    width, height = user32.GetSystemMetrics(0), user32.GetSystemMetrics(1)
    return (width, height) if width > 0 and height > 0 else None


def _of_macos() -> tuple[int, int] | None:
    graphics = ctypes.CDLL("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
    for name in ("CGDisplayPixelsWide", "CGDisplayPixelsHigh"):
        getattr(graphics, name).restype = ctypes.c_size_t
    display = graphics.CGMainDisplayID()
    width, height = graphics.CGDisplayPixelsWide(display), graphics.CGDisplayPixelsHigh(display)
    return (width, height) if width > 0 and height > 0 else None
