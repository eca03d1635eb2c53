"""Batches: which events of one handler are given to it together, by size and by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .._backends.contract import MAX_LEVELS
from ..clock import NS_PER_SECOND
from ..scheduler import LARGEST_BATCH

__all__ = ["NEVER", "Batch", "BatchPolicy"]

NEVER = 2**63 - 1
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
        if type(self.size) is not int or not 1 <= self.size <= LARGEST_BATCH:
            raise ValueError(f"the size of a batch is {self.size!r}; it must be whole, from 1 to {LARGEST_BATCH}")
        if not 0.0 <= self.window_seconds <= 1e6:
            raise ValueError(f"window_seconds is {self.window_seconds!r}; it must lie in [0, 1e6]")

    @property
    def window_ns(self) -> int:
        """The window in nanoseconds."""
        return round(self.window_seconds * NS_PER_SECOND)


class Batch(Generic[Item]):
    """Events that wait to be given to their handler together, in the order in which they left the queue.

    A batch stands where its most urgent event would: at the least sum of key and offset of the level. It waits no
    longer than its window, nor past the key, the virtual deadline, of any event in it; it leaves ``service_ns``, what
    its last events took, before that. The time is the caller's. One thread at a time. O(levels), ``take`` O(k).
    """

    def __init__(self, policy: BatchPolicy) -> None:
        self._size, self._window_ns = policy.size, policy.window_ns
        self._items: list[Item] = []
        self._keys: dict[int, int] = {}  # the least of each level
        self._began_ns = self._closes_ns = self._least_ns = NEVER
        self.service_ns = 0

    def __len__(self) -> int:
        """Return how many events it holds."""
        return len(self._items)

    @property
    def level(self) -> int:
        """The most important level in it; 16 when it is empty."""
        return min(self._keys, default=MAX_LEVELS)

    def add(self, item: Item, key_ns: int, level: int, now_ns: int) -> None:
        """Put in an event that left the queue at ``now_ns``. ValueError when it is full."""
        if len(self._items) >= self._size:
            raise ValueError(f"the batch holds its {self._size} events already")
        if not self._items:
            self._began_ns, self._closes_ns, self._least_ns = now_ns, now_ns + self._window_ns, key_ns
        elif key_ns < self._least_ns:
            self._least_ns = key_ns
        self._items.append(item)
        if key_ns < self._keys.get(level, NEVER + 1):
            self._keys[level] = key_ns

    def is_full(self, most: int = LARGEST_BATCH) -> bool:
        """Return whether it holds as many as it may; ``most`` are allowed at present, and one always is."""
        count = len(self._items)
        return count >= self._size or (count >= most and count > 0)

    def due_ns(self, most: int = LARGEST_BATCH) -> int:
        """Return when it must be given at the latest; the end of all time when it is empty."""
        if not self._items:
            return NEVER
        if self.is_full(most):
            return self._began_ns
        return max(min(self._closes_ns, self._least_ns - self.service_ns), self._began_ns)

    def place(self, offsets_ns: Sequence[int]) -> int:
        """Return where it stands when each level stands by its offset behind its keys; behind all when it is empty."""
        return min((key + offsets_ns[level] for level, key in self._keys.items()), default=NEVER)

    def take(self) -> list[Item]:
        """Take everything out, in order."""
        taken, self._items, self._keys = self._items, [], {}
        return taken
