"""Rate limits: how many events of a type, or of one source, may come in a time; exact, on the given clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from .._backends import fork
from ..clock import NS_PER_SECOND

__all__ = ["RateLimit", "RateLimiter", "TokenBucket"]

_HIGHEST = 2**40
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class RateLimit:
    """``count`` events in any ``seconds``, up to ``burst`` of them at once (``count`` when None).

    ValueError unless count and burst lie in [1, 2**40] and seconds in (0, 1e9].
    """

    count: int
    seconds: float = 1.0
    burst: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("count", self.count), ("burst", self.most)):
            if type(value) is not int or not 1 <= value <= _HIGHEST:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from 1 to 2**40")
        if not 0.0 < self.seconds <= 1e9 or not self.period_ns:
            raise ValueError(f"seconds is {self.seconds!r}; it must lie in (0, 1e9] and be at least 1 ns")

    @property
    def most(self) -> int:
        """How many may come at once."""
        return self.count if self.burst is None else self.burst

    @property
    def period_ns(self) -> int:
        """The time in which ``count`` tokens come."""
        return round(self.seconds * NS_PER_SECOND)


class TokenBucket:
    """A bucket of ``limit.most`` tokens, full at first; ``limit.count`` come in each ``limit.seconds``.

    Kept as one whole number, the instant at which the bucket is full again, in units of 1/count ns: so nothing is
    ever rounded. (The virtual scheduling form of the leaky bucket, ITU-T I.371.) One thread at a time. O(1).
    """

    __slots__ = ("_count", "_full_at", "_period", "_room")

    def __init__(self, limit: RateLimit) -> None:
        self._count, self._period = limit.count, limit.period_ns
        self._room = limit.most * limit.period_ns  # how far ahead of now that instant may lie
        self._full_at: int | None = None

    def admits(self, now_ns: int) -> bool:
        """Take a token if there is one; return whether there was."""
        if not self.has_token(now_ns):
            return False
        now = now_ns * self._count
        self._full_at = self._period + (now if self._full_at is None else max(self._full_at, now))
        return True

    def has_token(self, now_ns: int) -> bool:
        """Return whether :meth:`admits` would, and take nothing."""
        return self._full_at is None or self._full_at + self._period <= now_ns * self._count + self._room

    def ready_ns(self, now_ns: int) -> int:
        """Return the first instant, not before ``now_ns``, at which there is a token."""
        if self._full_at is None:
            return now_ns
        return max(now_ns, -((self._room - self._full_at - self._period) // self._count))

    def is_full(self, now_ns: int) -> bool:
        """Return whether it is as good as new."""
        return self._full_at is None or self._full_at <= now_ns * self._count


class Bucket(Protocol):
    """What the events of a type draw from."""

    def admits(self, now_ns: int) -> bool: ...


class RateLimiter:
    """Limits each type, or family, and each source of it. Thread-safe; does not block; O(1).

    At most ``room`` sources are told apart at a time: those whose bucket is full again are forgotten, which
    changes nothing; when all are in use, the sources that come then share one bucket a type. ``make(count, period_ns,
    most)`` makes the buckets of the types, for those who draw from them elsewhere, too; None: TokenBuckets.
    """

    def __init__(self, room: int = 4096, make: Callable[[int, int, int], Bucket] | None = None) -> None:
        if room < 1:
            raise ValueError(f"room is {room}; it must be at least 1")
        self._room, self._refused, self._make = room, 0, make
        self._mutex = threading.Lock()
        fork.renew_locks(self, "_mutex")
        self._of_types: dict[str, list[tuple[RateLimit, Bucket]]] = {}  # the newest first, and the one before
        self._of_sources: dict[tuple[str, str | None], tuple[RateLimit, TokenBucket]] = {}
        self._shared: dict[str, tuple[RateLimit, TokenBucket]] = {}
        self._sweep_at_ns: int | None = None

    def admits(
        self, name: str, source: str | None, now_ns: int, limit: RateLimit | None, source_limit: RateLimit | None
    ) -> bool:
        """Return whether an event of the type ``name`` from ``source`` may come now, and count it if so.

        Either limit may be None. An event that one of them refuses takes no token of the other. A limit
        that differs from the one before starts with a full bucket.
        """
        if limit is None and source_limit is None:
            return True
        with self._mutex:
            own = None if source_limit is None else self._of_source(name, source, source_limit, now_ns)
            comes = own is None or own.has_token(now_ns)
            if comes and limit is not None:
                comes = self._of_type(name, limit).admits(now_ns)
            if comes and own is not None:
                own.admits(now_ns)
            self._refused += not comes
            return comes

    def of_type(self, name: str, limit: RateLimit) -> Bucket:
        """Return the bucket that events of the type ``name`` draw from under this limit."""
        with self._mutex:
            return self._of_type(name, limit)

    @property
    def refused(self) -> int:
        """How many events it refused."""
        return self._refused

    def __len__(self) -> int:
        """Return how many sources are told apart now."""
        return len(self._of_sources)

    def _of_type(self, name: str, limit: RateLimit) -> Bucket:
        known = self._of_types.setdefault(name, [])
        for each, bucket in known:  # also the one before: who looked at the type just now may still ask by that
            if each == limit:
                return bucket
        made = TokenBucket(limit) if self._make is None else self._make(limit.count, limit.period_ns, limit.most)
        known[:] = [(limit, made), *known[:1]]
        return made

    def _of_source(self, name: str, source: str | None, limit: RateLimit, now_ns: int) -> TokenBucket:
        if (name, source) not in self._of_sources and len(self._of_sources) >= self._room:
            self._forget_idle(now_ns, limit.period_ns)
            if len(self._of_sources) >= self._room:
                return _bucket(self._shared, name, limit)
        return _bucket(self._of_sources, (name, source), limit)

    def _forget_idle(self, now_ns: int, period_ns: int) -> None:
        """Forget the sources that have all their tokens; not more often than that can pay."""
        if self._sweep_at_ns is not None and now_ns < self._sweep_at_ns:
            return
        for key in [key for key, (_, bucket) in self._of_sources.items() if bucket.is_full(now_ns)]:
            del self._of_sources[key]
        self._sweep_at_ns = now_ns + period_ns // 8 + 1


def _bucket(kept: dict[Key, tuple[RateLimit, TokenBucket]], key: Key, limit: RateLimit) -> TokenBucket:
    found = kept.get(key)
    if found is None or found[0] != limit:
        found = kept[key] = (limit, TokenBucket(limit))
    return found[1]
