"""Batches: which events of one handler are given to it together, by size and by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ._contract import MAX_LEVELS
from .clock import NS_PER_SECOND

__all__ = ["Batch", "BatchPolicy"]

LARGEST = 65_536
Item = TypeVar("Item")


@dataclass(frozen=True)
class BatchPolicy:
    """Up to ``size`` events at once; an incomplete batch is given ``window_seconds`` after its first event came.

    With a window of 0 a batch is what waits at the moment. ValueError unless size lies in [1, 65536] and the
    window in [0, 1e6] seconds.
    """

    size: int
    window_seconds: float = 0.0

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 1 <= self.size <= LARGEST:
            raise ValueError(f"the size of a batch is {self.size!r}; it must be a whole number from 1 to {LARGEST}")
        if not 0.0 <= self.window_seconds <= 1e6:
            raise ValueError(f"window_seconds is {self.window_seconds!r}; it must lie in [0, 1e6]")

    @property
    def window_ns(self) -> int:
        """The window in nanoseconds."""
        return round(self.window_seconds * NS_PER_SECOND)


class Batch(Generic[Item]):
    """Events that wait to be given to their handler together, in the order in which they left the queue.

    A batch stands where its most urgent event would: at the least level and the least key in it. It never holds
    up what is more urgent, since it is given only when nothing of a more important level, and nothing with a
    smaller key, can be taken instead; and it never waits longer than its window, nor past the key, the virtual
    deadline, of any event in it. The time is the caller's. One thread at a time. O(1), ``take`` O(k).
    """

    def __init__(self, policy: BatchPolicy) -> None:
        self._policy = policy
        self._items: list[Item] = []
        self._began_ns = 0
        self._key_ns: int | None = None
        self._level = MAX_LEVELS

    def __len__(self) -> int:
        """Return how many events it holds."""
        return len(self._items)

    @property
    def level(self) -> int:
        """The most important level in it; 16 when it is empty."""
        return self._level

    def add(self, item: Item, key_ns: int, level: int, now_ns: int) -> None:
        """Put in an event that left the queue at ``now_ns``. ValueError when it is full."""
        if len(self._items) >= self._policy.size:
            raise ValueError(f"the batch holds its {self._policy.size} events already")
        if not self._items:
            self._began_ns = now_ns
        self._items.append(item)
        self._key_ns = key_ns if self._key_ns is None else min(self._key_ns, key_ns)
        self._level = min(self._level, level)

    def due_ns(self) -> int | None:
        """Return when it must be given at the latest; None when it is empty."""
        if self._key_ns is None:
            return None
        if len(self._items) >= self._policy.size:
            return self._began_ns
        return max(min(self._began_ns + self._policy.window_ns, self._key_ns), self._began_ns)

    def is_due(self, now_ns: int, most: int = LARGEST) -> bool:
        """Return whether it shall be given now; ``most`` events are allowed at once at present."""
        due_ns = self.due_ns()
        return due_ns is not None and (now_ns >= due_ns or len(self._items) >= most)

    def goes_before(self, key_ns: int, level: int) -> bool:
        """Return whether it is given before an event of that level and key that could be taken now."""
        return self._key_ns is not None and (self._level, self._key_ns) <= (level, key_ns)

    def take(self) -> list[Item]:
        """Take everything out, in order."""
        taken, self._items = self._items, []
        self._key_ns, self._level = None, MAX_LEVELS
        return taken
