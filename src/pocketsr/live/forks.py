"""Locks that a child of this process finds free: a thread that held one at the fork stayed with the parent."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["renew_in_children"]


class _Renewable(Protocol):
    def renew(self) -> None:
        """Take new locks, and forget the threads of the parent."""
        ...


_made: weakref.WeakSet[_Renewable] = weakref.WeakSet()


def renew_in_children(thing: _Renewable) -> None:
    """Sees to it that `thing.renew()` is called in each child of this process, before anything else runs there."""
    _made.add(thing)


def _renew() -> None:
    for thing in list(_made):
        thing.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
