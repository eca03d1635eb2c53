"""Lines: events of one key in the order of their coming, of which only the first may leave the queue."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Line"]

Member = TypeVar("Member")


class Line(Generic[Member]):
    """Who waits, or runs, under one key, by sequence; and how urgent the most urgent of them is. One thread at a time.

    Urgency is a key and a level, each the less the more urgent. O(log n) a call, amortised.
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
        """Put somebody at the end, or let a member be more urgent than before."""
        self.members[sequence] = member
        heapq.heappush(self._keys, (key, sequence))
        heapq.heappush(self._levels, (level, sequence))

    def leave(self, sequence: int) -> bool:
        """Take out a member; whether it was the first."""
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
