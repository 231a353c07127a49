"""Pages of text and windows to train `screen` on: `python tools/draw_pages.py FONTS.. -o runs/pages`.

FONTS are folders of .ttf and .otf files. Each page is a function of its number and of the fonts' names: a few columns
or panels with text in several sizes, light on dark or dark on light, code, buttons, rules, plots and now and then a
gradient, as PNG. Letters are FreeType's, hinted and in greys, as most screens show them.

Small letters on a screen were drawn small, not shrunk: `--small` pages hold text of 6 to 15 pixels as FreeType draws it
or as the area it covers, without hints (smallNNNN.lr.png), beside the same letters drawn at twice the size
(smallNNNN.png), each letter in the middle of where the small one stands.
"""

from __future__ import annotations

import argparse
import colorsys
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import trange

WIDTH, HEIGHT = 640, 480
SYLLABLES = tuple(
    "ar be con da en fi go hu in jo ka lo me no or pre qui ro sa tion un ver wi xe yo zu st mp ck th".split()  # noqa: SIM905
)
SIGNS = list("()[]{}<>=+-*/%&|!?.,:;\"'#@_~^$\\")
Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont


def _word(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.08:
        return str(rng.integers(0, 10 ** int(rng.integers(1, 7))))
    if kind < 0.12:
        return str(rng.choice(SIGNS))
    word = "".join(rng.choice(SYLLABLES, rng.integers(1, 5)))
    word = word.capitalize() if rng.random() < 0.15 else word.upper() if rng.random() < 0.04 else word
    return word + str(rng.choice(SIGNS)) if rng.random() < 0.12 else word


def _colour(rng: np.random.Generator, light: float, vivid: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(rng.random(), light, vivid)
    return round(255 * red), round(255 * green), round(255 * blue)


def _text(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], font: ImageFont.FreeTypeFont, ink: Colour,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Lines of words that fill `box`, with indents as in code now and then."""
    left, top, right, bottom = box
    height = round(font.size * rng.uniform(1.1, 1.6))
    code, other = rng.random() < 0.3, _colour(rng, 0.5, 0.8)
    y = top
    while y + height <= bottom:
        x = left + (int(rng.integers(0, 5)) * round(1.2 * font.size) if code else 0)
        while rng.random() < 0.93:
            word = _word(rng)
            end = x + round(font.getlength(word))
            if end > right:
                break
            draw.text((x, y), word, font=font, fill=other if code and rng.random() < 0.2 else ink)
            x = end + round(font.getlength(" "))
        y += height


def _panel(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], fonts: list[Path], rng: np.random.Generator
) -> None:
    dark = rng.random() < 0.4
    paper = _colour(rng, rng.uniform(0, 0.25) if dark else rng.uniform(0.85, 1), rng.choice([0.0, 0.3]))
    ink = _colour(rng, rng.uniform(0.6, 1) if dark else rng.uniform(0, 0.4), rng.choice([0.0, 0.0, 0.7]))
    left, top, right, bottom = box
    if rng.random() < 0.3:
        draw.rounded_rectangle(
            box, radius=int(rng.integers(0, 12)), fill=paper, outline=ink, width=int(rng.integers(0, 3))
        )
    else:
        draw.rectangle(box, fill=paper)
    margin = int(rng.integers(2, 14))
    y = top + margin
    while y < bottom - 20:
        size = int(rng.choice([9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 34, 44]))
        font = ImageFont.truetype(str(fonts[rng.integers(len(fonts))]), size)
        end = min(bottom - margin, y + int(rng.integers(size + 6, 12 * size)))
        if rng.random() < 0.85:
            _text(draw, (left + margin, y, right - margin, end), font, ink, rng)
        elif rng.random() < 0.5:  # a button, a field
            width = int(rng.integers(30, 160))
            button = (left + margin, y, min(right - margin, left + margin + width), y + size + 10)
            if button[2] > button[0] + 4:
                draw.rounded_rectangle(button, radius=int(rng.integers(0, 9)), fill=_colour(rng, 0.5, 0.7), outline=ink)
                draw.text((button[0] + 6, y + 3), _word(rng), font=font, fill=paper)
            end = y + size + 14
        else:  # a plot
            xs = np.linspace(left + margin, right - margin, int(rng.integers(4, 40)))
            ys = rng.uniform(y, end, len(xs))
            draw.line(
                list(zip(xs.tolist(), ys.tolist(), strict=True)),
                fill=_colour(rng, 0.5, 0.8),
                width=int(rng.integers(1, 4)),
            )
        if rng.random() < 0.3:
            draw.line((left, end + 3, right, end + 3), fill=ink, width=int(rng.integers(1, 3)))
        y = end + int(rng.integers(2, 12))


def page(number: int, fonts: list[Path]) -> Image.Image:
    """Page `number`, 640x480 RGB."""
    rng = np.random.default_rng(number)
    image = Image.new("RGB", (WIDTH, HEIGHT), _colour(rng, rng.uniform(0.1, 1), 0.2))
    if rng.random() < 0.1:
        ramp = np.linspace(rng.integers(256, size=3), rng.integers(256, size=3), HEIGHT)
        image = Image.fromarray(np.repeat(ramp[:, None].astype(np.uint8), WIDTH, axis=1))
    draw = ImageDraw.Draw(image)
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    xs = np.r_[0, np.sort(rng.integers(40, WIDTH - 40, columns - 1)), WIDTH]
    ys = np.r_[0, np.sort(rng.integers(40, HEIGHT - 40, rows - 1)), HEIGHT]
    gap = int(rng.integers(0, 6))
    for x0, x1 in zip(xs[:-1].tolist(), xs[1:].tolist(), strict=True):
        for y0, y1 in zip(ys[:-1].tolist(), ys[1:].tolist(), strict=True):
            if min(x1 - x0, y1 - y0) > 40:
                _panel(draw, (x0 + gap, y0 + gap, x1 - gap - 1, y1 - gap - 1), fonts, rng)
    return image


def _hinted(draw: list[ImageDraw.ImageDraw], x: int, base: int, word: str, fonts: list[Font], ink: Colour) -> int:
    """A word from LR pixel x on, base line at LR row `base`, in LR and in HR: the LR pixel behind it."""
    for letter in word:
        wide = round(fonts[0].getlength(letter))
        spare = 2 * wide - fonts[1].getlength(letter)
        draw[0].text((x, base), letter, font=fonts[0], fill=ink, anchor="ls")
        draw[1].text((2 * x + round(spare / 2), 2 * base), letter, font=fonts[1], fill=ink, anchor="ls")
        x += wide
    return x


def _words(rng: np.random.Generator, size: int, wide: int) -> list[str]:
    """Words that about fill a line."""
    found: list[str] = []
    while sum(map(len, found)) + len(found) < 2.2 * wide / size:
        found.append(_word(rng))
    return found


def small_page(number: int, fonts: list[Path]) -> tuple[Image.Image, Image.Image]:
    """Page `number` of small text, 320x240, and twice as large: RGB."""
    rng = np.random.default_rng((1, number))
    sides = (WIDTH // 2, HEIGHT // 2), (WIDTH, HEIGHT)
    pages = [Image.new("RGB", side) for side in sides]
    draw = [ImageDraw.Draw(image) for image in pages]
    columns = int(rng.integers(1, 3))
    for left in range(0, sides[0][0], sides[0][0] // columns):
        right, top = left + sides[0][0] // columns, 0
        while top < sides[0][1]:
            bottom = min(sides[0][1], top + int(rng.integers(30, 120)))
            dark = rng.random() < 0.35
            paper = _colour(rng, rng.uniform(0, 0.2) if dark else rng.uniform(0.85, 1), rng.choice([0.0, 0.3]))
            ink = _colour(rng, rng.uniform(0.7, 1) if dark else rng.uniform(0, 0.3), rng.choice([0.0, 0.0, 0.7]))
            path, size = str(fonts[rng.integers(len(fonts))]), int(rng.integers(6, 16))
            block = [image.crop((0, 0, k * (right - left), k * (bottom - top))) for k, image in enumerate(pages, 1)]
            (_block_hinted if rng.random() < 0.6 else _block_by_area)(block, path, size, paper, ink, rng)
            for k, image in enumerate(pages, 1):
                image.paste(block[k - 1], (k * left, k * top))
            if rng.random() < 0.3:
                for k, one in enumerate(draw, 1):
                    one.rectangle((k * left, k * top, k * right - 1, k * (top + 1) - 1), fill=ink)
            top = bottom
    return pages[0], pages[1]


def _block_hinted(
    block: list[Image.Image], path: str, size: int, paper: Colour, ink: Colour, rng: np.random.Generator
) -> None:
    draw = [ImageDraw.Draw(image) for image in block]
    fonts = [ImageFont.truetype(path, k * size) for k in (1, 2)]
    for image, one in zip(block, draw, strict=True):
        one.rectangle((0, 0, *image.size), fill=paper)
    line = round(size * rng.uniform(1.15, 2.0))
    for base in range(size + 2, block[0].height + size, line):
        x = int(rng.integers(2, 5))
        for word in _words(rng, size, block[0].width):
            x = _hinted(draw, x, base, f"{word} ", fonts, ink)


def _block_by_area(
    block: list[Image.Image], path: str, size: int, paper: Colour, ink: Colour, rng: np.random.Generator
) -> None:
    fine = 8
    width, height = (fine * side for side in block[0].size)
    cover = Image.new("L", (width, height))
    draw, font = ImageDraw.Draw(cover), ImageFont.truetype(path, fine * size)
    line = size * rng.uniform(1.15, 2.0)
    for number in range(round(block[0].height / line) + 1):
        text = " ".join(_words(rng, size, block[0].width))
        base = fine * round(size + 2 + number * line)  # browsers put base lines on whole pixels
        draw.text((int(rng.integers(2 * fine, 5 * fine)), base), text, font=font, fill=255, anchor="ls")
    for k, image in enumerate(block, 1):
        mask = cover.reduce(fine // k)
        image.paste(paper, (0, 0, *image.size))
        image.paste(ink, (0, 0), mask)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FONTS", help="folders of fonts, with Latin letters")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/pages"))
    parser.add_argument("--count", type=int, default=400, help="pages (default: 400)")
    parser.add_argument("--small", type=int, default=0, metavar="COUNT", help="pages of small text (default: none)")
    args = parser.parse_args()
    fonts = sorted((path for folder in args.folders for kind in ("*.ttf", "*.otf") for path in folder.rglob(kind)),
                   key=lambda path: path.name)  # fmt: skip
    if not fonts:
        parser.error(f"no .ttf or .otf in {' '.join(map(str, args.folders))}: name folders of fonts")
    args.output.mkdir(parents=True, exist_ok=True)
    for number in trange(args.count, unit=" pages", disable=None):
        page(number, fonts).save(args.output / f"page{number:04d}.png")
    for number in trange(args.small, unit=" pages of small text", disable=None):
        lr, hr = small_page(number, fonts)
        lr.save(args.output / f"small{number:04d}.lr.png")
        hr.save(args.output / f"small{number:04d}.png")
    print(f"wrote {args.count + args.small} pages into {args.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
