"""C for the inner loops over rows of words: a weight at a time, by lanes of four weights, by products of matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.codegen.emit_dot import LANES

__all__ = ["by_lanes", "by_matrices", "even", "one_by_one", "words_by_pairs"]


def even(count: int) -> int:
    """`count`, or one more."""
    return count + count % 2


def one_by_one(total: int, count: int, vectors: int) -> list[str]:
    """The inner loop over `total` rows of words: a weight at a time."""
    return [
        f"        for (int i = 0; i < {total}; i++, w += {count} * PARTS) {{",
        f"            bytes at[{vectors}];",
        f"            UNROLL for (int v = 0; v < {vectors}; v++)",
        "                at[v] = spread(load_words(plane[i] + x + v * VL));",
        f"            UNROLL for (int j = 0; j < {count}; j++)",
        f"                UNROLL for (int v = 0; v < {vectors}; v++)",
        "                    sum[j][v] = dot4(sum[j][v], at[v], w + j * PARTS);",
        "        }",
    ]


def by_lanes(total: int, count: int, vectors: int) -> list[str]:
    """The same by vectors of four weights, one lane after the other (`arm.h`), in an order for cores that keep it: what
    the next row needs is loaded where this row's was used for the last time."""
    ks = range(0, count, LANES)
    lines = [
        "#ifdef BY_LANES",
        f"        vi {', '.join(f'k{first}' for first in ks)}, at[{vectors}];",
        *[f"        FETCH(at[{v}], plane[0] + x, {v * LANES});" for v in range(vectors)],
        *[f"        FETCH(k{first}, w, {first});" for first in ks],
        f"        for (int i = 0; i < {total}; i++, w += {count} * PARTS) {{",
        f"            const float *const next = plane[i + (i + 1 < {total})] + x;",
    ]
    for v in range(vectors):
        lines.append(f"            SIGNED(at[{v}]);")
        for j in range(count):
            first = j - j % LANES
            lines.append(f"            DOT4(sum[{j}][{v}], at[{v}], k{first}, {j % LANES});")
            if v == vectors - 1 and (j % LANES == LANES - 1 or j == count - 1):
                lines.append(f"            FETCH(k{first}, w, {count + first});")
        lines.append(f"            FETCH(at[{v}], next, {v * LANES});")
    return [*lines, "        }", "#else", *one_by_one(total, count, vectors), "#endif"]


def words_by_pairs(dense: NDArray[np.int64]) -> NDArray[np.int64]:
    """Weights as products of matrices take them: lines of two channels by two rows of words, a word each.

    dense: channel, word, place in the word, row, column. Where channels or rows are odd, zeros come last. Returns pairs
    of rows, then of channels; 4 words; 4 places.
    """
    rows = dense.transpose(1, 3, 4, 0, 2).reshape(-1, len(dense), dense.shape[2])
    total, count, places = rows.shape
    whole = np.zeros((even(total), even(count), places), rows.dtype)
    whole[:total, :count] = rows
    pairs = whole.reshape(even(total) // 2, 2, even(count) // 2, 2, places)
    return pairs.transpose(0, 2, 3, 1, 4).reshape(-1, 4, places)


def by_matrices(total: int, count: int, vectors: int) -> list[str]:
    """The same by products of matrices (`matrices.h`): two pixels by two channels, over two rows of words at once."""
    half = even(count) // 2
    return [
        f"        vi m[{half}][{vectors}][2] = {{{{{{{{0}}}}}}}};",
        f"        for (int i = 0; i < {total}; i += 2, w += {4 * half}) {{",
        f"            const float *const one = plane[i] + x, *const two = plane[i + (i + 1 < {total})] + x;",
        f"            vi low[{vectors}], high[{vectors}];",
        f"            UNROLL for (int v = 0; v < {vectors}; v++) {{",
        "                const vi a = load_words(one + v * VL), b = load_words(two + v * VL);",
        "                low[v] = low_pairs(a, b);",
        "                high[v] = high_pairs(a, b);",
        "            }",
        f"            UNROLL for (int j = 0; j < {half}; j++) {{",
        "                const vi k = load_words((const float *)(const void *)(w + 4 * j));",
        f"                UNROLL for (int v = 0; v < {vectors}; v++) {{",
        "                    m[j][v][0] = matrix(m[j][v][0], low[v], k);",
        "                    m[j][v][1] = matrix(m[j][v][1], high[v], k);",
        "                }",
        "            }",
        "        }",
        f"        UNROLL for (int j = 0; j < {count}; j++)",
        f"            UNROLL for (int v = 0; v < {vectors}; v++)",
        "                sum[j][v] += lanes_of(m[j / 2][v][0], m[j / 2][v][1], j % 2);",
    ]
