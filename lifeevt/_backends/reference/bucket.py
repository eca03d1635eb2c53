"""Bucket, the reference: how many events of a type may come."""

from __future__ import annotations

from .numbers import Rooted, int64
from .watch import Watched

MOST, LONGEST_NS = 2**40, 10**18


class Bucket(Rooted):
    """A bucket of ``most`` tokens, full at first; ``count`` come in each ``period_ns``. Exact: nothing is rounded.

    It limits events of one heap, whose mutex guards it. Thread-safe; does not block. O(1).
    """

    def __init__(self, heap: Watched, count: int, period_ns: int, most: int) -> None:
        self._count, self._period = checked("count", count, MOST), checked("period_ns", period_ns, LONGEST_NS)
        self._room = checked("most", most, MOST) * self._period  # how far ahead of now that instant may lie
        if not isinstance(heap, Watched):
            raise TypeError(f"a bucket needs a heap, not a {type(heap).__name__}")
        self._heap = heap
        self._full_at: int | None = None  # the instant at which it is full again, in units of 1/count ns

    def admits(self, now_ns: int) -> bool:
        """Take a token if there is one; return whether there was."""
        now = int64(now_ns)
        with self._heap._mutex:
            return self._admits(now)

    def _admits(self, now_ns: int) -> bool:
        """The same, from inside."""
        now = now_ns * self._count
        if self._full_at is not None and self._full_at + self._period > now + self._room:
            return False
        self._full_at = self._period + (now if self._full_at is None else max(self._full_at, now))
        return True


def checked(name: str, value: int, most: int) -> int:
    number = int64(value)
    if not 1 <= number <= most:
        raise ValueError(f"{name} is {number}; it must lie in [1, {most}]")
    return number
