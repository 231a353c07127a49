"""A look at a video before the work: what its file says, and a few of its frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.frames import Frame
from pocketsr.frames.looking import look_at_frame
from pocketsr.source import FrameQp, Hints, Seen, together
from pocketsr.video.cropping import cropper
from pocketsr.video.decoding import decoder_of, main_stream
from pocketsr.video.ffmpeglog import described
from pocketsr.video.file_source import VideoFileSource
from pocketsr.video.opening import open_input
from pocketsr.video.quantizers import QUANTIZERS, Quantizers
from pocketsr.video.source import LOSSLESS, describe

__all__ = ["hints_of", "look_at_opened", "look_at_video"]

_PLACES = (0.0, 0.3, 0.6)  # of a file's length, where frames are looked at
_FRAMES = 6  # at each
_EVERY = 3  # of them, which are looked at: neighbours are alike
_MOST_PACKETS = 400  # of all streams, at each: a file may hold no frame at all
_BARE = ("rawvideo", "wrapped_avframe", "")  # decoders of frames that say nothing of what they went through before


def look_at_video(path: Path) -> Seen | None:
    """What is seen in a few frames from up to three places of the file; None where there is none that can be decoded.

    Only what is plainly no video is left to whoever reads it in earnest, and says what is wrong.
    """
    try:
        with open_input(path) as container:
            about = described(container)
            stream = main_stream(container, path, about)
            decoder = decoder_of(stream, None)
            decoder.options = {**decoder.options, **QUANTIZERS}
            bits = _bits_per_pixel(container, stream)
            frames = list(_seen(container, stream, decoder, bits, about[stream.index].crop))
    except (UserError, av.FFmpegError, OSError, ValueError, AttributeError):
        return None
    return together(frames) if frames else None


def look_at_opened(source: VideoFileSource) -> Seen:
    """What is seen in the first frame of what is read once: a pipe, a camera, raw frames."""
    reader = source.reader
    about = reader.source
    frame = Frame.from_av(reader.first_frame)
    seen = look_at_frame(frame, Hints(about.codec, moving=True, lossless=_lossless(about.codec)))
    return replace(seen, shape=about.shape)


def _seen(
    container: InputContainer, stream: VideoStream, decoder: VideoCodecContext, bits: float | None,
    edges: tuple[int, int, int, int],
) -> Iterator[Seen]:  # fmt: skip
    codec = decoder.name
    crop, shape, quantizers = cropper(edges), None, Quantizers(stream)
    for place in _PLACES:
        if place:
            length = stream.duration or 0
            if not length:
                return
            with suppress(av.FFmpegError):
                container.seek((stream.start_time or 0) + round(place * length), stream=stream)
            decoder.flush_buffers()
        for number, frame in enumerate(_decoded(container, stream, decoder, quantizers)):
            if number % _EVERY:
                continue
            if shape is None:
                shown = frame if crop is None else crop(frame)
                shape = describe(container, stream, shown, 0, captions=False).shape
            yield replace(
                look_at_frame(Frame.from_av(frame), hints_of(frame, codec, bits, quantizers.of(frame))), shape=shape
            )


def hints_of(frame: VideoFrame, codec: str, bits: float | None, qp: FrameQp | None) -> Hints:
    """What a decoded frame's stream says of its loss. codec: the decoder's name. bits: for each coded pixel."""
    deeper = 0.0 if qp is None or qp.codec != "h264" else 6.0 * (Frame.from_av(frame).layout.bits - 8)
    return Hints(
        qp.codec if qp is not None and qp.codec != "mpeg2" else codec, True, _lossless(codec),
        qp=None if qp is None else qp.qp - deeper, bits_per_pixel=bits,
    )  # fmt: skip


def _decoded(
    container: InputContainer, stream: VideoStream, decoder: VideoCodecContext, quantizers: Quantizers
) -> Iterator[VideoFrame]:
    """At most `_FRAMES` from where the file is; none of those that are broken."""
    count = 0
    for number, packet in enumerate(container.demux()):
        if number > _MOST_PACKETS:
            return
        if packet.stream_index != stream.index:
            continue
        quantizers.read(packet)
        with suppress(av.FFmpegError):
            for frame in decoder.decode(packet if packet.size else None):
                if not frame.is_corrupt:
                    yield frame
                    count += 1
                if count == _FRAMES:
                    return


def _bits_per_pixel(container: InputContainer, stream: VideoStream) -> float | None:
    """By the file's size and length, without the streams that say their own rate; None where it doesn't say."""
    rate = stream.bit_rate
    if not rate:
        others = [each.codec_context.bit_rate or 0 for each in container.streams.audio if each.codec_context]
        rate = (container.bit_rate or 0) - sum(others)
    fps = stream.average_rate or stream.guessed_rate
    pixels = stream.width * stream.height
    return float(rate / (fps * pixels)) if rate > 0 and fps and pixels else None


def _lossless(codec: str) -> bool | None:
    return None if codec in _BARE else codec in LOSSLESS
