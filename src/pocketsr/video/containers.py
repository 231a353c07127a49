"""The facts of each container format, one record each, and what follows from them for a source."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePath
from types import MappingProxyType
from typing import Literal

from av.container import OutputContainer

from pocketsr.video.encoders import encoder_facts
from pocketsr.video.source import Source

__all__ = [
    "PROMPT_MUXING",
    "Container",
    "container_facts",
    "held_encoders",
    "holds_reordered",
    "keeps_clock",
    "losses",
    "muxer_format",
    "muxer_options",
    "shifted",
    "tags_without_place",
]

_MOST_REORDERED = 16  # frames, by which decoding can precede showing
_MAX_TIMESCALE = 2**31 - 1
_PROGRAM = frozenset(["mp1", "mp2", "mp3", "ac3", "dts", "pcm_dvd", "dvd_subtitle"])
# Tags that MP4's own dictionary has a place for; any other needs the newer key-value form.
_MP4_TAGS = frozenset((
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "media_type", "hd_video",
    "gapless_playback", "compilation", "rating", "creation_time", "location", "track", "disc", "tmpo", "timecode",
    "language", "handler_name", "vendor_id",
))  # fmt: skip


@dataclass(frozen=True)
class Container:
    """What is peculiar to a format.

    mp4: whether it is MP4 or of its family (MOV, 3GP).
    before_zero: it can decode before time zero.
    keeps_order_only: it stores no times but the order of frames.
    encoders: those that it holds, where FFmpeg keeps no list; without: those of FFmpeg's list that it refuses.
    few_play: encoders that are not chosen unless named.
    carries: FFmpeg's names of the codecs that it carries, where FFmpeg would write any as private data.
    cover: how it keeps a cover picture; None: not at all.
    alpha_beside: whether it keeps an alpha plane that is coded apart, as VP8's and VP9's.
    attachments: whether it takes fonts and other files.
    timed_text: FFmpeg's name of the subtitles that text is rewritten to.
    says_range: whether it can say that luma goes from 0 to 255.
    rotates: what of a display matrix it keeps.
    equal_times: several packets of sound may have one time (AVFMT_TS_NONSTRICT).
    counts_frames: whether it stores a rate, and no times.
    rehearsed: whether a stream can be written alone, so that FFmpeg can be asked before the work.
    """

    mp4: bool = False
    before_zero: bool = False
    keeps_order_only: bool = False
    encoders: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    few_play: frozenset[str] = frozenset()
    carries: frozenset[str] | None = None
    cover: Literal["stream", "attachment"] | None = None
    alpha_beside: bool = False
    attachments: bool = False
    timed_text: str | None = None
    says_range: bool = False
    rotates: Literal["all", "turns", "none"] = "none"
    equal_times: bool = False
    rehearsed: bool = False
    counts_frames: bool = False
    options: dict[str, str] = field(default_factory=dict)


_VP_AV1 = frozenset(["libvpx-vp9", "libsvtav1", "libvpx"])  # QuickTime lists them, and refuses them
_MP4 = Container(
    mp4=True,
    before_zero=True,
    few_play=frozenset(["ffv1"]),
    cover="stream",
    timed_text="mov_text",
    rotates="all",
    rehearsed=True,
)
# Sound that starts before zero (an encoder's delay) would shift all streams.
_MATROSKA = Container(
    alpha_beside=True,
    before_zero=True,
    cover="attachment",
    attachments=True,
    timed_text="subrip",
    says_range=True,
    rotates="turns",
    equal_times=True,
    rehearsed=True,
    options={"avoid_negative_ts": "disabled"},
)
_MPEG = Container(encoders=("mpeg2video", "mpeg1video"), carries=_PROGRAM, rehearsed=True)
_CONTAINERS: dict[str, Container] = {
    "mp4": _MP4,
    "ipod": _MP4,
    "mov": Container(mp4=True, before_zero=True, without=_VP_AV1, timed_text="mov_text", rotates="all", rehearsed=True),
    "3gp": Container(mp4=True, before_zero=True, timed_text="mov_text", rotates="all", rehearsed=True),
    "3g2": Container(mp4=True, before_zero=True, timed_text="mov_text", rotates="all", rehearsed=True),
    "matroska": _MATROSKA,
    "webm": Container(
        before_zero=True,
        alpha_beside=True,
        says_range=True,
        rotates="turns",
        equal_times=True,
        rehearsed=True,
        options=_MATROSKA.options,
    ),
    "mpegts": Container(
        encoders=("libx264", "libx265", "mpeg2video", "mpeg1video", "mpeg4"),
        carries=frozenset(
            [
                "aac",
                "aac_latm",
                "mp1",
                "mp2",
                "mp3",
                "ac3",
                "eac3",
                "dts",
                "truehd",
                "opus",
                "s302m",
                "pcm_bluray",
                "dvb_subtitle",
                "dvb_teletext",
                "hdmv_pgs_subtitle",
            ]
        ),
        rehearsed=True,
        options={"mpegts_copyts": "1"},
    ),
    "mpeg": _MPEG,
    "vob": _MPEG,
    "svcd": _MPEG,
    "dvd": _MPEG,
    "vcd": _MPEG,
    "avi": Container(keeps_order_only=True, rehearsed=True),
    "asf": Container(rehearsed=True),
    "flv": Container(equal_times=True, rehearsed=True),
    # streams without a container, of which FFmpeg lists none
    "mpeg1video": Container(encoders=("mpeg1video",)),
    "mpeg2video": Container(encoders=("mpeg2video",)),
    "mxf": Container(encoders=("mpeg2video", "libx264", "dnxhd", "prores_ks")),
    # streams of bare frames, for pipes: Y4M of FFmpeg 8.1 asks for leave to write more than 8 bits
    "yuv4mpegpipe": Container(encoders=("wrapped_avframe",), counts_frames=True, options={"strict": "-1"}),
    "rawvideo": Container(encoders=("rawvideo",)),
    "null": Container(mp4=True, before_zero=True, rotates="all"),
}
_UNKNOWN = Container()
# FFmpeg takes the first format that lists a suffix, and for these that is one of discs with fixed sizes.
_BY_SUFFIX = {".vob": "vob", ".m2p": "vob", ".mpv": "mpeg"}


def container_facts(kind: str) -> Container:
    """The record of FFmpeg's muxer `kind`; of one that isn't known, what holds for most."""
    return _CONTAINERS.get(kind, _UNKNOWN)


def muxer_format(target: PurePath) -> str | None:
    """The muxer for a file name where FFmpeg's own choice would be wrong; None leaves it to FFmpeg."""
    return _BY_SUFFIX.get(target.suffix.lower())


def keeps_clock(target: PurePath | None) -> bool:
    """Whether an output of that name has a clock which may start anywhere, as a transport stream's does."""
    suffixes = (".ts", ".m2ts", ".mts", ".m2t", ".mpg", ".mpeg", *_BY_SUFFIX)
    return target is not None and target.suffix.lower() in suffixes


def holds_reordered(kind: str, source: Source) -> bool:
    """Whether B-frames leave the times as they are in the format `kind`.

    They are decoded before they are shown. AVI stores no times but the order; most other formats have none
    before zero, and the whole file would be shifted where it starts there.
    """
    facts = container_facts(kind)
    if facts.keeps_order_only:
        return False
    return facts.before_zero or source.start * (source.rate or 25) > _MOST_REORDERED


# For a reader that waits. Matroska's muxer keeps a second of packets back to write them as one cluster, and all muxers
# up to 10 s of them until one of subtitles comes.
PROMPT_MUXING = MappingProxyType({"cluster_time_limit": "0", "max_interleave_delta": "100000"})


def muxer_options(kind: str, time_base: Fraction, others: Iterable[Fraction], tags: Iterable[str]) -> dict[str, str]:
    """Settings that keep times and tags exact where a format's defaults would round or drop them.

    Args:
        time_base, others: of the video, and of the streams copied beside it.
        tags: names of the file's metadata.
    """
    facts = container_facts(kind)
    if not facts.mp4 or kind == "null":
        return dict(facts.options)
    scale = time_base.denominator
    # Edit lists (start offsets) count in the movie's time scale: exact where every stream's divides it.
    common = math.lcm(scale, *(base.denominator for base in others))
    options = {
        "video_track_timescale": str(scale),
        "movie_timescale": str(common if common <= _MAX_TIMESCALE else scale),
    }
    if others_than_mp4s(tags):
        options["movflags"] = "use_metadata_tags"
    return options


def others_than_mp4s(tags: Iterable[str]) -> list[str]:
    """Tags that MP4's own dictionary has no place for."""
    return [tag for tag in tags if tag.lower() not in _MP4_TAGS]


def tags_without_place(kind: str, tags: Iterable[str], *, covers: bool) -> list[str]:
    """Names of the file's tags that go lost beside cover pictures.

    FFmpeg 8.1 writes MP4's covers into the older dictionary only, and drops them where the key-value form is asked for.
    """
    return others_than_mp4s(tags) if covers and container_facts(kind).cover == "stream" else []


def held_encoders(container: OutputContainer) -> frozenset[str]:
    """Encoders that the container is known to hold; formats that don't tell FFmpeg are in our table."""
    facts = container_facts(container.format.name)
    return frozenset(facts.encoders) or frozenset(container.supported_codecs) - facts.without


def shifted(kind: str, start: Fraction) -> str | None:
    """What happens where the earliest packet's time, in seconds, is one that the format can't store."""
    if start >= 0 or container_facts(kind).before_zero:
        return None
    return f"{kind} has no times before zero: all streams begin {-float(start):.3f} s later; use .mp4 or .mkv"


def losses(kind: str, source: Source, encoder: str) -> list[str]:
    """What of the source the format can't hold with this encoder, in words that name the remedy."""
    lost: list[str] = []
    facts, coded = container_facts(kind), encoder_facts(encoder)
    if kind == "null":
        return lost
    if source.captions and not coded.captions:
        lost.append(f"{encoder} can't hold the closed captions inside the video stream: use --codec h264 or h265")
    if (source.mastering or source.light) and coded.light is None:
        lost.append(f"{encoder} is not told HDR10's light levels, which are left out: use --codec h265 or h264")
    said = coded.full_range == "stream" or (coded.full_range == "container" and facts.says_range)
    if source.full_range and source.layout.kind == "yuv" and not said:
        remedy = "use --codec h264 or h265, or .mp4 or .mkv"
        lost.append(f"{kind} with {encoder} can't say that luma has its full range, and will look harsh: {remedy}")
    matrix = source.display_matrix
    if matrix is not None and facts.rotates != "all":
        only_turned = matrix[0] == matrix[4] and matrix[1] == -matrix[3]
        if facts.rotates == "none" or not only_turned:
            lost.append(f"{kind} can't hold the display matrix (rotation, flip): use .mp4")
    if source.aspect not in (None, 1) and not facts.mp4 and not coded.aspect:
        remedy = "use .mp4, or --codec h264 or h265"
        lost.append(f"{kind} with {encoder} loses the pixel aspect {source.aspect}: {remedy}")
    return lost
