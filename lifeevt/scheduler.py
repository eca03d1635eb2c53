"""EventScheduler: which event is next, and whether each was answered within its budget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from . import _backend, at_fork
from ._contract import Account
from .event import Event, Priority
from .event_types import EventTypes
from .metrics import LatencySummary, summarize
from .strategies import find_strategy
from .strategy import Gate, LevelLoad, Load, Strategy, level_offsets

__all__ = ["EventScheduler", "LevelStatistics", "SchedulerStatistics"]

Shift = Callable[[Sequence[int]], None]
Sums = tuple[int, int, int, int]  # finished, late, wait and service in ns, of one level since it was made


@dataclass(frozen=True)
class LevelStatistics:
    """What the events of one level met: ``late`` of ``finished`` took longer than their budget.

    ``wait`` is acceptance to start, ``service`` start to end, ``latency`` acceptance to end.
    """

    finished: int
    late: int
    wait: LatencySummary
    service: LatencySummary
    latency: LatencySummary


@dataclass(frozen=True)
class SchedulerStatistics:
    """The strategy and, for each level, what its events met."""

    strategy: str
    levels: Mapping[Priority, LevelStatistics]

    @property
    def late(self) -> int:
        """Events of all levels that took longer than their budget."""
        return sum(level.late for level in self.levels.values())


class EventScheduler:
    """Gives an event its place in line and keeps account of how it fared.

    An event's key is its virtual deadline: arrival + budget - urgency * budget, one integer that never
    changes (docs/adr/0001). The strategy, a name or an object, says by how much each level stands behind
    its deadlines, and what may start now (docs/adr/0016). Reads no clock. Thread-safe.
    """

    def __init__(
        self, strategy: str | Strategy = "deadline", types: EventTypes | None = None, *, backend: str | None = None
    ) -> None:
        self._strategy = find_strategy(strategy)
        self._offsets = level_offsets(self._strategy)
        self._shift: Shift | None = None
        self._switching = threading.RLock()  # a strategy is asked, told and changed by one thread at a time
        at_fork.renew_locks(self, "_switching")
        self.types = types or EventTypes.life()
        core = _backend.load(backend)
        self._accounts: list[Account] = [core.Account() for _ in range(self.types.lowest + 1)]
        self._seen = [_sums(account) for account in self._accounts]

    @classmethod
    def of(cls, given: str | Strategy | EventScheduler, *, backend: str | None = None) -> EventScheduler:
        """Return the scheduler itself, or one for the strategy."""
        return given if isinstance(given, EventScheduler) else cls(given, backend=backend)

    @property
    def ranks_by_type(self) -> bool:
        """Whether type, level and urgency alone give an event its key, so that it can be ranked without Python."""
        return type(self).rank is EventScheduler.rank and type(self.types) is EventTypes

    @property
    def counts_alone(self) -> bool:
        """Whether the accounts are all that an event's end changes, so that Python need not be told."""
        return type(self).observe is EventScheduler.observe

    @property
    def strategy(self) -> Strategy:
        """The strategy of now."""
        return self._strategy

    def use(self, strategy: str | Strategy) -> Strategy:
        """Take another strategy, from any thread, also while the engine runs; return the one before.

        Everything queued is moved to its new place in one atomic step, and keeps its own key: nothing is
        lost, and no event is ranked by the old strategy afterwards. ValueError changes nothing. O(queued).
        """
        wanted = find_strategy(strategy)
        with self._switching:
            before, self._strategy = self._strategy, wanted
            self._arrange()
            return before

    def steer(self, shift: Shift) -> None:
        """Have a queue follow the strategy: ``shift(offsets)`` is called now, and whenever they change.

        ValueError when another queue follows already.
        """
        with self._switching:
            if self._shift is not None:
                raise ValueError("the scheduler steers another queue already")
            self._shift = shift
            shift(self._offsets)

    def gate(self, now_ns: int) -> Gate:
        """Return what may start at ``now_ns``. O(1)."""
        with self._switching:
            return self._strategy.gate(now_ns, [account.service.total for account in self._accounts])

    def tick(self, now_ns: int, interval_ns: int, depths: Sequence[int] = ()) -> Load:
        """Tell the strategy what was measured since the last tick, and return that; once a tick.

        ``depths``: how many events wait now, by level. O(levels), and O(queued) when the strategy moves them.
        """
        with self._switching:
            load = Load(now_ns, interval_ns, self._measured(depths))
            self._strategy.review(load)
            self._arrange()
            return load

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        """Return (key in ns, level); see :meth:`EventTypes.rank`. O(1)."""
        return self.types.rank(event, arrival_ns)

    def observe(self, event: Event, level: int, queued_ns: int, started_ns: int, finished_ns: int) -> None:
        """Record when an event was accepted, started and finished. For one thread at a time. O(1)."""
        account = self._accounts[min(Priority(level), len(self._accounts) - 1)]
        account.record(self.types.resolve(event).budget_ns, started_ns - queued_ns, finished_ns - started_ns)

    @property
    def accounts(self) -> list[Account]:
        """The twin's account of each level; those below the last one share it."""
        return list(self._accounts)

    def statistics(self) -> SchedulerStatistics:
        """Return a frozen snapshot. O(buckets)."""
        levels = {Priority(level): _level_statistics(account) for level, account in enumerate(self._accounts)}
        return SchedulerStatistics(self._strategy.name, MappingProxyType(levels))

    def _arrange(self) -> None:
        """Move what is queued when the strategy wants it elsewhere."""
        offsets = level_offsets(self._strategy)
        if offsets != self._offsets and self._shift is not None:
            self._shift(offsets)
        self._offsets = offsets

    def _measured(self, depths: Sequence[int]) -> tuple[LevelLoad, ...]:
        """What each level met since this was asked the last time."""
        before, self._seen = self._seen, [_sums(account) for account in self._accounts]
        waiting = [*depths, *[0] * (len(self._seen) - len(depths))]
        return tuple(
            _between(old, new, depth)
            for new, old, depth in zip(self._seen, before, waiting, strict=False)
        )


def _between(before: Sums, now: Sums, depth: int) -> LevelLoad:
    finished, late, wait_ns, service_ns = (new - old for new, old in zip(now, before, strict=True))
    return LevelLoad(finished, late, wait_ns, service_ns, depth)


def _sums(account: Account) -> Sums:
    return account.latency.count, account.late, account.wait.total, account.service.total


def _level_statistics(account: Account) -> LevelStatistics:
    wait, service, latency = (summarize(each) for each in (account.wait, account.service, account.latency))
    return LevelStatistics(latency.count, account.late, wait, service, latency)
