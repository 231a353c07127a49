"""What another runtime made before a fork stays alive in the child."""

from __future__ import annotations

import ctypes
import os
import weakref

__all__ = ["outlive_forks"]

_made: weakref.WeakSet[object] = weakref.WeakSet()


def outlive_forks(session: object) -> None:
    """Sees to it that no child of this process frees `session`.

    A session of ONNX Runtime (1.32) works on in a child, but when it is freed there it waits for ever for threads that
    only the parent has: a child that let its network go would hang. (One that ends by `sys.exit` hangs in ONNX Runtime
    still, even if it never touches the session; those of multiprocessing end by `os._exit`, and don't.)
    """
    _made.add(session)


def _keep() -> None:
    for session in list(_made):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep)
