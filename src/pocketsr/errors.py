"""Errors that the user can fix: one clear line, exit code 2, never a traceback."""

from __future__ import annotations

from collections.abc import Sequence

from pocketsr.names import harmless

__all__ = ["ArgumentError", "ArgumentTypeError", "FallbackWarning", "PocketsrWarning", "UserError", "did_you_mean"]


_MOST = 2000  # characters of a message


class UserError(Exception):
    """What was wrong, where, and what to do about it, in one line.

    Messages name files, nodes and metadata that others wrote: as text, an error is harmless to a terminal and to a log.
    """

    def __str__(self) -> str:
        return harmless(super().__str__(), _MOST)


class ArgumentError(UserError, ValueError):
    """An API argument has an invalid value."""


class ArgumentTypeError(UserError, TypeError):
    """An API argument has an unsupported type."""


class PocketsrWarning(UserWarning):
    """A non-fatal notice. The command line prints it as one line."""


class FallbackWarning(PocketsrWarning):
    """A network runs in ONNX Runtime or PyTorch and not in the engine; the message says which, and why."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A question that names the known word closest to `word`, in whatever case; empty where none is close."""
    import difflib  # not at the top: every command imports this module

    folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word.casefold(), folded, 1)
    return f"did you mean {folded[close[0]]}?" if close else ""
