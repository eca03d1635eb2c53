"""KeyOrder: the events of one key in order of arrival, of which only the first may leave the queue."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["KeyOrder"]

Member = TypeVar("Member")


class KeyOrder(Generic[Member]):
    """The members that wait, or run, under one key, by sequence, and the urgency of the most urgent one.

    Urgency is a key and a level, each the less the more urgent. Removing a member leaves its urgency in the heaps,
    until that comes first. One thread at a time. O(log n) a call, amortised.
    """

    __slots__ = ("_keys", "_levels", "members")

    def __init__(self) -> None:
        self.members: OrderedDict[int, Member] = OrderedDict()
        self._keys: list[tuple[int, int]] = []  # with the sequence; also of members that have left
        self._levels: list[tuple[int, int]] = []

    @property
    def head(self) -> Member:
        """The first; there must be one."""
        return next(iter(self.members.values()))

    @property
    def last(self) -> Member:
        """The last; there must be one."""
        return next(reversed(self.members.values()))

    def join(self, sequence: int, member: Member, key: int, level: int) -> None:
        """Append a member, or make one more urgent than before."""
        self.members[sequence] = member
        heapq.heappush(self._keys, (key, sequence))
        heapq.heappush(self._levels, (level, sequence))

    def leave(self, sequence: int) -> bool:
        """Remove a member; return whether it was the first."""
        was_first = next(iter(self.members)) == sequence
        del self.members[sequence]
        return was_first

    def urgency(self) -> tuple[int, int]:
        """Return the least key and the least level; there must be a member."""
        return self._least(self._keys), self._least(self._levels)

    def _least(self, heap: list[tuple[int, int]]) -> int:
        while heap[0][1] not in self.members:
            heapq.heappop(heap)
        return heap[0][0]
