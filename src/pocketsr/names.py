"""Text from outside on its way into C, a terminal, a log or a table: names of nodes, files and tensors, metadata.

Whoever wrote a file chose its names, and a name can hold the end of a comment, a terminal's escape sequence, a line
break, letters that run backwards, or a megabyte. What goes on passes here: what is harmless stays, the rest is
written out or left out, and no name is long.
"""

from __future__ import annotations

import re

__all__ = ["API", "API_TOLD", "comment", "harmless", "identifier"]

_GAP = " ... "

API = ("scratch", "bands", "u8", "u16", "f32", "u8_part", "u16_part", "f32_part", "changes", "wanted")
"""What is called from outside of a network's C: NAME_scratch and so on. No other name in the C ends in one of these."""
API_TOLD = ("u8_at", "u16_at", "f32_at")
"""What a network has beside them that is told a strength."""


def harmless(text: object, most: int = 100) -> str:
    """`text` in one line of printable characters, about `most` of them: what is longer loses its middle.

    Others are written as Python writes them (\\x1b, \\u202e): control characters, line ends, what turns the direction
    of writing or isn't seen at all, halves of a character that no encoding takes.
    """
    whole = str(text)
    if len(whole) > most:
        whole = f"{whole[: most * 2 // 3]}{_GAP}{whole[len(whole) - most // 3 :]}"
    if whole.isprintable():
        return whole
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole)


def comment(text: object, most: int = 100) -> str:
    """`text` for a comment in C, and in messages about it: ASCII without what ends a comment, or begins one, a line's
    last backslash or a trigraph. Each other character is an underscore."""
    return re.sub(r"[^A-Za-z0-9 _.,:;/()\[\]<>=+'-]", "_", harmless(text, most))


def identifier(text: object, most: int = 60) -> str:
    """`text` as (part of) an identifier in C: ASCII letters, digits, underscores; what doesn't begin with a letter gets
    `net_` in front."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", str(text)[:most]) or "net"
    return found if found[:1].isalpha() else f"net_{found}"[:most]
