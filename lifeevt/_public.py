"""Give the names that a package publishes their public paths."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType

__all__ = ["publish"]


def publish(package: str, *modules: str) -> Callable[[], list[str]]:
    """Set ``__module__`` of what ``__all__`` of a package lists to the package, and return its ``__dir__``.

    Reprs and pickles then name ``lifeevt.locks.FairLock``, and stay valid when the class moves to another file. In
    return, ``inspect.getsource`` and ``typing.get_type_hints`` look for a class in ``__init__.py``, and miss it.
    ``__dir__`` lists the public names, the given public modules and the special names.
    """
    namespace = vars(sys.modules[package])
    for name in namespace["__all__"]:
        if isinstance(namespace[name], (type, FunctionType)):
            namespace[name].__module__ = package
    shown = [*namespace["__all__"], *modules, *(name for name in namespace if name.startswith("__"))]
    return lambda: shown
