"""Errors that are the user's to mend: one clear line, exit code 2, never a traceback."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["UserError", "did_you_mean"]


class UserError(Exception):
    """What was wrong, where, and what to do about it, in one line."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A question that names the known word closest to `word`; empty where none is close."""
    import difflib  # not at the top: every command imports this module

    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else ""
