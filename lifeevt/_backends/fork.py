"""What a fork does to locks: those that guard data are taken before it, and all are new in the child."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

__all__ = ["Forked", "Mutexed", "keep", "renew", "renew_locks"]

PATIENCE_SECONDS = 1.0


class Forked:
    """What a fork would break: its locks may be held by threads that the child does not have. Nothing here raises."""

    def _before_fork(self) -> None:
        """Take what guards data, so that the child sees no change half made. Waits for a few operations at most.

        What may be held for long is left alone, and is new in the child.
        """

    def _after_fork_in_parent(self) -> None:
        """Give it back."""

    def _after_fork_in_child(self) -> None:
        """Be free, but for what this thread holds: everybody else is gone."""


class Mutexed(Forked):
    """What one ``threading.Lock``, its ``_mutex``, guards."""

    _mutex: threading.Lock
    _held_for_fork = False

    def _before_fork(self) -> None:
        # A finalizer that forks while this thread is inside would wait for itself.
        self._held_for_fork = self._mutex.acquire(timeout=PATIENCE_SECONDS)

    def _after_fork_in_parent(self) -> None:
        if self._held_for_fork:
            self._mutex.release()

    def _after_fork_in_child(self) -> None:
        renew(self._mutex)


_kept: dict[int, tuple[int, weakref.ref[Forked]]] = {}  # by id: depth, and who
_renewed: dict[int, tuple[tuple[str, ...], weakref.ref[Any]]] = {}  # by id: names of locks, and whose
_one_at_a_time = threading.Lock()
_forking: list[Forked] = []


def keep(one: Forked, depth: int = 0) -> None:
    """Let a fork come to ``one`` as long as it lives. Thread-safe; O(1).

    Whose locks are taken while others are held has a greater ``depth``, and is taken after those.
    """
    number = id(one)
    _kept[number] = depth, weakref.ref(one, lambda gone: _forget(_kept, number, gone))


def renew_locks(owner: object, *names: str) -> None:
    """Have the locks of ``threading`` that ``owner`` keeps under these names free in the child. O(1)."""
    number = id(owner)
    _renewed[number] = names, weakref.ref(owner, lambda gone: _forget(_renewed, number, gone))


def renew(lock: Any) -> None:
    """Make a lock, or condition, of ``threading`` free, whoever held it: as the standard library does it."""
    lock._at_fork_reinit()


def _forget(entries: dict[int, Any], number: int, gone: weakref.ref[Any]) -> None:
    if number in entries and entries[number][1] is gone:  # else the number is another's by now
        del entries[number]


def _before() -> None:
    _one_at_a_time.acquire()
    for _, kept in sorted(list(_kept.values()), key=lambda entry: entry[0]):
        one = kept()
        if one is not None:
            one._before_fork()
            _forking.append(one)


def _in_parent() -> None:
    while _forking:
        _forking.pop()._after_fork_in_parent()
    _one_at_a_time.release()


def _in_child() -> None:
    renew(_one_at_a_time)
    for names, kept in list(_renewed.values()):
        owner = kept()
        if owner is not None:  # else it died on the way
            for name in names:
                renew(getattr(owner, name))
    while _forking:
        _forking.pop()._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
