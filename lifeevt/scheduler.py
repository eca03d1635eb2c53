"""EventScheduler: which event is next, and whether each was answered within its budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from . import _backend
from ._contract import Account
from .event import Event, Priority
from .event_types import EventTypes
from .metrics import LatencySummary, summarize

__all__ = ["EventScheduler", "LevelStatistics", "SchedulerStatistics"]

STRATEGIES = ("deadline",)


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

    The ``deadline`` strategy orders by virtual deadline: arrival + budget - urgency * budget, one
    integer that never changes. Waiting therefore counts, and no event waits behind later arrivals
    for longer than its own budget (see docs/adr/0001). Reads no clock. Thread-safe.
    """

    def __init__(
        self, strategy: str = "deadline", types: EventTypes | None = None, *, backend: str | None = None
    ) -> None:
        if strategy not in STRATEGIES:
            raise ValueError(f"unknown strategy {strategy!r}; choose {', '.join(STRATEGIES)}")
        self.strategy = strategy
        self.types = types or EventTypes.life()
        core = _backend.load(backend)
        self._accounts: dict[int, Account] = {level: core.Account() for level in Priority}

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        """Return (key in ns, level); see :meth:`EventTypes.rank`. O(1)."""
        return self.types.rank(event, arrival_ns)

    def observe(self, event: Event, level: int, queued_ns: int, started_ns: int, finished_ns: int) -> None:
        """Record when an event was accepted, started and finished. For one thread at a time. O(1)."""
        account = self._accounts.get(level)
        if account is None:
            raise ValueError(f"{level!r} is not a valid Priority")
        account.record(self.types.resolve(event).budget_ns, started_ns - queued_ns, finished_ns - started_ns)

    @property
    def accounts(self) -> list[Account]:
        """The twin's account of each level: for what answers events without Python."""
        return list(self._accounts.values())

    def statistics(self) -> SchedulerStatistics:
        """Return a frozen snapshot. O(buckets)."""
        levels = {level: _level_statistics(self._accounts[level]) for level in Priority}
        return SchedulerStatistics(self.strategy, MappingProxyType(levels))


def _level_statistics(account: Account) -> LevelStatistics:
    wait, service, latency = (summarize(each) for each in (account.wait, account.service, account.latency))
    return LevelStatistics(latency.count, account.late, wait, service, latency)
