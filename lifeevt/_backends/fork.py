"""Fork: locks that guard data are acquired before a fork, and all locks are new in the child."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

__all__ = ["Forked", "Mutexed", "keep", "renew", "renew_locks"]

PATIENCE_SECONDS = 1.0


class Forked:
    """An object with locks, which threads may hold that the child does not have. No hook raises."""

    def _before_fork(self) -> None:
        """Acquire the locks that guard data, so that the child sees no change half made. Waits for a few operations.

        A lock that may be held for long is not acquired, and is new in the child.
        """

    def _after_fork_in_parent(self) -> None:
        """Release the locks."""

    def _after_fork_in_child(self) -> None:
        """Renew the locks; those that this thread held stay held."""


class Mutexed(Forked):
    """An object whose data one ``threading.Lock`` guards, its ``_mutex``."""

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


_kept: dict[int, tuple[int, weakref.ref[Forked]]] = {}  # by id: depth and object
_renewed: dict[int, tuple[tuple[str, ...], weakref.ref[Any]]] = {}  # by id: names of locks, and their owner
_one_at_a_time = threading.Lock()
_forking: list[Forked] = []


def keep(one: Forked, depth: int = 0) -> None:
    """Call the hooks of ``one`` at each fork as long as it lives. Thread-safe; O(1).

    An object whose locks are taken under the locks of others has a greater ``depth``: it comes after them.
    """
    number = id(one)
    _kept[number] = depth, weakref.ref(one, lambda gone: _forget(_kept, number, gone))


def renew_locks(owner: object, *names: str) -> None:
    """Renew these locks of ``owner`` in the child of each fork. O(1)."""
    number = id(owner)
    _renewed[number] = names, weakref.ref(owner, lambda gone: _forget(_renewed, number, gone))


def renew(lock: Any) -> None:
    """Free a lock or condition of ``threading`` from any holder, as the standard library does."""
    lock._at_fork_reinit()


def _forget(entries: dict[int, Any], number: int, gone: weakref.ref[Any]) -> None:
    if number in entries and entries[number][1] is gone:  # else a new object has the number
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
        if owner is not None:  # else it has died
            for name in names:
                renew(getattr(owner, name))
    while _forking:
        _forking.pop()._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
