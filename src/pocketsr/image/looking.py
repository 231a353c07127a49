"""A look at a picture's file without upscaling it."""

from __future__ import annotations

from pathlib import Path

from pocketsr.image._decode import decode
from pocketsr.image._formats import kind_of
from pocketsr.image._pages import open_pages
from pocketsr.image.animation import AnimationSource
from pocketsr.source import Hints, Seen, look

__all__ = ["look_at_animation", "look_at_image"]


def look_at_image(path: Path) -> Seen:
    """What is seen in a picture, or in the first page of several. Raises UserError as reading it does."""
    pages = open_pages(path) if path.is_file() else None
    picture = decode(path, page=None if pages is None else next(iter(pages)))
    return look(picture.pixels, picture.hints)


def look_at_animation(path: Path) -> Seen | None:
    """What is seen in the first frame of an animated picture; None without one. Raises UserError as reading it does."""
    kind = kind_of(path)
    with AnimationSource(path, flat=True) as source:
        hints = Hints("" if kind is None else kind[0].lower(), lossless=not source.lossy)
        return next((look(frame.planes[0], hints) for frame in source), None)
