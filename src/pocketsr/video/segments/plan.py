"""Where a long video is cut: at key frames, by what the file holds alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from pocketsr.video.decoding import is_shown, main_stream
from pocketsr.video.demux import Demuxer
from pocketsr.video.ffmpeglog import described
from pocketsr.video.opening import open_input
from pocketsr.video.sections import Section
from pocketsr.video.segments.keyframes import known_codec, opens

__all__ = ["LEAST", "LONG", "Plan", "plan_segments"]

LONG = 1500
"""Frames from which on a video is made in segments: a minute at 25 a second."""
LEAST = 300
"""Frames of a segment, before the next key frame ends it. x264's own key frames come every 250, so that a segment's
first picture costs little; and it is seldom more than some seconds of work."""
_REORDERED = 64  # packets behind a key frame among which pictures may stand that are shown before it
_SHORT = LONG // 3  # a file that announces fewer isn't read to count them


@dataclass(frozen=True)
class Plan:
    """sections: what segments are made of. packets: how many of the stream hold something. seekable: whether a key
    frame can be gone to by its time."""

    sections: tuple[Section, ...]
    packets: int
    seekable: bool

    @property
    def frames(self) -> int:
        return sum(section.frames for section in self.sections)

    @property
    def key(self) -> str:
        """Differs where a cut does."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def plan_segments(path: Path, *, keep_clock: bool, long: int = LONG, least: int = LEAST) -> Plan | None:
    """How a video file is cut; None where it is too short, or can't be cut so that nothing is lost.

    It isn't where frames have no times of their own (AVI, raw streams), where nothing is known of its codec's key
    frames, or where there are none.

    Args:
        keep_clock: as for `VideoFileSource`.
        long, least: frames of a video, of a segment.

    Raises UserError for a file without readable video.
    """
    with open_input(path) as container:
        about = described(container)
        stream = main_stream(container, path, about)
        codec = stream.codec_context.name
        few = stream.frames or (stream.duration or 0) * (stream.time_base or 0) * (stream.average_rate or 0)
        if not known_codec(codec) or container.format.name == "avi" or 0 < few < min(long, _SHORT):
            return None
        extradata = stream.codec_context.extradata
        demuxer = Demuxer(path, container, stream, keep_clock=keep_clock)
        sections = [Section(0, None, None, 0, None, 0)]
        index = -1
        highest: int | None = None
        for packet in demuxer:
            if packet.stream_index != stream.index or not packet.size:
                continue
            index += 1
            if packet.pts is None:
                return None
            cut = sections[-1]
            if highest is None or packet.pts > highest:
                highest = packet.pts
                if cut.frames >= least and opens(codec, packet, extradata):
                    sections[-1] = replace(cut, end=packet.pts, last=index)
                    cut = Section(len(sections), packet.pts, None, index, None, 0)
                    sections.append(cut)
            shown = not packet.is_discard and is_shown(codec, packet)
            if packet.pts not in cut:
                earlier = sections[-2]
                if index - cut.first > _REORDERED or packet.pts not in earlier:
                    return None  # times that no decoder's reordering makes
                sections[-2] = replace(earlier, last=index + 1, frames=earlier.frames + shown)
            else:
                sections[-1] = replace(cut, frames=cut.frames + shown)
        seekable = not demuxer.jumps and container.format.name in ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
        plan = Plan(tuple(sections), index + 1, seekable)
    return plan if len(sections) > 1 and plan.frames >= long else None
