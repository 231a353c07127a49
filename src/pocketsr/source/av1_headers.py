"""Headers of AV1's sequences and frames, up to the quantizer: sections 5.5 and 5.9 of its specification (version 1.0.0
with errata 1), in whose order they are read here.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SLOTS", "Bits", "Header", "Sequence", "ShownAgain", "frame_header", "sequence_header"]

_KEY, _INTER, _INTRA_ONLY, _SWITCH = range(4)  # frames
_CHOSEN = 2  # by each frame, where the sequence doesn't say
_ALL = 0xFF  # slots
SLOTS, _REFERENCES = 8, 7
_TILE_WIDTH, _TILE_AREA, _MOST_TILES = 4096, 4096 * 2304, 64


class Bits:
    """Raises ValueError behind the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def number(self, bits: int) -> int:
        self._left -= bits
        if self._left < 0:
            raise ValueError("the header ends too early")
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        return bool(self.number(1))

    def below(self, count: int) -> int:
        """ns(n) of section 4.10.7."""
        width = count.bit_length()
        short = (1 << width) - count
        found = self.number(width - 1)
        return found if found < short else (found << 1) - short + self.number(1)


@dataclass(frozen=True)
class Sequence:
    """What a sequence header says that frames' headers are read by, in the names of the specification."""

    reduced: bool
    presentation_bits: int  # 0: none in frames
    removal_bits: int
    points: tuple[tuple[int, bool], ...]  # operating points: idc, and whether a decoder model is present for it
    model: bool
    size_bits: tuple[int, int]
    size: tuple[int, int]
    delta_id_bits: int  # 0: frames have no ids
    id_bits: int
    superblock_128: bool
    reference_mvs: bool
    order_hint_bits: int
    screen_tools: int
    integer_mv: int
    superres: bool


@dataclass(frozen=True)
class Header:
    quantizer: int
    size: tuple[int, int]
    shown: bool
    refresh: int


@dataclass(frozen=True)
class ShownAgain:
    """A frame that is shown from a slot."""

    slot: int


def sequence_header(bits: Bits) -> Sequence:
    bits.number(3 + 1)  # profile, still picture
    reduced = bits.flag()
    model, delay_bits, presentation, removal = False, 0, 0, 0
    points: list[tuple[int, bool]] = [(0, False)]
    if reduced:
        bits.number(5)
    else:
        equal = False
        if bits.flag():  # timing
            bits.number(32 + 32)
            equal = bits.flag()
            if equal:
                _uvlc(bits)
            model = bits.flag()
            if model:
                delay_bits = bits.number(5) + 1
                bits.number(32)
                removal, presentation = bits.number(5) + 1, bits.number(5) + 1
        presentation = 0 if equal else presentation
        delayed = bits.flag()
        points = [_point(bits, delay_bits if model else 0, delayed) for _ in range(bits.number(5) + 1)]
    size_bits = bits.number(4) + 1, bits.number(4) + 1
    size = bits.number(size_bits[0]) + 1, bits.number(size_bits[1]) + 1
    delta_id, id_bits = 0, 0
    if not reduced and bits.flag():
        delta_id = bits.number(4) + 2
        id_bits = delta_id + bits.number(3) + 1
    large = bits.flag()
    bits.number(2)  # intra's filters
    reference_mvs, order, screen, integer = False, 0, _CHOSEN, _CHOSEN
    if not reduced:
        bits.number(4)
        ordered = bits.flag()
        if ordered:
            bits.number(1)
            reference_mvs = bits.flag()
        screen = _CHOSEN if bits.flag() else bits.number(1)
        if screen:
            integer = _CHOSEN if bits.flag() else bits.number(1)
        order = bits.number(3) + 1 if ordered else 0
    return Sequence(
        reduced, presentation, removal, tuple(points), model, size_bits, size, delta_id, id_bits, large, reference_mvs,
        order, screen, integer, bits.flag(),
    )  # fmt: skip


def _uvlc(bits: Bits) -> None:
    zeros = 0
    while not bits.flag():
        zeros += 1
    if zeros < 32:
        bits.number(zeros)


def _point(bits: Bits, delay_bits: int, delayed: bool) -> tuple[int, bool]:
    idc = bits.number(12)
    if bits.number(5) > 7:
        bits.number(1)
    modelled = bool(delay_bits) and bits.flag()
    if modelled:
        bits.number(2 * delay_bits + 1)
    if delayed and bits.flag():
        bits.number(4)
    return idc, modelled


def frame_header(bits: Bits, seq: Sequence, extension: int, sizes: list[tuple[int, int]]) -> Header | ShownAgain:
    kind, shown, resilient = _KEY, True, True
    if not seq.reduced:
        if bits.flag():
            return ShownAgain(bits.number(3))
        kind, shown = bits.number(2), bits.flag()
        if shown:
            bits.number(seq.presentation_bits)
        else:
            bits.number(1)
        resilient = kind == _SWITCH or (kind == _KEY and shown) or bits.flag()
    intra = kind in (_KEY, _INTRA_ONLY)
    fixed_cdf = bits.flag()
    tools = bits.number(1) if seq.screen_tools == _CHOSEN else seq.screen_tools
    whole_mv = bool(tools) and bool(bits.number(1) if seq.integer_mv == _CHOSEN else seq.integer_mv)
    bits.number(seq.id_bits)
    own_size = kind == _SWITCH or (not seq.reduced and bits.flag())
    bits.number(seq.order_hint_bits)
    if not (intra or resilient):
        bits.number(3)
    if seq.model and bits.flag():
        for idc, modelled in seq.points:
            ours = not idc or (idc >> (extension >> 5) & 1 and idc >> ((extension >> 3 & 3) + 8) & 1)
            bits.number(seq.removal_bits if modelled and ours else 0)
    refresh = _ALL if kind == _SWITCH or (kind == _KEY and shown) else bits.number(8)
    if (not intra or refresh != _ALL) and resilient:
        bits.number(SLOTS * seq.order_hint_bits)
    if intra:
        size, width = _frame_size(bits, seq, own_size)
        if tools and width == size[0]:
            bits.number(1)  # copies within the frame
    else:
        size, width = _predicted(bits, seq, own_size and not resilient, own_size, sizes)
        bits.number(0 if whole_mv else 1)
        if not bits.flag():
            bits.number(2)  # the interpolation filter
        bits.number(1)  # motion modes
        bits.number(0 if resilient or not seq.reference_mvs else 1)
    if not (seq.reduced or fixed_cdf):
        bits.number(1)
    _tiles(bits, seq, width, size[1])
    return Header(bits.number(8), size, shown, refresh)


def _predicted(
    bits: Bits, seq: Sequence, by_reference: bool, own_size: bool, sizes: list[tuple[int, int]]
) -> tuple[tuple[int, int], int]:  # fmt: skip
    """The size of a frame that has references, and its coded width."""
    short = bool(seq.order_hint_bits) and bits.flag()
    if short:
        bits.number(3 + 3)
    slots = []
    for _ in range(_REFERENCES):
        slots.append(0 if short else bits.number(3))
        bits.number(seq.delta_id_bits)
    if by_reference:
        for slot in slots:
            if bits.flag():
                if short:
                    raise ValueError("which frame has the size would have to be worked out")
                return sizes[slot], _coded_width(bits, seq, sizes[slot][0])
    return _frame_size(bits, seq, own_size)


def _frame_size(bits: Bits, seq: Sequence, own_size: bool) -> tuple[tuple[int, int], int]:
    """And the coded width."""
    size = (bits.number(seq.size_bits[0]) + 1, bits.number(seq.size_bits[1]) + 1) if own_size else seq.size
    width = _coded_width(bits, seq, size[0])
    if bits.flag():
        bits.number(16 + 16)  # the size that it is to be shown at
    return size, width


def _coded_width(bits: Bits, seq: Sequence, width: int) -> int:
    if not (seq.superres and bits.flag()):
        return width
    denominator = bits.number(3) + 9
    return (width * 8 + denominator // 2) // denominator


def _tiles(bits: Bits, seq: Sequence, width: int, height: int) -> None:
    log_block = 7 if seq.superblock_128 else 6
    columns, rows = (-(-side // (1 << log_block)) for side in (width, height))
    widest, area = _TILE_WIDTH >> log_block, _TILE_AREA >> 2 * log_block
    least_columns = _log2(widest, columns)
    least = max(least_columns, _log2(area, rows * columns))
    if bits.flag():
        log_columns = _grown(bits, least_columns, _log2(1, min(columns, _MOST_TILES)))
        log_rows = _grown(bits, max(least - log_columns, 0), _log2(1, min(rows, _MOST_TILES)))
    else:
        across = _uneven(bits, columns, widest)
        area = rows * columns >> (least + 1 if least else 0)
        log_columns = _log2(1, len(across))
        log_rows = _log2(1, len(_uneven(bits, rows, max(area // max(across), 1))))
    if log_columns or log_rows:
        bits.number(log_columns + log_rows + 2)


def _log2(block: int, target: int) -> int:
    """The smallest k for which block << k is at least the target."""
    k = 0
    while block << k < target:
        k += 1
    return k


def _grown(bits: Bits, least: int, most: int) -> int:
    while least < most and bits.flag():
        least += 1
    return least


def _uneven(bits: Bits, blocks: int, most: int) -> list[int]:
    """Sizes of tiles along a side."""
    found, left = [], blocks
    while left > 0:
        found.append(bits.below(min(left, most)) + 1)
        left -= found[-1]
    return found
