"""Bucket, the reference: how many events of a type, or of a source, may come."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from .numbers import Rooted, int64
from .watch import Watched

MOST, LONGEST_NS, LATEST_NS = 2**40, 10**18, 2**63 - 1


class Bucket(Rooted):
    """A token bucket: ``most`` tokens, full at first; ``count`` come in each ``period_ns``. O(1); does not block.

    It keeps one whole number: the instant at which the bucket is full again, in units of 1/count ns. So nothing is
    rounded. This is the virtual scheduling form of the leaky bucket (ITU-T I.371).

    The mutex of ``heap`` guards a bucket that limits the events of this heap. Without a heap, one thread at a time may
    use the bucket.
    """

    def __init__(self, heap: Watched | None, count: int, period_ns: int, most: int) -> None:
        self._count, self._period = checked("count", count, MOST), checked("period_ns", period_ns, LONGEST_NS)
        self._room = checked("most", most, MOST) * self._period  # how far ahead of now that instant may lie
        if heap is not None and not isinstance(heap, Watched):
            raise TypeError(f"a bucket needs a heap, not a {type(heap).__name__}")
        self._heap = heap
        self._guard: AbstractContextManager[object] = nullcontext() if heap is None else heap._mutex
        self._full_at: int | None = None  # None: full since ever

    def admits(self, now_ns: int) -> bool:
        """Take a token if there is one; return whether there was."""
        now = int64(now_ns)
        with self._guard:
            return self._admits(now)

    def has_token(self, now_ns: int) -> bool:
        """Return whether ``admits`` would, and take nothing."""
        now = int64(now_ns)
        with self._guard:
            return self._has_token(now)

    def ready_ns(self, now_ns: int) -> int:
        """Return the first instant, not before ``now_ns``, at which there is a token; 2**63 - 1 when it comes later."""
        now = int64(now_ns)
        with self._guard:
            if self._full_at is None:
                return now
            ready = -((self._room - self._full_at - self._period) // self._count)
            return min(max(now, ready), LATEST_NS)

    def is_full(self, now_ns: int) -> bool:
        """Return whether the bucket is as good as new."""
        now = int64(now_ns)
        with self._guard:
            return self._full_at is None or self._full_at <= now * self._count

    def _admits(self, now_ns: int) -> bool:
        """Take a token, with the mutex held."""
        if not self._has_token(now_ns):
            return False
        now = now_ns * self._count
        self._full_at = self._period + (now if self._full_at is None else max(self._full_at, now))
        return True

    def _has_token(self, now_ns: int) -> bool:
        return self._full_at is None or self._full_at + self._period <= now_ns * self._count + self._room


def checked(name: str, value: int, most: int) -> int:
    number = int64(value)
    if not 1 <= number <= most:
        raise ValueError(f"{name} is {number}; it must lie in [1, {most}]")
    return number
