"""EventScheduler: which event is next, and whether each was answered within its budget."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from .._backends import Account, CoDel, EventHeap, KindTable, fork
from .._backends.contract import MAX_LEVELS
from ..event import Event, EventTypes, Priority
from ..metrics import LatencySummary, summarize
from ..result import Status
from .codel import DelayShedder
from .rates import RateWindow
from .strategies import find_strategy
from .strategy import Gate, LevelLoad, Load, Strategy, level_offsets

__all__ = ["EventScheduler", "LevelStatistics", "SchedulerStatistics"]

MAX_TYPE_ACCOUNTS = 64  # an account takes 120 kB
OTHER_TYPES = "(others)"
_FIRST_POSTPONED = int(Priority.CRITICAL) + 1
Sums = tuple[int, int, int, int]  # finished, late, wait and service in ns, of one level since it was made


@dataclass(frozen=True)
class LevelStatistics:
    """What the events of one level, or of one type, met: ``late`` of ``finished`` took longer than their budget.

    ``wait`` is acceptance to start, ``service`` start to end, ``latency`` acceptance to end, ``lateness`` by how
    much the late ones exceeded their budget. ``starved`` waited longer than ten budgets. ``unanswered`` counts
    those of a level that ended without an answer, by how; ``shed_by_delay`` those that were shed because they had
    waited too long, and ``shedding`` says that some of this level are shed so now.
    """

    finished: int
    late: int
    wait: LatencySummary
    service: LatencySummary
    latency: LatencySummary
    lateness: LatencySummary = field(default_factory=LatencySummary)
    starved: int = 0
    unanswered: Mapping[Status, int] = field(default_factory=dict)
    shed_by_delay: int = 0
    shedding: bool = False


@dataclass(frozen=True)
class SchedulerStatistics:
    """The strategy and, for each level and each type that came, what its events met.

    ``arrivals_per_second`` and ``answers_per_second`` are those of a window of ticks (see RateWindow); 0 without.
    """

    strategy: str
    levels: Mapping[Priority, LevelStatistics]
    types: Mapping[str, LevelStatistics] = field(default_factory=dict)
    arrivals_per_second: float = 0.0
    answers_per_second: float = 0.0

    @property
    def late(self) -> int:
        """Events of all levels that took longer than their budget."""
        return sum(level.late for level in self.levels.values())


class EventScheduler:
    """Gives an event its place in line and keeps account of how it fared.

    An event's key is its virtual deadline: arrival + budget - urgency * budget, one integer that never
    changes (docs/adr/0001). The strategy, a name or an object, says by how much each level stands behind
    its deadlines, and what may start now (docs/adr/0016). ``shed_delay`` says how long events may wait; None: as
    long as they must. Reads no clock. Thread-safe.
    """

    def __init__(
        self,
        strategy: str | Strategy = "deadline",
        types: EventTypes | None = None,
        *,
        shed_delay: DelayShedder | None = None,
    ) -> None:
        self._strategy = find_strategy(strategy)
        self._offsets = level_offsets(self._strategy)
        self._steered: EventHeap | None = None
        self._kinds: KindTable | None = None
        self.on_pace: Callable[[], None] | None = None  # the strategy began to pace, or ended
        self._paced, self._pacing = self._strategy.paces, True
        self._switching = threading.RLock()  # a strategy is asked, told and changed by one thread at a time
        fork.renew_locks(self, "_switching")
        self.types = types or EventTypes.life()
        self.codel: CoDel | None = None  # whom the engine asks before it answers an event
        if shed_delay is not None:
            self.codel = CoDel(shed_delay.interval_ns, shed_delay.targets_ns)
        self._accounts: list[Account] = [Account() for _ in range(self.types.lowest + 1)]
        self._type_accounts: dict[str, Account] = {}
        self._unanswered: Counter[tuple[int, Status]] = Counter()
        self._arrivals, self._answers = RateWindow(), RateWindow()
        self._seen = [_sums(account) for account in self._accounts]

    @classmethod
    def of(
        cls,
        given: str | Strategy | EventScheduler,
        shed_delay: DelayShedder | None = None,
    ) -> EventScheduler:
        """Return the scheduler itself, which has a ``shed_delay`` of its own (ValueError), or one for the strategy."""
        if not isinstance(given, EventScheduler):
            return cls(given, shed_delay=shed_delay)
        if shed_delay is not None:
            raise ValueError("give shed_delay to the scheduler itself: this one was made already")
        return given

    @property
    def ranks_by_type(self) -> bool:
        """Whether type, level and urgency alone give an event its key, so that it can be ranked without Python."""
        return type(self).rank is EventScheduler.rank and type(self.types) is EventTypes

    @property
    def counts_alone(self) -> bool:
        """Whether the accounts are all that an event's end changes, so that Python need not be told."""
        return type(self).observe is EventScheduler.observe and type(self).shed is EventScheduler.shed

    @property
    def strategy(self) -> Strategy:
        """The strategy of now."""
        return self._strategy

    @property
    def offsets_ns(self) -> Sequence[int]:
        """By how much each of the 16 levels stands behind its keys now."""
        return self._offsets

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

    def steer(self, heap: EventHeap, kinds: KindTable | None = None) -> None:
        """Have a queue follow the strategy, now and whenever that changes. ValueError when it steers another one.

        With ``kinds``, its types by number, each type is accounted for, too; new ones by :meth:`learn`.
        """
        with self._switching:
            if self._steered is not None:
                raise ValueError("the scheduler steers another queue already")
            self._steered = heap
            heap.shift(self._offsets)
            self._kinds = kinds
        self._learn_anew()
        self.types.follow(self._learn_anew)

    def learn(self, name: str, code: int) -> None:
        """Account for a type under its number: with its family, since that is what its level and budget are of."""
        if self._kinds is not None:
            self._kinds.account(code, self._account_of((self.types.named(name) or self.types.default).name))

    @property
    def paces(self) -> bool:
        """Whether the gate must be asked before each event."""
        return self._pacing and self._strategy.paces

    def pace(self, wanted: bool) -> None:
        """Let the gate stand open, as while an engine drains, or be asked again."""
        self._pacing = wanted
        if self.on_pace is not None:
            self.on_pace()

    def gate(self, now_ns: int) -> Gate:
        """Return what may start at ``now_ns``. O(1)."""
        with self._switching:
            return self._strategy.gate(now_ns, [account.service.total for account in self._accounts])

    def above(self, now_ns: int) -> int:
        """Return the level below which events may start at ``now_ns``: 16 while the gate is open. O(levels)."""
        if not self.paces:
            return MAX_LEVELS
        gate = self.gate(now_ns)
        return MAX_LEVELS if gate.allowance_ns > 0 else gate.above

    def tick(self, now_ns: int, interval_ns: int, tick_late_ns: int = 0) -> Load:
        """Tell the strategy what was measured since the last tick, and return that; once a tick.

        Then what waits is moved, if the strategy wants it elsewhere: O(queued); else O(levels).
        """
        with self._switching:
            load = Load(now_ns, interval_ns, self._measured(), tick_late_ns)
            self._look(now_ns)
            self._strategy.review(load)
            self._arrange()
            if self._strategy.late_offset_ns and self._steered is not None:
                self._steered.postpone(now_ns, self._strategy.late_offset_ns, _FIRST_POSTPONED)
            return load

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        """Return (key in ns, level); see :meth:`EventTypes.rank`. O(1)."""
        return self.types.rank(event, arrival_ns)

    def observe(self, event: Event, level: int, queued_ns: int, started_ns: int, finished_ns: int) -> None:
        """Record when an event was accepted, started and finished. For one thread at a time. O(1)."""
        kind = self.types.resolve(event)
        for account in self._accounts_for(level, kind.name):
            account.record(kind.budget_ns, started_ns - queued_ns, finished_ns - started_ns)

    def shed(self, event: Event, level: int) -> None:
        """Count an event that was shed because it had waited too long. For one thread at a time. O(1)."""
        for account in self._accounts_for(level, self.types.resolve(event).name):
            account.record_shed()

    def leave(self, level: int, status: Status) -> None:
        """Count an event that ended without an answer. O(1)."""
        with self._switching:
            self._unanswered[min(level, len(self._accounts) - 1), status] += 1

    @property
    def accounts(self) -> list[Account]:
        """The twin's account of each level; those below the last one share it."""
        return list(self._accounts)

    def statistics(self) -> SchedulerStatistics:
        """Return a frozen snapshot. O(buckets)."""
        with self._switching:
            kept, left = dict(self._type_accounts), dict(self._unanswered)
            rates = self._arrivals.per_second, self._answers.per_second
        last, shedding = len(self._accounts) - 1, () if self.codel is None else self.codel.shedding()
        sheds = {min(level, last) for level in shedding}
        levels = {}
        for level, account in enumerate(self._accounts):
            unanswered = Counter({status: count for (of, status), count in left.items() if of == level})
            unanswered += Counter({Status.SHED: account.shed})
            levels[Priority(level)] = _level_statistics(account, unanswered, level in sheds)
        came = {name: account for name, account in kept.items() if account.latency.count or account.shed}
        types = {name: _level_statistics(account, {}) for name, account in came.items()}
        return SchedulerStatistics(self._strategy.name, MappingProxyType(levels), MappingProxyType(types), *rates)

    def _arrange(self) -> None:
        """Move what is queued when the strategy wants it elsewhere."""
        offsets, paces = level_offsets(self._strategy), self._strategy.paces
        if paces != self._paced and self.on_pace is not None:
            self.on_pace()
        self._paced = paces
        if offsets != self._offsets and self._steered is not None:
            self._steered.shift(offsets)
        self._offsets = offsets

    def _accounts_for(self, level: int, name: str) -> tuple[Account, Account]:
        """Where an event of a type is accounted for: its level, and the type."""
        return self._accounts[min(Priority(level), len(self._accounts) - 1)], self._account_of(name)

    def _account_of(self, name: str) -> Account:
        """The account of a type, or of all the others once there are too many."""
        found = self._type_accounts.get(name)
        if found is not None:
            return found
        with self._switching:
            kept = name if len(self._type_accounts) < MAX_TYPE_ACCOUNTS else OTHER_TYPES
            if kept not in self._type_accounts:
                self._type_accounts[kept] = Account()
            return self._type_accounts[kept]

    def _learn_anew(self) -> None:
        """Account for every type under its number, after a change of what the types are."""
        if self._kinds is not None:
            for code in range(len(self._kinds)):
                self.learn(self._kinds.name(code), code)

    def _look(self, now_ns: int) -> None:
        if self._steered is not None:
            self._arrivals.look(now_ns, self._steered.counts()[0])
        self._answers.look(now_ns, sum(sums[0] for sums in self._seen))

    def _measured(self) -> tuple[LevelLoad, ...]:
        """What each level met since this was asked the last time; the last one's is that of all below, too."""
        before, self._seen = self._seen, [_sums(account) for account in self._accounts]
        depths = (0,) * MAX_LEVELS if self._steered is None else self._steered.depths()
        last = len(before) - 1
        waiting = [*depths[:last], sum(depths[last:])]
        return tuple(
            _between(old, new, depth)
            for new, old, depth in zip(self._seen, before, waiting, strict=True)
        )


def _between(before: Sums, now: Sums, depth: int) -> LevelLoad:
    finished, late, wait_ns, service_ns = (new - old for new, old in zip(now, before, strict=True))
    return LevelLoad(finished, late, wait_ns, service_ns, depth)


def _sums(account: Account) -> Sums:
    return account.latency.count, account.late, account.wait.total, account.service.total


def _level_statistics(account: Account, unanswered: dict[Status, int], shedding: bool = False) -> LevelStatistics:
    wait, service, latency = (summarize(each) for each in (account.wait, account.service, account.latency))
    lateness, starved, shed = summarize(account.lateness), account.starved, account.shed
    left = MappingProxyType(unanswered)
    return LevelStatistics(latency.count, account.late, wait, service, latency, lateness, starved, left, shed, shedding)
