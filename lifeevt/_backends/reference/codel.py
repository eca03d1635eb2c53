"""CoDel, the reference: sheds when events wait too long, at any length of the queue (RFC 8289)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from .numbers import INT64_MAX
from .uncopyable import Uncopyable

RECENT = 16  # intervals within which an episode of shedding goes on where the last one stopped


class CoDel(Uncopyable):
    """Controlled delay (RFC 8289) for each of 16 levels: shed when every event waits too long, not in a burst.

    ``targets_ns``: one a level, 0 to shed nothing of it. One thread at a time may ask ``admits``; any may look at
    ``shedding``. Does not block. O(1).
    """

    def __init__(self, interval_ns: int, targets_ns: Sequence[int]) -> None:
        self._levels = [_Level(target_ns, interval_ns) for target_ns in targets_ns]

    def admits(self, level: int, now_ns: int, waited_ns: int, last: bool = False) -> bool:
        """Return whether an event that waited so long is to be processed; False: shed it and take the next.

        ``last``: no event of this level is queued behind it. The last one is never shed.
        """
        return self._levels[level].admits(now_ns, waited_ns, last)

    def shedding(self) -> tuple[int, ...]:
        """Return the levels on which an episode of shedding goes on."""
        return tuple(number for number, level in enumerate(self._levels) if level.dropping)


class _Level:
    """One level's state, in the names of RFC 8289, section 5; a "packet" there is an event here.

    The RFC drops in a loop at each dequeue. Here ``admits`` is asked once for each event that was taken out, so the
    loop is the caller's, and ``_dropped`` remembers whether the one before was shed.
    """

    def __init__(self, target_ns: int, interval_ns: int) -> None:
        self._target_ns, self._interval_ns = target_ns, interval_ns
        self._above_since_ns: int | None = None  # when the present run of long waits began
        self._drop_next_ns = 0
        self._count = self._last_count = 0  # shed in this episode; and when the one before it began
        self.dropping = self._dropped = False

    def admits(self, now_ns: int, waited_ns: int, last: bool) -> bool:
        if not self._target_ns:
            return True
        ok_to_drop = self._ok_to_drop(now_ns, waited_ns, last)
        if self.dropping and ok_to_drop:
            return not self._drop_if_due(now_ns)
        if not self.dropping and ok_to_drop:
            self._begin(now_ns)
            return False
        self.dropping = self._dropped = False
        return True

    def _ok_to_drop(self, now_ns: int, waited_ns: int, last: bool) -> bool:
        """Return whether all events have waited for the target or longer during a whole interval.

        An event that waited less, or the last of its level, ends the interval: it comes in a burst, and never in a
        standing queue.
        """
        if waited_ns < self._target_ns or last:
            self._above_since_ns = None
            return False
        if self._above_since_ns is None:
            self._above_since_ns = now_ns
            return False
        return now_ns - self._above_since_ns >= self._interval_ns

    def _begin(self, now_ns: int) -> None:
        """Begin an episode: soon after the last one at the rate that it ended with, else slowly (RFC 8289, 5.5)."""
        gained = self._count - self._last_count
        recent = now_ns - self._drop_next_ns < RECENT * self._interval_ns
        self._count = self._last_count = gained if gained > 1 and recent else 1
        self._drop_next_ns = self._control_law(now_ns)
        self.dropping = True

    def _drop_if_due(self, now_ns: int) -> bool:
        if self._dropped:
            self._drop_next_ns = self._control_law(self._drop_next_ns)
        self._dropped = now_ns >= self._drop_next_ns
        self._count += self._dropped
        return self._dropped

    def _control_law(self, from_ns: int) -> int:
        """Return when to shed the next one: interval / sqrt(count) later.

        The RFC's law, since a flow's rate falls with the root of its losses. In whole numbers, so that both backends
        agree to the nanosecond: floor(sqrt(interval**2 / count)).
        """
        return min(from_ns + isqrt(self._interval_ns * self._interval_ns // self._count), INT64_MAX)
