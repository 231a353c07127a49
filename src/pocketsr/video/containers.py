"""What is peculiar to each container format: what it can't hold, and the settings that keep times exact."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from pocketsr.video.source import Source

__all__ = ["MP4", "carries", "holds_reordered", "losses", "muxer_options", "shifted"]

MP4 = ("mp4", "mov", "ipod", "3gp", "3g2")
"""FFmpeg's names of MP4 and its kin."""

_BEFORE_ZERO = (*MP4, "matroska", "webm", "null")  # these can decode before time zero
_MOST_REORDERED = 16  # frames, by which decoding can precede showing
_MAX_TIMESCALE = 2**31 - 1
_PROGRAM = "mp1 mp2 mp3 ac3 dts pcm_dvd dvd_subtitle"
_CARRIED = {
    "mpegts": "aac aac_latm mp1 mp2 mp3 ac3 eac3 dts truehd opus s302m pcm_bluray "
    "dvb_subtitle dvb_teletext hdmv_pgs_subtitle",
    "mpeg": _PROGRAM,
    "vob": _PROGRAM,
    "svcd": _PROGRAM,
}
# Encoders that are told HDR10's static metadata, see `codecs`
_WITH_LIGHT = ("libx264", "libx265")
_WITH_CAPTIONS = ("libx264", "libx264rgb", "mpeg2video")
# These keep the pixel aspect in their own stream.
_WITH_ASPECT = ("libx264", "libx264rgb", "libx265", "mpeg4", "mpeg2video", "mpeg1video")
# Tags that MP4's own dictionary has a place for; any other needs the newer key-value form.
_MP4_TAGS = """
    title artist album_artist composer album date comment genre copyright grouping lyrics description synopsis
    show episode_id network keywords media_type hd_video gapless_playback compilation rating creation_time
    location track disc tmpo timecode language handler_name vendor_id
"""


def holds_reordered(kind: str, source: Source) -> bool:
    """Whether B-frames leave the times as they are in the format `kind`.

    They are decoded before they are shown. AVI stores no times but the order; most other formats have none
    before zero, and the whole file would be shifted where it starts there.
    """
    if kind == "avi":
        return False
    return kind in _BEFORE_ZERO or source.start * (source.rate or 25) > _MOST_REORDERED


def muxer_options(kind: str, time_base: Fraction, others: Iterable[Fraction], tags: Iterable[str]) -> dict[str, str]:
    """Settings that keep times and tags exact where a format's defaults would round or drop them.

    Args:
        time_base, others: of the video, and of the streams copied beside it.
        tags: names of the file's metadata.
    """
    if kind == "mpegts":
        return {"mpegts_copyts": "1"}
    if kind in ("matroska", "webm"):
        # Sound that starts before zero (an encoder's delay) would shift all streams.
        return {"avoid_negative_ts": "disabled"}
    if kind not in MP4:
        return {}
    scale = time_base.denominator
    # Edit lists (start offsets) count in the movie's time scale: exact where every stream's divides it.
    common = math.lcm(scale, *(base.denominator for base in others))
    options = {
        "video_track_timescale": str(scale),
        "movie_timescale": str(common if common <= _MAX_TIMESCALE else scale),
    }
    if not set(_MP4_TAGS.split()).issuperset(tag.lower() for tag in tags):
        options["movflags"] = "use_metadata_tags"
    return options


def carries(kind: str, codec: str) -> bool | None:
    """Whether a format that keeps no list carries sound or subtitles of FFmpeg's `codec`; None: ask FFmpeg."""
    return codec in _CARRIED[kind].split() if kind in _CARRIED else None


def shifted(kind: str, start: Fraction) -> str | None:
    """What happens where the earliest packet's time, in seconds, is one that the format can't store."""
    if start >= 0 or kind in _BEFORE_ZERO:
        return None
    return f"{kind} has no times before zero: all streams begin {-float(start):.3f} s later; use .mp4 or .mkv"


def losses(kind: str, source: Source, encoder: str) -> list[str]:
    """What of the source the format can't hold with this encoder, in words that name the mend."""
    lost: list[str] = []
    if source.captions and encoder not in _WITH_CAPTIONS and kind != "null":
        lost.append(f"{encoder} can't hold the closed captions inside the video stream: use --codec h264")
    if (source.mastering or source.light) and encoder not in _WITH_LIGHT and kind != "null":
        lost.append(f"{encoder} is not told HDR10's light levels, which are left out: use --codec h265 or h264")
    if kind in (*MP4, "null"):
        return lost
    matrix = source.display_matrix
    if matrix is not None:
        only_turned = matrix[0] == matrix[4] and matrix[1] == -matrix[3]
        if kind not in ("matroska", "webm") or not only_turned:
            lost.append(f"{kind} can't hold the display matrix (rotation, flip): use .mp4")
    if source.aspect not in (None, 1) and encoder not in _WITH_ASPECT:
        mend = "use .mp4, or --codec h264 or h265"
        lost.append(f"{kind} with {encoder} loses the pixel aspect {source.aspect}: {mend}")
    return lost
