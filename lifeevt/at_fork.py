"""What a fork does to locks: those that guard data are taken before it, and all are new in the child."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

__all__ = ["keep"]


class Forked(Protocol):
    """What a fork would break: its locks may be held by threads that the child does not have. Nothing here raises."""

    def _before_fork(self) -> None:
        """Take what guards data, so that the child sees no change half made. Waits for a few operations at most."""

    def _after_fork_in_parent(self) -> None:
        """Give it back."""

    def _after_fork_in_child(self) -> None:
        """Be free, but for what this thread holds: everybody else is gone."""


_kept: dict[int, weakref.ref[Forked]] = {}
_one_at_a_time = threading.Lock()
_forking: list[Forked] = []


def keep(one: Forked) -> None:
    """Let a fork come to ``one`` as long as it lives. Thread-safe; O(1)."""
    number = id(one)
    _kept[number] = weakref.ref(one, lambda gone: _forget(number, gone))


def _forget(number: int, gone: weakref.ref[Forked]) -> None:
    if _kept.get(number) is gone:  # else the number is another's by now
        del _kept[number]


def _before() -> None:
    _one_at_a_time.acquire()
    for kept in list(_kept.values()):
        one = kept()
        if one is not None:
            one._before_fork()
            _forking.append(one)


def _in_parent() -> None:
    while _forking:
        _forking.pop()._after_fork_in_parent()
    _one_at_a_time.release()


def _in_child() -> None:
    global _one_at_a_time
    _one_at_a_time = threading.Lock()
    while _forking:
        _forking.pop()._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
