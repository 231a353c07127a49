"""Whatever is handed over by mistake is answered by a line, as a ValueError or a TypeError that is a UserError too."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketsr
from pocketsr import Colour, Frame, FrameFormat, GovernedStream, Stream, VideoFileSink, VideoFileSource
from pocketsr.errors import ArgumentError, ArgumentTypeError

Y = np.zeros((8, 8), np.uint8)
FRAME = Frame.from_planes("i420", [Y, Y[:4, :4], Y[:4, :4]])
OUT = Path("never-written.mkv")


class Doubler:
    scale, channels, edge_halo = 2, 1, 0

    def __call__(self, y: Any, bits: int | None = None, out: Any = None) -> Any:  # noqa: ARG002
        return y.repeat(2, 0).repeat(2, 1)


NET = Doubler()


def governed(**settings: Any) -> GovernedStream:
    return GovernedStream({"tiny": NET}, us_per_mpx=[1, 0, 0, 1, 0, 0, 0], **settings)


TYPES: dict[str, Callable[[], object]] = {
    f"{call} of {thing!r:.20}": (lambda made=made, thing=thing: made(thing))
    for call, made, things in [
        ("load", pocketsr.load, (None, 5, b"tiny", [], True)),
        ("weights", lambda thing: pocketsr.load("imdn", weights=thing), (5, b"x")),
        ("threads", lambda thing: pocketsr.load("tiny", threads=thing), (1.5, "2", [2], True, float("nan"))),
        ("threads of a network of one's own", lambda thing: Stream(NET, threads=thing), (1.5, True)),
        ("a stream's model", Stream, (None, 5, object(), [], Doubler)),
        ("an image's model", lambda thing: pocketsr.upscale_image(Y, thing), (None, 5, b"x")),
        ("a video's model", lambda thing: pocketsr.upscale_video([FRAME], None, thing), (None, object())),
        ("a ladder's model", lambda thing: GovernedStream({"tiny": thing}), (None, 5)),
        ("an image", lambda thing: pocketsr.upscale_image(thing, NET), (None, "photo.png", [[1]])),
        ("a frame", Stream(NET), (None, 5, "x", [[1]])),
        ("a governed frame", governed(), (None, 5, "x")),
        ("a pushed frame", governed().push, (None, 5, "x")),
        ("a frame of PyAV", Frame.from_av, (None, Y)),
        ("planes", lambda thing: Frame.from_planes("gray", thing), (None, 5, [[1]], ["x"])),
        ("bytes", lambda thing: Frame.from_buffer("gray", thing, 8, 8), (None, 5, "x")),
        ("pixel formats", lambda thing: Frame.blank(thing, 8, 8), (None, 5, ["i420"])),
        ("a stream's pixel format", lambda thing: Stream(NET, pix_fmt=thing), (5, ["i420"])),
        ("width", lambda thing: Frame.blank("i420", thing, 8), (None, "8", 8.0, True)),
        ("a format's height", lambda thing: FrameFormat("gray", 8, thing), (None, 8.0)),
        ("out", lambda thing: Stream(NET)(FRAME, thing), (5, Y)),
        ("colour", lambda thing: Frame.from_planes("gray", [Y], colour=thing), ("bt709", 1)),
        ("primaries", Colour, ("bt709", 1.0)),
        ("pts", lambda thing: Frame.from_planes("gray", [Y], pts=thing), ("x", 1.5)),
        ("time base", lambda thing: Frame.from_planes("gray", [Y], time_base=thing), ("x", 0.04)),
        ("a file to read", VideoFileSource, (None, 5, b"x", [])),
        ("a file to write", VideoFileSink, (5, b"x", [])),
        ("a source", lambda thing: pocketsr.upscale_video(thing, None, NET), (None, 5, [5], [Y])),
        ("an output", lambda thing: pocketsr.upscale_video([FRAME], thing, NET), (5, b"x", object())),
        ("rate", lambda thing: VideoFileSink(OUT, rate=thing), ("30", [1], True)),
        ("crf", lambda thing: VideoFileSink(OUT, crf=thing), ("18", [1])),
        ("codec", lambda thing: VideoFileSink(OUT, codec=thing), (5, b"x")),
        ("a sink's threads", lambda thing: VideoFileSink(OUT, threads=thing), (1.5, "2")),
        ("on_progress", lambda thing: pocketsr.upscale_video([FRAME], None, NET, on_progress=thing), (5,)),
        ("what a sink takes", VideoFileSink(None, rate=5).write, (Y, None)),
        ("what a sink begins", VideoFileSink(None, rate=5).begin, (Y, "i420")),
        ("a ladder", GovernedStream, (None, ["tiny"])),
        ("fps", lambda thing: governed(fps=thing), (None, "30", [1])),
        ("clock", lambda thing: governed(clock=thing), (5,)),
        ("turns", lambda thing: governed(turns=thing), (5,)),
        ("timeout", governed().latest, ("1",)),
    ]
    for thing in things
}
VALUES: dict[str, Callable[[], object]] = {
    f"{call} of {thing!r:.20}": (lambda made=made, thing=thing: made(thing))
    for call, made, things in [
        ("load", pocketsr.load, ("smal", "", "a\0b", Path())),
        ("threads", lambda thing: pocketsr.load("tiny", threads=thing), (0, -1, 10**5)),
        ("a sink's threads", lambda thing: VideoFileSink(OUT, threads=thing), (0, -1, 10**5)),
        ("a source", VideoFileSource, ("a\0b",)),
        ("an image", lambda thing: pocketsr.upscale_image(thing, NET), (Y[0], Y[:0], Y[None, None])),
        ("pixel formats", lambda thing: Frame.blank(thing, 8, 8), ("nope", "", "pal8")),
        ("a stream's pixel format", lambda thing: Stream(NET, pix_fmt=thing), ("nope", "")),
        ("width", lambda thing: Frame.blank("i420", thing, 8), (0, -1, 2**40)),
        ("samples side by side", lambda thing: Frame.from_array("rgb24", thing), (Y, Y[None], Y[..., None])),
        ("grey with an axis before it", lambda thing: Frame.from_array("gray", thing), (Y[None],)),
        ("bytes", lambda thing: Frame.from_buffer("gray", thing, 8, 8), (b"", b"123", Y[:, ::2])),
        ("siting", lambda thing: Frame.from_planes("gray", [Y], siting=thing), ("xx", None)),
        ("primaries", Colour, (-1,)),
        ("rate", lambda thing: VideoFileSink(OUT, rate=thing), (0, -1, float("nan"), float("inf"))),
        ("fps", lambda thing: governed(fps=thing), (0, -1, float("nan"))),
        ("a ladder", GovernedStream, ({}, {"huge": NET})),
        ("costs", lambda thing: GovernedStream({"tiny": NET}, us_per_mpx=thing), ([], [1] * 5)),
    ]
    for thing in things
}


@pytest.mark.parametrize("what", TYPES)
def test_types(what: str) -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        TYPES[what]()
    assert isinstance(caught.value, TypeError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("what", VALUES)
def test_values(what: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        VALUES[what]()
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


def test_networks_are_registered_by_name() -> None:
    nets = pytest.importorskip("pocketsr.nets")
    with pytest.raises(ArgumentTypeError, match="name is an int"):
        nets.register_network(5, Doubler, None)
    with pytest.raises(ArgumentTypeError, match=r"config is a dict: a msgspec\.Struct is expected"):
        nets.register_network("mine", Doubler, {})
    with pytest.raises(ArgumentError, match="registered already"):
        nets.register_network("imdn", Doubler, nets.registry.ImdnConfig())


def test_numbers_and_names_of_other_kinds_are_taken() -> None:
    assert Stream(NET, threads=np.int64(1), pix_fmt="NV12")(FRAME).layout.name == "nv12"
    assert VideoFileSink(None, rate=np.float64(25)).frames == 0
    assert governed(fps=Fraction(30_000, 1001))(FRAME).frame.width == 16
    assert Frame.from_planes("nv12", [Y, Y[:4].reshape(4, 4, 2)]).width == 8
    assert Frame.from_array("rgb24", np.zeros((4, 6, 3), np.uint8)).width == 6
    assert pocketsr.upscale_image(np.ma.masked_array(np.zeros((4, 4, 3), np.uint8)), NET).shape == (8, 8, 3)
