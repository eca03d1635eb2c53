"""Fronted: a class whose hot calls its twin answers, with the class itself as the specification behind."""

from __future__ import annotations

from functools import cache
from types import new_class
from typing import Any

from .. import _backends

__all__ = ["Fronted"]


class Fronted:
    """Makes objects over their twin's front, named by the public class in ``_FRONT``.

    A front answers what it can answer quickly and leaves the rest to the class behind it. The reference
    twin's fronts answer nothing.
    """

    _FRONT: str

    def __new__(cls, *_: object, **__: object) -> Any:
        front: Any = getattr(_backends, cls._FRONT)
        given: Any = cls
        made = _behind(given, front)
        maker: Any = front if issubclass(made, front) else object
        return maker.__new__(made)


class _Unannounced:
    """Keeps a user's ``__init_subclass__`` from hearing of a class that the user did not write."""

    def __init_subclass__(cls) -> None:
        """Say nothing to the classes behind."""


@cache
def _behind(cls: type, front: type) -> type:
    """Return ``cls`` with the twin's front in it: behind what a user overrides, before our own class.

    A class with slots of its own has no room for a front, and does without.
    """
    if issubclass(cls, front):
        return cls
    ours = next(each for each in cls.__mro__ if "_FRONT" in vars(each))
    bases: tuple[type, ...] = (front, cls) if cls is ours else (_Unannounced, cls, _behind(ours, front))
    looks = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    try:
        return new_class(cls.__name__, bases, exec_body=lambda namespace: namespace.update(looks))
    except TypeError:
        return cls
