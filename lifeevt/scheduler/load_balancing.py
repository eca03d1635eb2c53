"""LoadBalancingStrategy: a time budget per tick, spread evenly over it; critical events are exempt."""

from __future__ import annotations

from collections.abc import Sequence

from ..clock import NS_PER_SECOND
from .strategy import FIRST_LIMITED, STRICT_NS, LoadSample, StartGate, Strategy

__all__ = ["LoadBalancingStrategy"]


class LoadBalancingStrategy(Strategy):
    """``load_balancing``: events below CRITICAL may use ``share`` of each tick, in ``slices`` even parts.

    Critical events go first, always, and are not counted. The others go by virtual deadline. They start only while
    their use of this tick is below the part of the budget that is due by now. An event runs to its end; the time by
    which it exceeds the budget is taken off the next ticks' budgets.

    Starvation bound: towards later events of levels below CRITICAL that of ``deadline``. And these levels always
    advance: an event with *w* of service before it in line, counted from the last tick, starts within
    ``ceil((w + s + c) / budget) + 1`` ticks, where *s* is the longest service of one event below CRITICAL, and *c* the
    service of critical events meanwhile.

    ``interval_seconds`` is the length of a tick until the loop tells its own; without a loop, ticks follow each other
    by the clock. A loop that processes events in its own thread asks once a tick: give it one slice.

    ``budget_ns`` is the service time of one tick for events below CRITICAL, ``spent_ns`` the part of it that they used;
    that is more than the budget when the last event took longer.

    Raises:
        ValueError: unless ``share`` lies in (0, 1], ``slices`` in [1, 1024] and the interval in (0, 1e9).
    """

    name = "load_balancing"
    throttles = True
    offsets_ns = (-STRICT_NS, 0)

    def __init__(self, share: float = 0.5, slices: int = 8, interval_seconds: float = 0.1) -> None:
        if not 0.0 < share <= 1.0:
            raise ValueError(f"share is {share}; it must lie in (0, 1]")
        if not 1 <= slices <= 1024:
            raise ValueError(f"slices is {slices}; it must lie in [1, 1024]")
        if not 0.0 < interval_seconds < 1e9:
            raise ValueError(f"interval_seconds is {interval_seconds}; it must be a positive number of seconds")
        self.share, self.slices, self.spent_ns = share, slices, 0
        self._used_ns: int | None = None
        self._began_ns: int | None = None
        self._set_interval(round(interval_seconds * NS_PER_SECOND))

    def gate(self, now_ns: int, used_ns: Sequence[int]) -> StartGate:
        """Return how much events below CRITICAL may use, until the next part of the budget falls due. O(levels)."""
        used = sum(used_ns[FIRST_LIMITED:])
        self.spent_ns += 0 if self._used_ns is None else used - self._used_ns
        self._used_ns = used
        began_ns = self._roll(now_ns)
        parts = (now_ns - began_ns) * self.slices // self._interval_ns + 1  # that are due by now
        left_ns = self.budget_ns * parts // self.slices - self.spent_ns
        if left_ns > 0:
            return StartGate(FIRST_LIMITED, left_ns, began_ns + -(-parts * self._interval_ns // self.slices))
        return StartGate(FIRST_LIMITED, 0, self._due_ns(began_ns))

    def on_tick(self, load: LoadSample) -> None:
        """Begin a tick, with the loop's interval. O(1)."""
        self._roll(load.now_ns)
        if load.now_ns - (self._began_ns or 0) >= self._interval_ns // 2:  # nearer to the next tick than to the last
            self.spent_ns = max(self.spent_ns - self.budget_ns, 0)
        self._began_ns = load.now_ns
        self._set_interval(load.interval_ns)

    def _roll(self, now_ns: int) -> int:
        """Begin as many ticks as have passed; return the instant at which the present one began."""
        if self._began_ns is None or now_ns < self._began_ns:
            self._began_ns = now_ns
        passed = (now_ns - self._began_ns) // self._interval_ns
        self._began_ns += passed * self._interval_ns
        self.spent_ns = max(self.spent_ns - passed * self.budget_ns, 0)
        return self._began_ns

    def _due_ns(self, began_ns: int) -> int:
        """Return the instant at which enough of the budget is due for the next event."""
        ticks, over_ns = divmod(self.spent_ns, self.budget_ns)
        parts = over_ns * self.slices // self.budget_ns  # parts that are used up
        while self.budget_ns * (parts + 1) // self.slices <= over_ns:
            parts += 1
        return began_ns + ticks * self._interval_ns + -(-parts * self._interval_ns // self.slices)

    def _set_interval(self, interval_ns: int) -> None:
        self._interval_ns = max(interval_ns, self.slices)
        self.budget_ns = max(int(self.share * self._interval_ns), 1)
