"""The one switch between the twins: LIFEEVT_BACKEND=auto|native|reference, or a name per object."""

from __future__ import annotations

import os
from importlib import import_module
from typing import cast

from ..errors import BackendError
from .contract import Core

__all__ = ["backend", "load"]

VARIABLE = "LIFEEVT_BACKEND"
NATIVE, REFERENCE, AUTO = "native", "reference", "auto"
_MODULES = {NATIVE: "lifeevt._core", REFERENCE: "lifeevt._backends.reference"}


def load(name: str | None = None) -> Core:
    """Return the twin called ``name``; None asks the environment. Raises BackendError.

    ``auto`` takes the native twin and falls back only when the extension is absent: one that is
    there and does not load raises.
    """
    return cast(Core, import_module(_MODULES[resolve(name)]))


def resolve(name: str | None = None) -> str:
    """Return "native" or "reference" for ``name``; BackendError for anything else."""
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
            raise BackendError("the native twin is not built here; install with a C compiler") from None
        return False
    return True


backend = resolve()
