"""A private copy of a whole being: locks made anew, everything else copied."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["copied_being"]

RLOCK, LOCK = type(threading.RLock()), type(threading.Lock())


def copied_being(being: Any) -> Any:
    """Return a deep copy, with free locks where the being has locks. For whoever has it to itself. O(size).

    TypeError, or what the being's own copying raises, for what cannot be copied: give ``copy_state`` then.
    """
    memo: dict[int, Any] = {}
    _note_locks(being, memo, set())
    return copy.deepcopy(being, memo)


def _note_locks(value: Any, memo: dict[int, Any], seen: set[int]) -> None:
    """Put a new lock into the memo of deepcopy for every one that can be reached."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, RLOCK):
        memo[id(value)] = threading.RLock()
    elif isinstance(value, LOCK):
        memo[id(value)] = threading.Lock()
    else:
        for each in _parts(value):
            _note_locks(each, memo, seen)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    held = getattr(value, "__dict__", None)
    return list(held.values()) if isinstance(held, dict) and not isinstance(value, type) else ()
