"""Small text that was enlarged, read by tesseract: how many characters are wrong.

Lines of words, names and numbers in fonts that `screen` wasn't trained on, which Matplotlib and Pillow bring, 9 to 14
pixels large, dark on light, light on dark and grey, come to be small in two ways: "drawn" so small, by FreeType with
its hints, as a screen shows them; and "shrunk", drawn twice as large and shrunk by the test sets' protocol. They are
enlarged as pages and read line by line (tesseract's --psm 7), so that its search for columns decides nothing. What is
counted is Levenshtein's distance in characters, over all lines. Intervals come from drawing the lines anew.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pocketsr.pixels import imresize

__all__ = ["IDEAL", "Page", "compared", "distance", "pages", "read_lines", "tesseract_version"]

SIZES = (9, 10, 11, 12, 14)
FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf", "Aileron")  # not DejaVu's Mono, whose letters Hack has
LINES, WORDS_A_LINE, MARGIN = 16, 7, 8
INKS = ((0, 255), (225, 30), (90, 245), (40, 200))  # and paper, a page each
IDEAL = "drawn at twice the size"
"""In place of a network's name: what tesseract makes of letters that nobody had to enlarge."""
_TEXT = (
    "a accepts account address after always and answer archive because before between blocked boxed brown browser "
    "button cancel change check clock closed column copied could date default delete dozen draft duplex east empty "
    "error every export few fields file five folder font fox general guest half help hidden how index invoice item "
    "jugs jumps keep key large last lazy letter license link liquor list locked low mailbox margin menu minutes "
    "modify month name network never night notes object of offline on only open option order other over page password "
    "people picture please point print prefix quality query queue quick quiet rather read recent refuse replace "
    "report reset result row save screen search seven sheet side size small soft source speed status street sum "
    "system table tasks than the theme they this thumb title to total tree type under unit update use user value "
    "version view volume wait warning week welcome while window wizards word would write year yellow yes zero zone "
    "zoom"
)
WORDS = tuple(_TEXT.split())
Origin = Literal["drawn", "shrunk"]
ORIGINS: tuple[Origin, ...] = ("drawn", "shrunk")
Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Page:
    """luma: (H, W) studio range, of small text. ideal: (2H, 2W) the same drawn twice as large. tops: of its lines, in
    LR rows, with the bottom of the last behind them."""

    origin: Origin
    font: str
    pixels: int
    lines: tuple[str, ...]
    luma: Plane
    ideal: Plane
    tops: tuple[int, ...]


def pages() -> Iterator[Page]:
    """Each size in each font, drawn and shrunk, the same each time."""
    for number, (font, pixels) in enumerate((font, pixels) for font in FONTS for pixels in SIZES):
        rng = np.random.default_rng((21, number))
        ink, paper = INKS[number % len(INKS)]
        for origin in ORIGINS:
            lines = tuple(_line(rng) for _ in range(LINES))
            width = max(round(_font(font, pixels).getlength(line)) for line in lines) + 2 * MARGIN + pixels
            tall = round(1.8 * pixels)
            small, large = (_drawn(lines, font, pixels, k, (width, tall), ink, paper) for k in (1, 2))
            luma = small if origin == "drawn" else imresize(large, 0.5)
            yield Page(origin, font, pixels, lines, luma, large, tuple(range(0, (LINES + 1) * tall, tall)))


def _line(rng: np.random.Generator) -> str:
    return " ".join(_word(rng) for _ in range(WORDS_A_LINE))


def _word(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.06:
        return f"{rng.integers(24):02d}:{rng.integers(60):02d}"
    if kind < 0.12:
        return f"{rng.integers(1, 1000)}.{rng.integers(100):02d}"
    if kind < 0.18:
        return str(rng.integers(10, 100_000))
    word = str(rng.choice(WORDS))
    word = word.capitalize() if kind < 0.36 else word
    return word + str(rng.choice([".", ",", ":", "?"])) if kind > 0.9 else word


def _font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    if name == "Aileron":  # what Pillow brings
        found = ImageFont.load_default(pixels)
        assert isinstance(found, ImageFont.FreeTypeFont), "Pillow has no FreeType"
        return found
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), pixels)


def _drawn(
    lines: Sequence[str], font: str, pixels: int, scale: int, size: tuple[int, int], ink: int, paper: int
) -> Plane:
    """Studio luma of a page, `scale` times as large as `pixels` and `size`, a line's (width, height), say."""
    width, tall = size
    image = Image.new("L", (scale * width, scale * tall * len(lines)), paper)
    draw, letters = ImageDraw.Draw(image), _font(font, scale * pixels)
    for number, line in enumerate(lines):
        base = number * tall + round(1.25 * pixels)
        draw.text((scale * MARGIN, scale * base), line, font=letters, fill=ink, anchor="ls")
    luma: Plane = np.rint(np.asarray(image) * (219 / 255) + 16).astype(np.uint8)
    return luma


def read_lines(page: Page, enlarged: Plane) -> list[str]:
    """What tesseract reads in each line of an enlarged page, (2H, 2W) uint8."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, (top, bottom) in enumerate(zip(page.tops, page.tops[1:], strict=False)):
            files.append(Path(folder) / f"{number:03d}.png")
            Image.fromarray(enlarged[2 * top : 2 * bottom]).save(files[-1])
        listed = Path(folder) / "list.txt"
        listed.write_text("".join(f"{file}\n" for file in files))
        done = subprocess.run(
            ["tesseract", str(listed), "-", "--psm", "7", "--dpi", "150"], capture_output=True, text=True, check=True
        )
    read = [" ".join(each.split()) for each in done.stdout.split("\f")[: len(files)]]  # a form feed ends each picture
    if len(read) != len(files):
        raise SystemExit(f"tesseract answered for {len(read)} of {len(files)} pictures")
    return read


def tesseract_version() -> str:
    """Its first line, as "tesseract 5.3.0"."""
    done = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]


def distance(a: str, b: str) -> int:
    """Levenshtein's."""
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


def compared(wrong: Mapping[str, Iterable[int]], against: Sequence[str], seed: int = 0) -> dict[str, dict[str, Any]]:
    """For each network its wrong characters as a share of those of each in `against`, with a 95 % interval.

    wrong: by network, of each line, in the same order. The interval comes from lines drawn anew 2,000 times.
    """
    counts = {name: np.array(list(each), np.float64) for name, each in wrong.items()}
    lines = len(next(iter(counts.values())))
    drawn = np.random.default_rng(seed).integers(0, lines, (2000, lines))
    sums = {name: each[drawn].sum(axis=1) for name, each in counts.items()}
    found: dict[str, dict[str, Any]] = {}
    for name, each in counts.items():
        found[name] = {}
        for other in against:
            if name != other and counts[other].any():
                ratio = sums[name] / np.maximum(sums[other], 1)
                low, high = np.quantile(ratio, (0.025, 0.975))
                found[name][f"to_{other}"] = round(float(each.sum() / counts[other].sum()), 3)
                found[name][f"to_{other}_95"] = [round(float(low), 3), round(float(high), 3)]
    return found
