"""Errors that are the user's to mend: one clear line, exit code 2, never a traceback."""

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
    """An argument of the API has a value that isn't taken."""


class ArgumentTypeError(UserError, TypeError):
    """An argument of the API is of a type that isn't taken."""


class PocketsrWarning(UserWarning):
    """Something worth knowing that stops nothing. The command line prints it as one line."""


class FallbackWarning(PocketsrWarning):
    """A network doesn't run in the engine but in ONNX Runtime or PyTorch; the message says which, and why."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A question that names the known word closest to `word`; empty where none is close."""
    import difflib  # not at the top: every command imports this module

    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else ""
