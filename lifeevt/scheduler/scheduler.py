"""EventScheduler: the order of events, and the measurements of their latency against their budgets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from .. import _backends
from .._backends import Account, EventHeap, TypeTable, fork
from .._backends.contract import MAX_LEVELS
from ..event import Event, EventTypes
from ..result import Status
from .accounts import Accounts, SchedulerStatistics
from .codel import CoDel
from .strategy import FIRST_LIMITED, OPEN, LoadSample, StartGate, Strategy, find_strategy, late_offset, level_offsets

__all__ = ["EventScheduler"]


class EventScheduler:
    """Gives each event its place in the order, and measures its latency. Thread-safe. Reads no clock.

    An event's key is its virtual deadline: arrival + budget - urgency * budget, one whole number that never changes
    (ADR 0001). The strategy adds an offset for each level, and decides which events may start now (ADR 0016).
    ``offsets_ns`` are the present offsets of the 16 levels.

    Args:
        strategy: a name of :func:`strategy_names`, or an object.
        types: the event types, which give priority and budget; None: Life's.
        codel: the limits of an event's wait; None: none is shed for its delay.

    Raises:
        ValueError: the strategy is unknown or invalid.
    """

    def __init__(
        self, strategy: str | Strategy = "deadline", types: EventTypes | None = None, *, codel: CoDel | None = None
    ) -> None:
        self._strategy = find_strategy(strategy)
        self.offsets_ns: Sequence[int] = level_offsets(self._strategy)
        self.types = types or EventTypes.life()
        self.codel = codel
        self.delay_controller = None if codel is None else _backends.CoDel(codel.interval_ns, codel.targets_ns)
        self._accounts = Accounts(self.types)
        self._heap: EventHeap | None = None  # of the queue, once it is attached
        self._throttled, self._may_throttle = self._strategy.throttles, True
        self._followers: list[Callable[[], None]] = []
        self._switching = threading.RLock()  # one thread at a time calls or changes a strategy
        fork.renew_locks(self, "_switching")

    @classmethod
    def of(cls, given: str | Strategy | EventScheduler, codel: CoDel | None = None) -> EventScheduler:
        """Return the scheduler itself, or a new one for a strategy; ValueError for a scheduler and ``codel``."""
        if not isinstance(given, EventScheduler):
            return cls(given, codel=codel)
        if codel is not None:
            raise ValueError("give codel to the scheduler itself: this one was made already")
        return given

    # --- order

    @property
    def ranks_by_type(self) -> bool:
        """Whether type, level and urgency alone give an event its key, so that the fast path can compute it."""
        return type(self).rank is EventScheduler.rank and type(self.types) is EventTypes

    @property
    def strategy(self) -> Strategy:
        """The present strategy."""
        return self._strategy

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        """Return (key in ns, level); see :meth:`EventTypes.rank`. O(1)."""
        return self.types.rank(event, arrival_ns)

    def set_strategy(self, strategy: str | Strategy) -> Strategy:
        """Change the strategy, also while the engine runs, and return the previous one. From any thread. O(queued).

        All queued events move to their new places in one atomic step, and keep their keys.

        Raises:
            ValueError: the strategy is unknown or invalid; nothing changes.
        """
        wanted = find_strategy(strategy)
        with self._switching:
            before, self._strategy = self._strategy, wanted
            self._apply_strategy()
            return before

    def attach(self, heap: EventHeap, type_table: TypeTable | None = None) -> None:
        """Order a queue's heap by the strategy from now on.

        With ``type_table``, the queue's types by id, each type is measured, too; new ones after :meth:`learn`.

        Raises:
            ValueError: the scheduler is attached to a queue already.
        """
        with self._switching:
            if self._heap is not None:
                raise ValueError("the scheduler is attached to another queue already")
            self._heap = heap
            heap.shift(self.offsets_ns)
        if type_table is not None:
            self._accounts.attach(type_table)

    def learn(self, name: str, type_id: int) -> None:
        """Measure a type under its id, with the family that gives its level and budget. O(1)."""
        self._accounts.learn(name, type_id)

    # --- throttling

    @property
    def throttles(self) -> bool:
        """Whether the gate must be asked before each event."""
        return self._may_throttle and self._strategy.throttles

    def throttle(self, wanted: bool) -> None:
        """Ask the gate before each event, or (False) keep it open, as while an engine drains."""
        self._may_throttle = wanted
        self._tell_followers()

    def follow(self, changed: Callable[[], None]) -> None:
        """Call ``changed()`` whenever throttling may have begun or ended."""
        self._followers.append(changed)

    def gate(self, now_ns: int) -> StartGate:
        """Return the gate of the events that start at ``now_ns``. O(levels)."""
        with self._switching:
            return self._strategy.gate(now_ns, self._accounts.used_ns())

    def above(self, now_ns: int) -> int:
        """Return the level below which events may start at ``now_ns``: 16 while the gate is open. O(levels)."""
        gate = self.gate(now_ns) if self.throttles else OPEN
        return MAX_LEVELS if gate.allowance_ns > 0 else gate.above

    def tick(self, now_ns: int, interval_ns: int, tick_late_ns: int = 0) -> LoadSample:
        """Give the strategy the load since the last tick, and return it. Once a tick.

        O(levels), or O(queued) when the strategy moves queued events.
        """
        with self._switching:
            load = LoadSample(now_ns, interval_ns, self._accounts.sample(now_ns, self._heap), tick_late_ns)
            self._strategy.on_tick(load)
            self._apply_strategy()
            postponed_ns = late_offset(self._strategy)
            if postponed_ns and self._heap is not None:
                self._heap.postpone(now_ns, postponed_ns, FIRST_LIMITED)
            return load

    # --- measurements

    @property
    def counts_alone(self) -> bool:
        """Whether no subclass overrides ``observe`` or ``shed``, so that the backend can record alone."""
        return type(self).observe is EventScheduler.observe and type(self).shed is EventScheduler.shed

    @property
    def accounts(self) -> list[Account]:
        """The backend's account of each level; levels below the last share it."""
        return list(self._accounts.levels)

    def observe(self, event: Event, level: int, queued_ns: int, started_ns: int, finished_ns: int) -> None:
        """Record when an event was accepted, started and finished. One thread at a time. O(1)."""
        event_type = self.types.resolve(event)
        for account in self._accounts.of(level, event_type.name):
            account.record(event_type.budget_ns, started_ns - queued_ns, finished_ns - started_ns)

    def shed(self, event: Event, level: int) -> None:
        """Count an event that was shed because it had waited too long. One thread at a time. O(1)."""
        for account in self._accounts.of(level, self.types.resolve(event).name):
            account.record_shed()

    def record_unprocessed(self, level: int, status: Status) -> None:
        """Count an event that ended without being processed. O(1)."""
        self._accounts.record_unprocessed(level, status)

    def mean_service_ns(self) -> float:
        """Return the mean service time of an event so far; 0 before the first. O(levels)."""
        return self._accounts.mean_service_ns()

    def statistics(self) -> SchedulerStatistics:
        """Return a frozen snapshot. O(buckets)."""
        shedding = () if self.delay_controller is None else self.delay_controller.shedding()
        return self._accounts.statistics(self._strategy.name, shedding)

    # --- parts

    def _apply_strategy(self) -> None:
        """Move the queued events if the offsets changed; tell the followers if throttling began or ended."""
        offsets, throttles = level_offsets(self._strategy), self._strategy.throttles
        if throttles != self._throttled:
            self._tell_followers()
        self._throttled = throttles
        if offsets != self.offsets_ns and self._heap is not None:
            self._heap.shift(offsets)
        self.offsets_ns = offsets

    def _tell_followers(self) -> None:
        for changed in self._followers:
            changed()
