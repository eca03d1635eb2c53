# ruff: noqa: F405
"""The backend of this process: LIFEEVT_BACKEND=auto|native|reference, read once, at import.

Import the classes of a backend from here. Both backends have the same classes; the reference says what they promise,
and type checkers see it.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import BackendError

__all__ = [
    "FORM", "TRACED", "Account", "Bucket", "CoDel", "EventHeap", "Histogram", "LockEntry", "LockGuard", "ProcessorBase",
    "QueueBase", "RWLock", "Reactor", "ReflexTable", "StateBase", "StateCells", "Submitter", "TypeTable", "backend",
]  # fmt: skip

VARIABLE = "LIFEEVT_BACKEND"
NATIVE, REFERENCE, AUTO = "native", "reference", "auto"
_MODULES = {NATIVE: "lifeevt._core", REFERENCE: "lifeevt._backends.reference"}


def resolve(name: str | None = None) -> str:
    """Return "native" or "reference" for ``name``; None asks the environment.

    ``auto`` takes the native backend and falls back only when the extension is absent: one that is there and does not
    load raises.

    Raises:
        BackendError: the name is unknown, or the native backend is asked for and not built.
    """
    wanted = name or os.environ.get(VARIABLE) or AUTO
    if wanted not in (NATIVE, REFERENCE, AUTO):
        raise BackendError(f"unknown backend {wanted!r}; choose native, reference or auto")
    if wanted == REFERENCE or _native_is_here(required=wanted == NATIVE):
        return NATIVE if wanted == AUTO else wanted
    return REFERENCE


def _native_is_here(required: bool) -> bool:
    try:
        import_module(_MODULES[NATIVE])
    except ModuleNotFoundError as error:
        if error.name != _MODULES[NATIVE]:  # built, but broken: say so
            raise
        if required:
            raise BackendError("the native backend is not built here; install with a C compiler") from None
        return False
    return True


backend = resolve()

if TYPE_CHECKING:
    from .reference import *  # noqa: F403
else:
    _chosen = import_module(_MODULES[backend])
    globals().update({name: getattr(_chosen, name) for name in _chosen.__all__})
