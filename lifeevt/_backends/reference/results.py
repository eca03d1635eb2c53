"""Results, the reference: a ring of records."""

from __future__ import annotations

from collections import deque

from ..contract import Record


class Results:
    """What became of the last ``capacity`` events, until it is taken. Its owner's mutex guards it."""

    def __init__(self, capacity: int) -> None:
        self._records: deque[Record] = deque()
        self._capacity = capacity
        self.overwritten = 0

    def __len__(self) -> int:
        return len(self._records)

    def put(self, record: Record) -> Record | None:
        """Keep a record; return the oldest if that was overwritten. Its payload may die only outside the mutex."""
        overwritten = None
        if len(self._records) == self._capacity:
            overwritten = self._records.popleft()
            self.overwritten += 1
        self._records.append(record)
        return overwritten

    def take(self, limit: int | None) -> list[Record]:
        """Take up to ``limit`` records (None: all), oldest first."""
        waiting = len(self._records)
        count = waiting if limit is None else min(max(limit, 0), waiting)
        return [self._records.popleft() for _ in range(count)]
