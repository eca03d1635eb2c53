"""Copies of what a wrapped object holds: some that only show, some whose changes reach the object."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Owner", "WriteThroughDict", "WriteThroughList", "detached", "written_through"]

PLAIN = frozenset({str, int, float, bool, complex, bytes, type(None)})
LIST_CHANGES = (
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "__setitem__", "__delitem__",
)  # fmt: skip
DICT_CHANGES = ("__setitem__", "__delitem__", "pop", "popitem", "clear", "update", "setdefault")


def detached(value: Any, known: dict[int, Any] | None = None) -> Any:
    """Return a copy that shares no container and no object's attributes with ``value``. O(size).

    Subclasses of list and dict become lists and dicts; what cannot be copied, such as a lock, is shared.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    known = {} if known is None else known
    if id(value) not in known:
        known[id(value)] = value  # until it is copied: a circle ends here
        known[id(value)] = _copied(value, known)
    return known[id(value)]


def _copied(value: Any, known: dict[int, Any]) -> Any:
    if isinstance(value, list):
        return [detached(each, known) for each in value]
    if isinstance(value, dict):
        return {name: detached(each, known) for name, each in value.items()}
    if type(value) is tuple:
        return tuple(detached(each, known) for each in value)
    return _copied_object(value, known)


def _copied_object(value: Any, known: dict[int, Any]) -> Any:
    try:
        made = copy.copy(value)
    except Exception:  # whatever a user's class, or a lock, says to that
        return value
    held = getattr(made, "__dict__", None)
    if type(held) is dict and made is not value:
        for name, each in held.items():
            if type(each) not in PLAIN:
                held[name] = detached(each, known)
    return made


class Owner(Protocol):
    """Whoever lets one thread at a time at an object."""

    def on_attribute(self, name: str, change: Callable[[Any], Any]) -> Any:
        """Call ``change`` with an attribute's own value while nobody else has the object."""


class _WritesThrough:
    """What both kinds share: whose they are, and how a change is made to the object first."""

    _owner: Owner
    _name: str

    def belongs_to(self, owner: Owner, name: str) -> bool:
        """Return whether it shows this attribute of that owner."""
        return self._owner is owner and self._name == name

    def _change(self, method: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        def change(live: Any) -> Any:
            try:
                return detached(getattr(live, method)(*given, **named))
            finally:
                self._show(live)

        return self._owner.on_attribute(self._name, change)

    def _show(self, live: Any) -> None:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """A method that the object's own kind of container has, and ours has not."""
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*given: Any, **named: Any) -> Any:
            return self._change(name, given, named)

        return call


class WriteThroughList(_WritesThrough, list[Any]):
    """A copy of a list, as it was when it was read; what changes it changes the object's list, in a turn."""

    def __init__(self, owner: Owner, name: str, live: list[Any]) -> None:
        super().__init__(detached(live))
        self._owner, self._name = owner, name

    def _show(self, live: Any) -> None:
        super().__setitem__(slice(None), detached(live))

    def __iadd__(self, others: Any) -> Any:  # type: ignore[misc]  # the one of list wants an iterable
        self._change("extend", (others,), {})
        return self

    def __reduce__(self) -> Any:
        return list, (list(self),)


class WriteThroughDict(_WritesThrough, dict[Any, Any]):
    """A copy of a dict, as it was when it was read; what changes it changes the object's dict, in a turn.

    What lies deeper is a copy and no more.
    """

    def __init__(self, owner: Owner, name: str, live: dict[Any, Any]) -> None:
        super().__init__(detached(live))
        self._owner, self._name = owner, name

    def _show(self, live: Any) -> None:
        super().clear()
        super().update(detached(live))

    def __ior__(self, others: Any) -> Any:  # type: ignore[misc]  # the one of dict is overloaded
        self._change("update", (others,), {})
        return self

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def _passing(method: str) -> Callable[..., Any]:
    def change(self: _WritesThrough, *given: Any, **named: Any) -> Any:
        return self._change(method, given, named)

    change.__name__ = method
    return change


for _kind, _methods in ((WriteThroughList, LIST_CHANGES), (WriteThroughDict, DICT_CHANGES)):
    for _method in _methods:
        setattr(_kind, _method, _passing(_method))


def written_through(owner: Owner, name: str, value: Any) -> Any:
    """Return ``value`` as a reader may have it, with changes of a list or a dict reaching the object."""
    if isinstance(value, list):
        return WriteThroughList(owner, name, value)
    if isinstance(value, dict):
        return WriteThroughDict(owner, name, value)
    return detached(value)
