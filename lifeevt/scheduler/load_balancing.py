"""LoadBalancingStrategy: a time budget per tick, spread evenly over it; critical events are exempt."""

from __future__ import annotations

from collections.abc import Sequence

from ..clock import NS_PER_SECOND
from ..event import Priority
from .strategy import STRICT_NS, Gate, Load, Strategy

__all__ = ["LoadBalancingStrategy"]

_EXEMPT = int(Priority.CRITICAL) + 1  # levels below this number are


class LoadBalancingStrategy(Strategy):
    """``load_balancing``: events below CRITICAL may use ``share`` of each tick, in ``slices`` even parts.

    Critical events go first, always, and are not counted. The others go by virtual deadline, and start only
    while what they used in this tick is below the part of the budget that is due by now; what they
    used too much, the last one being answered to its end, is taken off the next ticks' budgets.

    Starvation bound: towards later events of levels below CRITICAL that of ``deadline``. And these levels never
    stand still: an event with *w* of service before it in line, counted from the last tick, starts within
    ``ceil((w + s + c) / budget) + 1`` ticks, where *s* is the longest service of one event below CRITICAL, and *c*
    what critical events took meanwhile.

    ``interval_seconds`` is the tick's until the loop tells its own; without a loop it goes on by itself. A loop that
    answers events in its own thread looks once a tick: give it one slice.
    """

    name = "load_balancing"
    paces = True
    offsets_ns = (-STRICT_NS, 0)

    def __init__(self, share: float = 0.5, slices: int = 8, interval_seconds: float = 0.1) -> None:
        if not 0.0 < share <= 1.0:
            raise ValueError(f"share is {share}; it must lie in (0, 1]")
        if not 1 <= slices <= 1024:
            raise ValueError(f"slices is {slices}; it must lie in [1, 1024]")
        if not 0.0 < interval_seconds < 1e9:
            raise ValueError(f"interval_seconds is {interval_seconds}; it must be a positive number of seconds")
        self.share, self.slices = share, slices
        self._spent_ns = 0
        self._used_ns: int | None = None
        self._began_ns: int | None = None
        self._set_interval(round(interval_seconds * NS_PER_SECOND))

    @property
    def budget_ns(self) -> int:
        """What events below CRITICAL may use in one tick."""
        return self._budget_ns

    @property
    def spent_ns(self) -> int:
        """What they used of it so far; more than the budget when the last one took longer."""
        return self._spent_ns

    def gate(self, now_ns: int, used_ns: Sequence[int]) -> Gate:
        """Return how much events below CRITICAL may use, until the next part of the budget falls due. O(levels)."""
        used = sum(used_ns[_EXEMPT:])
        self._spent_ns += 0 if self._used_ns is None else used - self._used_ns
        self._used_ns = used
        began_ns = self._roll(now_ns)
        parts = (now_ns - began_ns) * self.slices // self._interval_ns + 1  # that are due by now
        left_ns = self._budget_ns * parts // self.slices - self._spent_ns
        if left_ns > 0:
            return Gate(_EXEMPT, left_ns, began_ns + -(-parts * self._interval_ns // self.slices))
        return Gate(_EXEMPT, 0, self._due_ns(began_ns))

    def review(self, load: Load) -> None:
        """Begin a tick. O(1)."""
        self._roll(load.now_ns)
        if load.now_ns - (self._began_ns or 0) >= self._interval_ns // 2:  # nearer to the next tick than to the last
            self._spent_ns = max(self._spent_ns - self._budget_ns, 0)
        self._began_ns = load.now_ns
        self._set_interval(load.interval_ns)

    def _roll(self, now_ns: int) -> int:
        """Begin as many ticks as have passed; return when the present one began."""
        if self._began_ns is None or now_ns < self._began_ns:
            self._began_ns = now_ns
        passed = (now_ns - self._began_ns) // self._interval_ns
        self._began_ns += passed * self._interval_ns
        self._spent_ns = max(self._spent_ns - passed * self._budget_ns, 0)
        return self._began_ns

    def _due_ns(self, began_ns: int) -> int:
        """When so much of the budget is due that something may start again."""
        ticks, over_ns = divmod(self._spent_ns, self._budget_ns)
        parts = over_ns * self.slices // self._budget_ns  # parts that are used up
        while self._budget_ns * (parts + 1) // self.slices <= over_ns:
            parts += 1
        return began_ns + ticks * self._interval_ns + -(-parts * self._interval_ns // self.slices)

    def _set_interval(self, interval_ns: int) -> None:
        self._interval_ns = max(interval_ns, self.slices)
        self._budget_ns = max(int(self.share * self._interval_ns), 1)
