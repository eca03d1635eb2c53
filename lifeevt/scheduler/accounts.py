"""Accounts: the measurements of each level and of each event type, and their statistics."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .._backends import Account, EventHeap, TypeTable, fork
from .._backends.contract import MAX_LEVELS
from ..event import EventTypes, Priority
from ..metrics import LatencySummary, RateWindow, summarize
from ..result import Status
from .strategy import LevelSample

__all__ = ["Accounts", "LevelStatistics", "SchedulerStatistics"]

MAX_TYPE_ACCOUNTS = 64  # an account takes 120 kB
OTHER_TYPES = "(others)"


@dataclass(frozen=True)
class LevelStatistics:
    """The measurements of one level, or of one event type. Times in nanoseconds. Immutable.

    ``late`` of ``finished`` events took longer than their budget. ``wait`` is acceptance to start, ``service`` start to
    end, ``latency`` acceptance to end, ``lateness`` the time by which late events exceeded their budget. ``starved``
    events waited longer than ten budgets. ``unprocessed`` counts a level's events that were not processed, by status;
    ``shed_by_delay`` of them had waited too long. ``shedding``: an episode of shedding goes on.
    """

    finished: int
    late: int
    wait: LatencySummary
    service: LatencySummary
    latency: LatencySummary
    lateness: LatencySummary = field(default_factory=LatencySummary)
    starved: int = 0
    unprocessed: Mapping[Status, int] = field(default_factory=dict)
    shed_by_delay: int = 0
    shedding: bool = False


@dataclass(frozen=True)
class SchedulerStatistics:
    """The strategy's name, and the measurements of each level and of each event type that came. Immutable.

    ``arrivals_per_second`` and ``processed_per_second`` cover a window of ticks (see RateWindow); 0 without ticks.
    """

    strategy: str
    levels: Mapping[Priority, LevelStatistics]
    types: Mapping[str, LevelStatistics] = field(default_factory=dict)
    arrivals_per_second: float = 0.0
    processed_per_second: float = 0.0

    @property
    def late(self) -> int:
        """Events of all levels that took longer than their budget."""
        return sum(level.late for level in self.levels.values())


class Accounts:
    """One account a level, of which all levels below share the last; and one an event type, 64 at most.

    One thread at a time records in an account; everything else is thread-safe.
    """

    def __init__(self, types: EventTypes) -> None:
        self.levels: list[Account] = [Account() for _ in range(types.lowest + 1)]
        self._event_types = types
        self._types: dict[str, Account] = {}
        self._table: TypeTable | None = None  # of the queue, once it is attached
        self._unprocessed: Counter[tuple[int, Status]] = Counter()
        self._lock = threading.Lock()
        fork.renew_locks(self, "_lock")
        self._arrivals, self._processed = RateWindow(), RateWindow()
        self._sampled = [_sums(account) for account in self.levels]

    def of(self, level: int, type_name: str) -> tuple[Account, Account]:
        """Return the account of the level and that of the event type."""
        return self.levels[min(Priority(level), len(self.levels) - 1)], self.of_type(type_name)

    def of_type(self, type_name: str) -> Account:
        """Return the account of an event type; one for all the others once there are 64."""
        found = self._types.get(type_name)
        if found is not None:
            return found
        with self._lock:
            kept = type_name if len(self._types) < MAX_TYPE_ACCOUNTS else OTHER_TYPES
            if kept not in self._types:
                self._types[kept] = Account()
            return self._types[kept]

    def attach(self, table: TypeTable) -> None:
        """Account for each type of a queue under its id, also after changes of the event types."""
        self._table = table
        self._learn_all()
        self._event_types.follow(self._learn_all)

    def learn(self, name: str, type_id: int) -> None:
        """Account for a type under its id, with the family that gives its level and budget."""
        if self._table is not None:
            family = self._event_types.named(name) or self._event_types.default
            self._table.account(type_id, self.of_type(family.name))

    def record_unprocessed(self, level: int, status: Status) -> None:
        """Count an event of a level that ended without being processed. O(1)."""
        with self._lock:
            self._unprocessed[min(level, len(self.levels) - 1), status] += 1

    def used_ns(self) -> list[int]:
        """Return each level's service time so far."""
        return [account.service.total for account in self.levels]

    def mean_service_ns(self) -> float:
        """Return the mean service time of all levels; 0 before the first event."""
        count = sum(account.service.count for account in self.levels)
        return sum(self.used_ns()) / count if count else 0.0

    def sample(self, now_ns: int, heap: EventHeap | None) -> tuple[LevelSample, ...]:
        """Return the measurements of each level since the last call; the last sample covers all levels below, too."""
        with self._lock:
            before, self._sampled = self._sampled, [_sums(account) for account in self.levels]
            depths = (0,) * MAX_LEVELS if heap is None else heap.depths()
            if heap is not None:
                accepted, *_ = heap.counts()
                self._arrivals.sample(now_ns, accepted)
            self._processed.sample(now_ns, sum(sums.finished for sums in self._sampled))
            last = len(before) - 1
            waiting = [*depths[:last], sum(depths[last:])]
            return tuple(map(_between, before, self._sampled, waiting))

    def statistics(self, strategy: str, shedding: Iterable[int]) -> SchedulerStatistics:
        """Return a frozen snapshot; ``shedding`` are the levels that shed now. O(buckets)."""
        with self._lock:
            types, ended = dict(self._types), dict(self._unprocessed)
            rates = self._arrivals.per_second, self._processed.per_second
        sheds = {min(level, len(self.levels) - 1) for level in shedding}
        levels = {}
        for level, account in enumerate(self.levels):
            unprocessed = Counter({status: count for (of, status), count in ended.items() if of == level})
            unprocessed += Counter({Status.SHED: account.shed})
            levels[Priority(level)] = _statistics_of(account, unprocessed, level in sheds)
        came = {name: account for name, account in types.items() if account.latency.count or account.shed}
        by_type = {name: _statistics_of(account, {}, False) for name, account in came.items()}
        return SchedulerStatistics(strategy, MappingProxyType(levels), MappingProxyType(by_type), *rates)

    def _learn_all(self) -> None:
        table = self._table
        if table is not None:
            for type_id in range(len(table)):
                self.learn(table.name(type_id), type_id)


def _sums(account: Account) -> LevelSample:
    """Return the sums of a level since its account was made."""
    return LevelSample(account.latency.count, account.late, account.wait.total, account.service.total)


def _between(before: LevelSample, now: LevelSample, depth: int) -> LevelSample:
    wait_ns, service_ns = now.wait_ns - before.wait_ns, now.service_ns - before.service_ns
    return LevelSample(now.finished - before.finished, now.late - before.late, wait_ns, service_ns, depth)


def _statistics_of(account: Account, unprocessed: dict[Status, int], shedding: bool) -> LevelStatistics:
    wait, service, latency = (summarize(each) for each in (account.wait, account.service, account.latency))
    return LevelStatistics(
        latency.count, account.late, wait, service, latency, summarize(account.lateness), account.starved,
        MappingProxyType(unprocessed), account.shed, shedding,
    )  # fmt: skip
