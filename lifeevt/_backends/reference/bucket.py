"""Bucket, the reference: a limit to the rate of the events of a type or of a source."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from .numbers import int64
from .uncopyable import Uncopyable
from .watch import Watched

LATEST_NS = 2**63 - 1


class Bucket(Uncopyable):
    """A token bucket: ``most`` tokens, full at first; ``count`` come in each ``period_ns``. O(1); does not block.

    It keeps one whole number: the instant at which the bucket is full again, in units of 1/count ns. So nothing is
    rounded. This is the virtual scheduling form of the leaky bucket (ITU-T I.371).

    The mutex of ``heap`` guards the bucket. Without a heap, one thread at a time may use it. An instant is a whole
    number of 64 bits; TypeError, OverflowError.
    """

    def __init__(self, heap: Watched | None, count: int, period_ns: int, most: int) -> None:
        self._heap, self._count, self._period = heap, count, period_ns
        self._room = most * period_ns  # how far ahead of now that instant may lie
        self._guard: AbstractContextManager[object] = nullcontext() if heap is None else heap._mutex
        self._full_at: int | None = None  # None: always

    def admits(self, now_ns: int) -> bool:
        """Take a token if there is one; return whether there was."""
        with self._guard:
            return self._admits(int64(now_ns))

    def has_token(self, now_ns: int) -> bool:
        """Return whether ``admits`` would return True, and take no token."""
        with self._guard:
            return self._has_token(int64(now_ns))

    def ready_ns(self, now_ns: int) -> int:
        """Return the first instant from ``now_ns`` on at which there is a token, at most 2**63 - 1."""
        with self._guard:
            if self._full_at is None:
                return int64(now_ns)
            ready = -((self._room - self._full_at - self._period) // self._count)
            return min(max(int64(now_ns), ready), LATEST_NS)

    def is_full(self, now_ns: int) -> bool:
        """Return whether the bucket has all its tokens."""
        now = int64(now_ns) * self._count
        with self._guard:
            return self._full_at is None or self._full_at <= now

    def _admits(self, now_ns: int) -> bool:
        """Take a token, with the mutex held."""
        if not self._has_token(now_ns):
            return False
        now = now_ns * self._count
        self._full_at = self._period + (now if self._full_at is None else max(self._full_at, now))
        return True

    def _has_token(self, now_ns: int) -> bool:
        return self._full_at is None or self._full_at + self._period <= now_ns * self._count + self._room
