"""publish: gives the names in a package's ``__all__`` their public path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType

__all__ = ["publish"]


def publish(package: str, *modules: str) -> Callable[[], list[str]]:
    """Set ``__module__`` of the classes and functions in the package's ``__all__``; return its ``__dir__``.

    It is the package, or ``lifeevt`` for the names that ``lifeevt`` itself lists and loads at their first use.
    Reprs and pickles then name ``lifeevt.locks.FairLock``, and stay valid when the class moves to another file. The
    price: ``inspect.getsource`` and ``typing.get_type_hints`` search ``__init__.py``, and fail. ``__dir__`` lists the
    public names, the given public modules and the special names.
    """
    namespace = vars(sys.modules[package])
    root = sys.modules["lifeevt"].__all__
    for name in namespace["__all__"]:
        if isinstance(namespace.get(name), (type, FunctionType)):
            namespace[name].__module__ = "lifeevt" if name in root else package
    shown = [*namespace["__all__"], *modules, *(name for name in namespace if name.startswith("__"))]
    return lambda: shown
