"""Which network a source gets, with those that ship and with those that don't yet, and in what words it is said."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from small_text import pages
from source_pictures import PHOTOS, large, photo

import pocketsr
from pocketsr.models import SHIPPED
from pocketsr.pixels import psnr, rgb_to_luma
from pocketsr.source import Hints, Seen, choose, jpeg_quality, look, together
from pocketsr.source.choice import RULES
from pocketsr.source.vp8 import vp8_quantizer

ALL = (*SHIPPED, "photo", "screen")
FEW = tuple(name for name in SHIPPED if name not in ("photo", "screen"))
JPEG = Hints("jpeg", lossless=False, jpeg_quality=71.2)
PNG = Hints("png", lossless=True)
WEBP = Hints("webp", lossless=False, qp=40.0)
HEVC = Hints("hevc", True, False, bits_per_pixel=0.02)
AVIF = Hints("avif", lossless=False, qp=90.0)
AV1 = Hints("av1", True, False, qp=44.0, bits_per_pixel=0.1)
CALL = Hints("h264", True, False, qp=38.4, bits_per_pixel=0.02)


@pytest.mark.parametrize(
    ("seen", "of_all", "of_few", "why"),
    [
        (Seen(PNG, 0.0, False, 0.0), "small", "small", "lossless PNG"),
        (Seen(PNG, 0.4, False, 0.5), "photo", "small", "PNG of what was a JPEG"),
        (Seen(PNG, 0.0, True, 0.0), "screen", "small", "text and windows in lossless PNG"),
        (Seen(JPEG, 0.4, False, 0.1), "photo", "small", "JPEG of quality 71"),
        (Seen(JPEG, 0.9, False, 0.1), "photo", "small", "JPEG of quality 71"),
        (Seen(JPEG, 0.02, False, 0.0), "small", "small", "JPEG of quality 71"),
        (Seen(JPEG, 0.3, True, 0.1), "screen", "small", "text and windows in JPEG of quality 71"),
        (Seen(Hints("webp", lossless=False), 0.6, False, 0.0, gain_db=0.1), "small", "small", "lossy WEBP"),
        (Seen(Hints("webp", lossless=False), 0.6, False, 0.0, gain_db=0.5), "photo", "small", "lossy WEBP"),
        (Seen(JPEG, 0.4, False, 0.1, gain_db=0.02), "small", "small", "JPEG of quality 71"),
        (Seen(AVIF, 0.5, False, 0.0, gain_db=0.2), "photo", "small", "AVIF of QP 90"),
        (Seen(AV1, 0.2, False, 0.0), "small", "small", "AV1 of QP 44"),
        (Seen(AV1, 0.5, False, 0.0), "small-call", "small-call", "AV1 of QP 44"),
        (
            Seen(Hints("mjpeg", True, False, bits_per_pixel=2.0), 0.8, False, 0.0),
            "small",
            "small",
            "Motion JPEG of 2 bits a pixel",
        ),
        (
            Seen(Hints("mjpeg", True, False, bits_per_pixel=0.9), 0.7, False, 0.0),
            "small-call",
            "small-call",
            "Motion JPEG of 0.9 bits a pixel",
        ),
        (
            Seen(Hints("mpeg4", True, False, qp=4.0, bits_per_pixel=0.6), 0.2, False, 0.0),
            "small",
            "small",
            "MPEG-4 of QP 4",
        ),
        (Seen(WEBP, 0.4, False, 0.0), "photo", "small", "WEBP of QP 40"),
        (
            Seen(Hints("prores", True, False, bits_per_pixel=3.5), 0.5, False, 0.0),
            "small",
            "small",
            "ProRes of 3.5 bits a pixel",
        ),
        (Seen(CALL, 0.8, False, 0.0), "small-call", "small-call", "H.264 of QP 38"),
        (Seen(CALL, 0.1, False, 0.0), "small", "small", "H.264 of QP 38"),
        (Seen(CALL, 0.1, True, 0.0), "screen", "small", "text and windows in H.264 of QP 38"),
        (Seen(CALL, 0.8, True, 0.0), "small-call", "small-call", "text and windows in H.264 of QP 38"),
        (Seen(JPEG, 0.9, True, 0.1), "photo", "small", "text and windows in JPEG of quality 71"),
        (Seen(JPEG, 0.35, True, 0.1, crisp=False), "small", "small", "text and windows in JPEG of quality 71"),
        (Seen(JPEG, 0.5, True, 0.1, crisp=False), "photo", "small", "text and windows in JPEG of quality 71"),
        (Seen(PNG, 0.0, True, 0.0, crisp=False), "small", "small", "text and windows in lossless PNG"),
        (Seen(replace(CALL, qp=None), 0.1, False, 0.0), "small", "small", "H.264 of 0.02 bits a pixel"),
        (Seen(Hints("ffv1", True, True), 0.0, False, 0.0), "small", "small", "lossless FFV1"),
        (Seen(Hints("", True), 0.0, False, 0.0), "small", "small", "frames"),
        (Seen(Hints("", lossless=True), 0.0, False, 0.0), "small", "small", "lossless pixels"),
    ],
)
def test_the_table(seen: Seen, of_all: str, of_few: str, why: str) -> None:
    choice = choose(seen, ALL)
    assert (choice.network, choice.strength) == (of_all, seen.strength)
    assert choice.why.lower() == why.lower()
    assert choose(seen, FEW).network == of_few
    assert choose(seen).network in SHIPPED


def test_every_source_has_a_rule() -> None:
    assert RULES[-1].kind == "anything"
    assert (RULES[-1].strength(PNG), RULES[-1].network) == (0.0, "small")
    assert "small" in SHIPPED
    assert {rule.network for rule in RULES} <= set(ALL)


def test_rules_begin_where_the_fit_says() -> None:
    for kind, hints in (
        ("photo", JPEG),
        ("photo", WEBP),
        ("photo", AVIF),
        ("small-call", CALL),
        ("small-call", AV1),
        ("small-call", HEVC),
    ):
        begin = next(rule.strength(hints) for rule in RULES if rule.network == kind)
        assert 0.05 < begin < 0.6
        assert choose(Seen(hints, begin, False, 0.0)).network == kind
        assert choose(Seen(hints, begin - 1e-6, False, 0.0)).network == "small"
    until = next(rule.until for rule in RULES if rule.network == "screen")
    assert 0.3 < until < 0.8  # above, it takes what is left of the letters for edges
    assert choose(Seen(JPEG, until - 1e-6, True, 0.0)).network == "screen"
    assert choose(Seen(JPEG, until, True, 0.0)).network == "photo"


def test_frames_together() -> None:
    frames = [Seen(replace(CALL, qp=20.0 + k), k / 10, k % 3 == 0, 0.0) for k in range(5)]
    one = together(frames)
    assert (one.hints.qp, one.strength, one.screen) == (22.0, 0.2, False)
    assert together(frames[:1]) == frames[0]
    with pytest.raises(ValueError, match="no frame"):
        together([])


def _files() -> list[tuple[str, np.ndarray, Hints, np.ndarray]]:
    """Pictures as people have them: what of, pixels, hints, and the large one."""
    found = []
    for name, clean, big in [(n, photo(n), large(n)) for n in PHOTOS]:
        found.append((f"{name} clean", clean, PNG, big))
        for quality in (40, 60, 80, 95, 98):
            file = io.BytesIO()
            Image.fromarray(clean).save(file, "JPEG", quality=quality)
            with Image.open(file) as image:
                hints = Hints("jpeg", lossless=False, jpeg_quality=jpeg_quality(image.quantization))
                found.append((f"{name} jpeg {quality}", np.asarray(image), hints, big))
                if quality == 40:
                    found.append((f"{name} was jpeg", np.asarray(image)[2:, 2:], PNG, big[4:, 4:]))
        for quality in (50, 75, 92):
            file = io.BytesIO()
            Image.fromarray(clean).save(file, "WEBP", quality=quality)
            data = file.getvalue()
            hints = Hints("webp", lossless=False, qp=vp8_quantizer(data[data.index(b"VP8 ") + 8 :]))
            with Image.open(file) as image:
                found.append((f"{name} webp {quality}", np.asarray(image.convert("RGB")), hints, big))
        few = Image.fromarray(clean).quantize(256, Image.Quantize.MEDIANCUT)
        found.append((f"{name} gif", np.asarray(few.convert("RGB")), Hints("gif", lossless=True), big))
    return found


def test_never_worse_than_small() -> None:
    """By more than 0.05 dB in the mean of any state, nor by more than 0.15 on one picture."""
    networks: dict[str, pocketsr.Upscaler] = {}

    def quality(name: str, strength: float, luma: np.ndarray, truth: np.ndarray) -> float:
        network = networks.setdefault(name, pocketsr.load(name))
        told = {"strength": strength} if getattr(network, "strengths", 0) else {}
        made = network(luma, **told)
        return psnr(made[2:-2, 2:-2], truth[2:-2, 2:-2])

    lost: dict[str, list[float]] = {}
    for of, pixels, hints, big in _files():
        luma, truth = (np.rint(rgb_to_luma(rgb)).astype(np.uint8) for rgb in (pixels, big))
        choice = choose(look(pixels, hints))
        worse = quality("small", 0.0, luma, truth) - quality(choice.network, choice.strength, luma, truth)
        assert worse < 0.15, (of, choice)
        lost.setdefault(of.partition(" ")[2], []).append(worse)
    assert max(float(np.mean(each)) for each in lost.values()) < 0.05, lost


def test_lines_of_text_are_no_blocks_of_a_jpeg() -> None:
    """Whose pitch is a multiple of 8 pixels, but in one direction alone."""
    for page in pages():
        seen = look(page.luma, PNG)
        assert seen.strength == 0.0, (page.font, page.pixels, seen)
