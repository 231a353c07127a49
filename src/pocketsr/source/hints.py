"""What a file or a stream says of itself that tells how much was lost in it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Hints"]


@dataclass(frozen=True, slots=True)
class Hints:
    """All of it may be unknown: what is None, or "", is judged by the picture.

    codec: "jpeg", "webp", "png" and so on of pictures, as Pillow names formats; of videos FFmpeg's name of the codec.
    moving: whether it is a frame of a video.
    lossless: whether the codec keeps every sample. What it was given may have lost something before.
    jpeg_quality: 1..100, on the scale of the IJG's library, of which 50 has the tables of the standard's annex K.
    qp: mean quantizer of the frame: 0..51 of H.264, 0..255 of VP9, AV1 and AVIF, MPEG-2's scale
        (2..112) of MPEG-1, 2 and 4; of a lossy WebP file's VP8 0..127.
    bits_per_pixel: of the coded video, for each pixel of each frame.
    """

    codec: str = ""
    moving: bool = False
    lossless: bool | None = None
    jpeg_quality: float | None = None
    qp: float | None = None
    bits_per_pixel: float | None = None
