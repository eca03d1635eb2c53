"""The lock hierarchy: a thread may take only a lock of a higher rank than those it holds.

Without ranks out of order no cycle of waits can arise: Havender, "Avoiding deadlock in multitasking systems" (1968).
"""

from __future__ import annotations

import threading

from ..errors import LockOrderError

Ranked = tuple[str, int]  # a lock's name and rank


class _Held(threading.local):
    def __init__(self) -> None:
        self.locks: list[Ranked] = []


_held = _Held()


def check(name: str, rank: int | None) -> None:
    """Raise LockOrderError unless ``rank`` is above that of every lock that this thread holds. None: no check."""
    if rank is None:
        return
    for other, held in _held.locks:
        if held >= rank:
            raise LockOrderError(f"{name} has rank {rank} and this thread holds {other} of rank {held}: take it first")


def note(name: str, rank: int | None) -> list[Ranked]:
    """Note that this thread holds the lock, and return the thread's list of ranks for ``forget``."""
    if rank is not None:
        _held.locks.append((name, rank))
    return _held.locks


def forget(ranks: list[Ranked] | None, name: str, rank: int | None) -> None:
    """Note that the thread of ``ranks`` (None: nothing was noted) released the lock. Any thread may call it."""
    if rank is not None and ranks is not None and (name, rank) in ranks:
        ranks.remove((name, rank))
