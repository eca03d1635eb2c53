"""CoDel: what to shed when events wait too long, whatever the length of the queue (RFC 8289)."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt

from .clock import NS_PER_SECOND
from .event import Priority

__all__ = ["CoDel", "DelayShedder"]

_RECENT = 16  # intervals within which an episode of shedding goes on where the last one stopped


class CoDel:
    """Controlled delay, RFC 8289 section 5, for one level: shed when every event waits too long, not in a burst.

    An event is shed once all that left in the last ``interval`` had waited ``target`` or longer; then
    ever more often, at intervals of interval / sqrt(shed), until one waits less. Whole nanoseconds, so that
    the same times give the same verdicts. Asked by whoever takes events out, for each one. One thread
    at a time. O(1).
    """

    __slots__ = (
        "_above_since", "_count", "_last_count", "_next_ns", "_shed_last", "_shedding", "interval_ns", "target_ns",
    )  # fmt: skip

    def __init__(self, target_seconds: float = 0.005, interval_seconds: float = 0.1) -> None:
        self.target_ns = round(target_seconds * NS_PER_SECOND)
        self.interval_ns = round(interval_seconds * NS_PER_SECOND)
        if not 0 < self.target_ns <= self.interval_ns <= 10**18:
            given = f"the target is {target_seconds} s, the interval {interval_seconds} s"
            raise ValueError(f"{given}; it must be 0 < target <= interval <= 1e9")
        self._above_since: int | None = None  # the end of the interval that began with the first long wait
        self._next_ns = 0
        self._count = self._last_count = 0
        self._shedding = self._shed_last = False

    @property
    def shedding(self) -> bool:
        """Whether an episode of shedding goes on."""
        return self._shedding

    def admits(self, now_ns: int, waited_ns: int, last: bool = False) -> bool:
        """Return whether an event that waited so long shall be answered; False: shed it and take the next.

        ``last``: nothing of this level waits behind it. The last one is never shed.
        """
        stands = self._stands(now_ns, waited_ns, last)
        if not self._shedding:
            return not (stands and self._begin(now_ns))
        if not stands:
            self._shedding = self._shed_last = False
            return True
        if self._shed_last:
            self._next_ns = self._law(self._next_ns)
            self._shed_last = False
        if now_ns < self._next_ns:
            return True
        self._count += 1
        self._shed_last = True
        return False

    def _stands(self, now_ns: int, waited_ns: int, last: bool) -> bool:
        """Whether the delay has stood above the target for a whole interval."""
        if waited_ns < self.target_ns or last:
            self._above_since = None
            return False
        if self._above_since is None:
            self._above_since = now_ns + self.interval_ns
            return False
        return now_ns >= self._above_since

    def _begin(self, now_ns: int) -> bool:
        gained = self._count - self._last_count
        recent = now_ns - self._next_ns < _RECENT * self.interval_ns
        self._count = self._last_count = gained if gained > 1 and recent else 1
        self._next_ns = self._law(now_ns)
        self._shedding = True
        return True

    def _law(self, from_ns: int) -> int:
        """The next one to shed: interval / sqrt(count) later."""
        return from_ns + isqrt(self.interval_ns * self.interval_ns // self._count)


class DelayShedder:
    """A CoDel for each level below CRITICAL, which is exempt.

    ``targets`` gives a level a target of its own, in seconds. One thread at a time. O(1).
    """

    def __init__(
        self,
        target_seconds: float = 0.05,
        interval_seconds: float = 0.5,
        targets: Mapping[int, float] | None = None,
    ) -> None:
        given = dict(targets or {})
        if int(Priority.CRITICAL) in given:
            raise ValueError("CRITICAL events are never shed; they have no target")
        self._of_level: dict[int, CoDel] = {}
        self._interval_seconds, self._target_seconds = interval_seconds, target_seconds
        for level in (*Priority, *given):
            self._of_level[level] = CoDel(given.get(level, target_seconds), interval_seconds)

    def admits(self, level: int, now_ns: int, waited_ns: int, last: bool = False) -> bool:
        """Return whether an event of ``level`` shall be answered; see :meth:`CoDel.admits`."""
        if level <= Priority.CRITICAL:
            return True
        if level not in self._of_level:
            self._of_level[level] = CoDel(self._target_seconds, self._interval_seconds)
        return self._of_level[level].admits(now_ns, waited_ns, last)

    def shedding(self) -> list[int]:
        """Return the levels on which an episode of shedding goes on."""
        return [level for level, codel in self._of_level.items() if codel.shedding]
