"""Errors that are the user's to mend: one clear line, exit code 2, never a traceback."""

from __future__ import annotations

__all__ = ["UserError"]


class UserError(Exception):
    """What was wrong, where, and what to do about it, in one line."""
