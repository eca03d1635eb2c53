"""CoDel, the reference: what to shed when events wait too long, whatever the length of the queue (RFC 8289)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from ..contract import MAX_LEVELS
from .numbers import INT64_MAX, Rooted, int64
from .offers import checked_level

RECENT = 16  # intervals within which an episode of shedding goes on where the last one stopped
LONGEST_NS = 10**18


class CoDel(Rooted):
    """Controlled delay (RFC 8289) for each of 16 levels: shed when every event waits too long, not in a burst.

    ``targets_ns``: one a level, 0 to shed nothing of it. One thread at a time may ask ``admits``; any may look at
    ``shedding``. Does not block. O(1).
    """

    def __init__(self, interval_ns: int, targets_ns: Sequence[int]) -> None:
        interval, targets = int64(interval_ns), tuple(targets_ns) if len(targets_ns) else ()
        if len(targets) != MAX_LEVELS:
            raise ValueError(f"{len(targets)} targets; there must be {MAX_LEVELS}, one a level")
        for target in map(int64, targets):
            if not 0 <= target <= interval <= LONGEST_NS or not interval:
                given = f"the target is {target} ns, the interval {interval} ns"
                raise ValueError(f"{given}; it must be 0 <= target <= interval, and 0 < interval <= 10**18")
        self._levels = [_Level(int64(target), interval) for target in targets]

    def admits(self, level: int, now_ns: int, waited_ns: int, last: bool = False) -> bool:
        """Return whether an event that waited so long shall be answered; False: shed it and take the next.

        ``last``: nothing of this level is queued behind it. The last one is never shed.
        """
        return self._levels[checked_level(level)].admits(int64(now_ns), int64(waited_ns), bool(last))

    def shedding(self) -> tuple[int, ...]:
        """Return the levels on which an episode of shedding goes on."""
        return tuple(number for number, level in enumerate(self._levels) if level.shedding)


class _Level:
    """The law of section 5, for one level.

    An event is shed once all that left in the last interval had waited ``target`` or longer; then ever more
    often, at intervals of interval / sqrt(shed), until one waits less.
    """

    def __init__(self, target_ns: int, interval_ns: int) -> None:
        self._target_ns, self._interval_ns = target_ns, interval_ns
        self._long_since_ns: int | None = None  # when the first one left of those that wait too long now
        self._next_ns = 0
        self._count = self._last_count = 0
        self.shedding = self._shed_last = False

    def admits(self, now_ns: int, waited_ns: int, last: bool) -> bool:
        if not self._target_ns:
            return True
        stands = self._stands(now_ns, waited_ns, last)
        if not self.shedding:
            if stands:
                self._begin(now_ns)
            return not stands
        if not stands:
            self.shedding = self._shed_last = False
            return True
        if self._shed_last:
            self._next_ns = self._law(self._next_ns)
        self._shed_last = now_ns >= self._next_ns
        self._count += self._shed_last
        return not self._shed_last

    def _stands(self, now_ns: int, waited_ns: int, last: bool) -> bool:
        """Whether the delay has stood at the target, or above it, for a whole interval."""
        if waited_ns < self._target_ns or last:
            self._long_since_ns = None
            return False
        if self._long_since_ns is None:
            self._long_since_ns = now_ns
            return False
        return now_ns - self._long_since_ns >= self._interval_ns

    def _begin(self, now_ns: int) -> None:
        gained = self._count - self._last_count
        recent = now_ns - self._next_ns < RECENT * self._interval_ns
        self._count = self._last_count = gained if gained > 1 and recent else 1
        self._next_ns = self._law(now_ns)
        self.shedding = True

    def _law(self, from_ns: int) -> int:
        """The next one to shed: interval / sqrt(count) later."""
        return min(from_ns + isqrt(self._interval_ns * self._interval_ns // self._count), INT64_MAX)
