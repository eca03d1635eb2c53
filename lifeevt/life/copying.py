"""Copies: of a whole state object for the shadow mode, and of its attributes for readers in other threads."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["Apply", "WriteThroughDict", "WriteThroughList", "copy_with_new_locks", "plain_copy", "write_through_copy"]

Apply = Callable[[str, Callable[[Any], Any]], Any]  # (name, function): calls it on the attribute, in exclusive access
RLOCK, LOCK = type(threading.RLock()), type(threading.Lock())
ATOMS = frozenset({str, int, float, bool, complex, bytes, type(None)})
LIST_CHANGES = (
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "__setitem__", "__delitem__",
)  # fmt: skip
DICT_CHANGES = ("__setitem__", "__delitem__", "pop", "popitem", "clear", "update", "setdefault")


# --- whole objects


def copy_with_new_locks(self_state: Any) -> Any:
    """Return a deep copy with a new, free lock for every lock of the original. Call it in exclusive access. O(size).

    Raises:
        TypeError: a part cannot be copied; give ``run_loop`` a ``copy_state`` of your own.
    """
    memo: dict[int, Any] = {}
    _add_locks(self_state, memo, set())
    return copy.deepcopy(self_state, memo)


def _add_locks(value: Any, memo: dict[int, Any], seen: set[int]) -> None:
    """Put a new lock into the memo of deepcopy for every lock that can be reached from ``value``."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, RLOCK):
        memo[id(value)] = threading.RLock()
    elif isinstance(value, LOCK):
        memo[id(value)] = threading.Lock()
    else:
        for each in _parts(value):
            _add_locks(each, memo, seen)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    held = getattr(value, "__dict__", None)
    return list(held.values()) if isinstance(held, dict) and not isinstance(value, type) else ()


# --- values for readers


def plain_copy(value: Any, known: dict[int, Any] | None = None) -> Any:
    """Return a copy that shares no container and no object's attributes with ``value``. O(size).

    Subclasses of list and dict become lists and dicts; values that cannot be copied, such as locks, are shared.
    """
    if type(value) in ATOMS:
        return value
    known = {} if known is None else known
    if id(value) not in known:
        known[id(value)] = value  # while it is copied, for references back to it
        known[id(value)] = _copied(value, known)
    return known[id(value)]


def _copied(value: Any, known: dict[int, Any]) -> Any:
    if isinstance(value, list):
        return [plain_copy(each, known) for each in value]
    if isinstance(value, dict):
        return {name: plain_copy(each, known) for name, each in value.items()}
    if type(value) is tuple:
        return tuple(plain_copy(each, known) for each in value)
    return _copied_object(value, known)


def _copied_object(value: Any, known: dict[int, Any]) -> Any:
    try:
        made = copy.copy(value)
    except Exception:  # a user's class, or a lock, may raise anything
        return value
    held = getattr(made, "__dict__", None)
    if type(held) is dict and made is not value:
        for name, each in held.items():
            if type(each) not in ATOMS:
                held[name] = plain_copy(each, known)
    return made


# --- values that readers may change


class _WriteThrough:
    """Changes the object's own container, in exclusive access, then copies the new contents."""

    def __init__(self, apply: Apply, name: str, live: Any) -> None:
        super().__init__(plain_copy(live))  # type: ignore[call-arg]  # of list or dict
        self._apply, self._name = apply, name

    def is_copy_of(self, apply: Apply, name: str) -> bool:
        """Return whether it is a copy of this attribute of the object behind ``apply``."""
        return self._apply == apply and self._name == name

    def _change(self, method: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        def change(live: Any) -> Any:
            try:
                return plain_copy(getattr(live, method)(*args, **keywords))
            finally:
                self._show(live)

        return self._apply(self._name, change)

    def _show(self, live: Any) -> None:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """Return a method that list and dict lack, of the object's own class of container."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **keywords: self._change(name, args, keywords)


class WriteThroughList(_WriteThrough, list[Any]):
    """A copy of an object's list; its changing methods change the object's list, in exclusive access each."""

    def _show(self, live: Any) -> None:
        super().__setitem__(slice(None), plain_copy(live))

    def __iadd__(self, others: Any) -> Any:  # type: ignore[misc]  # the one of list wants an iterable
        self._change("extend", (others,), {})
        return self

    def __reduce__(self) -> Any:
        return list, (list(self),)


class WriteThroughDict(_WriteThrough, dict[Any, Any]):
    """A copy of an object's dict; its changing methods change the object's dict, in exclusive access each.

    Containers inside it are plain copies.
    """

    def _show(self, live: Any) -> None:
        super().clear()
        super().update(plain_copy(live))

    def __ior__(self, others: Any) -> Any:  # type: ignore[misc]  # the one of dict is overloaded
        self._change("update", (others,), {})
        return self

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def _forwarding(method: str) -> Callable[..., Any]:
    return lambda self, *args, **keywords: self._change(method, args, keywords)


for _class, _methods in ((WriteThroughList, LIST_CHANGES), (WriteThroughDict, DICT_CHANGES)):
    for _method in _methods:
        setattr(_class, _method, _forwarding(_method))


def write_through_copy(apply: Apply, name: str, value: Any) -> Any:
    """Return a copy of ``value``; changes of a list or dict reach the object's own one."""
    if isinstance(value, list):
        return WriteThroughList(apply, name, value)
    if isinstance(value, dict):
        return WriteThroughDict(apply, name, value)
    return plain_copy(value)
