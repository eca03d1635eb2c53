"""TokenBucket and RateLimiter: exact limits of the events of a type and of a source."""

from __future__ import annotations

import threading

from .._backends import Bucket, EventHeap, fork
from ..event import RateLimit

__all__ = ["RateLimiter", "TokenBucket"]


class TokenBucket(Bucket):
    """A bucket of ``limit.most`` tokens, full at first; ``limit.count`` are added in each ``limit.seconds``. O(1).

    Nothing is rounded. The mutex of ``heap`` guards the bucket; without a heap, use it from one thread at a time.
    """

    def __init__(self, limit: RateLimit, heap: EventHeap | None = None) -> None:
        super().__init__(heap, limit.count, limit.period_ns, limit.most)
        self.limit = limit


class RateLimiter:
    """Limits each type, or family, and each source of it. Thread-safe; does not block; O(1).

    At most ``room`` sources have a bucket of their own at a time. A source whose bucket is full again is forgotten,
    which changes nothing. When all places are in use, further sources share one bucket a type. The mutex of ``heap``
    guards the buckets of the types, from which every put into the heap draws. ``refused`` counts the refused events.

    Raises:
        ValueError: ``room`` is below 1.
    """

    def __init__(self, room: int = 4096, heap: EventHeap | None = None) -> None:
        if room < 1:
            raise ValueError(f"room is {room}; it must be at least 1")
        self._room, self.refused, self._heap = room, 0, heap
        self._mutex = threading.RLock()
        fork.renew_locks(self, "_mutex")
        self._of_types: dict[str, list[TokenBucket]] = {}  # the newest first, then the previous one
        self._of_sources: dict[tuple[str, str | None], TokenBucket] = {}
        self._shared: dict[tuple[str, str | None], TokenBucket] = {}
        self._forget_at_ns: int | None = None

    def admits(
        self, name: str, source: str | None, now_ns: int, limit: RateLimit | None, source_limit: RateLimit | None
    ) -> bool:
        """Return whether an event of the type ``name`` from ``source`` may come now; if so, take its tokens.

        Either limit may be None. An event that one limit refuses takes no token of the other. A changed limit starts
        with a full bucket.
        """
        if limit is None and source_limit is None:
            return True
        with self._mutex:
            own = None if source_limit is None else self._of_source(name, source, source_limit, now_ns)
            comes = own is None or own.has_token(now_ns)
            if comes and limit is not None:
                comes = self.of_type(name, limit).admits(now_ns)
            if comes and own is not None:
                own.admits(now_ns)
            self.refused += not comes
            return comes

    def of_type(self, name: str, limit: RateLimit) -> TokenBucket:
        """Return the bucket that events of the type ``name`` draw from under this limit."""
        with self._mutex:
            known = self._of_types.setdefault(name, [])
            for bucket in known:  # also the previous one: a caller may have read the type before it changed
                if bucket.limit == limit:
                    return bucket
            made = TokenBucket(limit, self._heap)
            known[:] = [made, *known[:1]]
            return made

    def __len__(self) -> int:
        """Return the number of sources with a bucket of their own."""
        return len(self._of_sources)

    def _of_source(self, name: str, source: str | None, limit: RateLimit, now_ns: int) -> TokenBucket:
        kept, key = self._of_sources, (name, source)
        if key not in kept and len(kept) >= self._room:
            self._forget_idle(now_ns, limit.period_ns)
            if len(kept) >= self._room:
                kept, key = self._shared, (name, None)
        found = kept.get(key)
        if found is None or found.limit != limit:
            found = kept[key] = TokenBucket(limit)
        return found

    def _forget_idle(self, now_ns: int, period_ns: int) -> None:
        """Forget the sources with a full bucket, at most once an eighth of a period. O(room)."""
        if self._forget_at_ns is not None and now_ns < self._forget_at_ns:
            return
        for key in [key for key, bucket in self._of_sources.items() if bucket.is_full(now_ns)]:
            del self._of_sources[key]
        self._forget_at_ns = now_ns + period_ns // 8 + 1
