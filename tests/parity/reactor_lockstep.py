"""Machines for what the worker is made of: type_table, events as numbers, and the reactor over all of it.

As in `lockstep`: several twins and an obviously right model walk the same steps. Times are looked at, and
then left out.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from typing import Any

from _backends.test_results import records
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from parity.lockstep import HeapModel, agree, answer, exact, guarding
from reactors import BUDGET_NS, IGNORED, LEVELS, NAMES, PROCESSED, SHED, RunLoop

from lifeevt._backends.contract import MAX_LEVELS, NO_END, NO_ROW, NO_TYPE_ID, REFUSED
from lifeevt._backends.reference import Bucket
from strategies import INT64_MAX, ends, levels, policies

STRENGTHS = [0.0, 0.125, -0.25, 0.5, -1.0, 1.0]
HIT_ROW, SHRUG_ROW = 0, 1

strengths = st.sampled_from(STRENGTHS)
type_table = st.integers(0, len(NAMES) - 1)
any_type = st.integers(NO_TYPE_ID, len(NAMES) - 1)
keys = st.integers(0, 3)
loads = st.lists(st.tuples(type_table, strengths, st.floats(0.0, 9.0)), max_size=6) | st.lists(
    st.tuples(type_table, strengths, st.just(1.0)), min_size=30, max_size=40
)


def type_table_machine(*twins: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    """Tables of types beside a dict of rows."""

    class TypeTableLockstep(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.tables = [twin() for twin in twins]
            self.rows: dict[str, tuple[int, int, int, bool]] = {}

        @rule(name=st.sampled_from("abcdef"), level=levels, budget=st.integers(-5, INT64_MAX))
        def add(self, name: str, level: int, budget: int) -> None:
            said = agree(self.tables, lambda table: table.add(name, level, budget))
            self.rows.setdefault(name, (level, budget, NO_ROW, True))
            assert said == list(self.rows).index(name)

        @precondition(lambda self: self.rows)
        @rule(type_id=st.integers(0, 5), row=st.integers(NO_ROW, 3), needs_python=st.booleans())
        def set_reflex(self, type_id: int, row: int, needs_python: bool) -> None:
            type_id %= len(self.rows)
            agree(self.tables, lambda table: table.set_reflex(type_id, row, needs_python))
            name = list(self.rows)[type_id]
            self.rows[name] = (*self.rows[name][:2], row, needs_python)

        @rule(level=st.sampled_from([-1, MAX_LEVELS]))
        def rubbish(self, level: int) -> None:
            for table in guarding(self.tables):
                assert answer(lambda table: table.add("rubbish", level, 1), table) is IndexError

        @invariant()
        def same_rows(self) -> None:
            for type_id, (name, row) in enumerate(self.rows.items()):
                told = agree(
                    self.tables, lambda table: [table.name(type_id), table.type_id(name), table.describe(type_id)]  # noqa: B023
                )
                assert told == [name, type_id, list(row)]
            assert agree(self.tables, len) == len(self.rows)
            assert agree(self.tables, lambda table: table.describe(len(self.rows))) is IndexError

    return TypeTableLockstep


class ReactorModel:
    """A reactor as a loop over a sorted list, one event at a time."""

    def __init__(self, capacity: int, results: int, processes: bool) -> None:
        self.heap = HeapModel(capacity)
        self.processes, self.version, self.overwritten, self.room = processes, 0, 0, results
        self.numbers: dict[int, tuple[int, float, float | None]] = {}  # by sequence
        self.results: deque[Any] = deque()
        self.delayed: dict[int, bool] | None = None  # by level: whether one left already; None: nothing is shed
        self.rows = [(HIT_ROW, False), (SHRUG_ROW, False), (NO_ROW, False), (HIT_ROW, True)]
        self.buckets: dict[int, Bucket] = {}
        self.limited = 0

    def offer(self, key: int, level: int, payload: Any, policy: int, *numbers: Any) -> Any:
        sequence = self.heap.accepted
        verdict = self.heap.offer(key, level, 7, payload, policy)
        if verdict is not REFUSED:
            self.numbers[sequence] = numbers if len(numbers) == 3 else (*numbers, None)
        return verdict

    def offer_numbers(self, load: Any, arrival_ns: int, policy: int) -> Any:
        shed, taken = [], 0
        for type_id, strength, seconds in load:
            if type_id in self.buckets and not self.buckets[type_id].admits(arrival_ns):
                self.limited += 1
                continue
            sequence = self.heap.accepted
            offer = arrival_ns + BUDGET_NS, LEVELS[type_id], arrival_ns, (type_id, strength, seconds)
            verdict = self.heap.offer(*offer, policy)
            taken += verdict is not REFUSED
            if verdict is not REFUSED:
                self.numbers[sequence] = type_id, strength, seconds
            if isinstance(verdict, tuple):
                shed.append(verdict)
        return taken, shed

    def run_pending(self, limit: int, above: int) -> Any:
        for done in range(max(limit, 0)):
            entry = self.heap.pop_above(above, NO_END)
            if entry is None:
                return done, None
            if self._sheds(entry[2]):
                self._shed(*entry)
                continue
            task = self._process(*entry)
            if task is not None:
                return done, task
        return max(limit, 0), None

    def _sheds(self, level: int) -> bool:
        """Whether one is shed, where all have waited too long: all but the first and the last, and of level 0 none."""
        if self.delayed is None or not self.processes or level == 0:
            return False
        was, self.delayed[level] = self.delayed.get(level, False), self.heap.depths()[level] > 0
        return was and self.delayed[level]

    def _shed(self, payload: Any, key: int, level: int, queued_ns: int, sequence: int) -> None:
        type_id, strength, seconds = self.numbers.pop(sequence)
        kept = payload if seconds is None else None
        versions = self.version, self.version
        self.record((kept, sequence, level, type_id, SHED, strength, seconds or 0.0, queued_ns, *versions))
        self.heap.finish(SHED)

    def _process(self, payload: Any, key: int, level: int, queued_ns: int, sequence: int) -> Any:
        type_id, strength, seconds = self.numbers.pop(sequence)
        if not self.processes:
            return payload, key, level, queued_ns, sequence, type_id, 0, None
        row, needs_python = self.rows[type_id] if 0 <= type_id < len(self.rows) else (NO_ROW, True)
        acted, status, before = row != NO_ROW, self._respond(row, abs(strength)), self.version
        self.version += status == PROCESSED
        if needs_python:
            return payload, key, level, queued_ns, sequence, type_id, 1, (before, self.version) if acted else None
        kept = payload if seconds is None else None
        self.record((kept, sequence, level, type_id, status, strength, seconds or 0.0, queued_ns, before, self.version))
        self.heap.finish(status)
        return None

    def _respond(self, row: int, strength: float) -> int:
        means = {HIT_ROW: strength, SHRUG_ROW: strength / 8, NO_ROW: 0.0}[row]
        return PROCESSED if means >= 0.25 else IGNORED

    def record(self, result: Any) -> None:
        if len(self.results) == self.room:
            self.results.popleft()
            self.overwritten += 1
        self.results.append(result)

    def take(self, limit: int | None) -> Any:
        count = len(self.results) if limit is None else min(max(limit, 0), len(self.results))
        return [self.results.popleft() for _ in range(count)]


def timeless_task(said: Any) -> Any:
    """Return the result of run_pending, with started_ns only as zero or not zero."""
    done, task = said
    return done, task and (*task[:6], int(task[6] > 0), task[7])


def told(task: Any) -> Any:
    """A task as the model has it: of the outcome, the versions."""
    return task and (*task[:7], task[7] and tuple(task[7][4:]))


def result_of(result: Any) -> Any:
    """A result as the model has it: without what a clock or the table said."""
    *numbers, started_ns, finished_ns, outcome = result
    assert started_ns <= finished_ns
    return (*numbers, *outcome[4:])


def reactor_machine(*cores: Any) -> type[RuleBasedStateMachine]:
    """A reactor of each twin and the model: the same results, ledgers and states, to the bit."""

    class ReactorLockstep(RuleBasedStateMachine):
        @initialize(
            capacity=st.integers(1, 40),
            results=st.integers(1, 40),
            processes=st.integers(0, 4),
            turning_away=st.sampled_from(["nothing", "limits", "delay"]),
        )
        def make(self, capacity: int, results: int, processes: int, turning_away: str) -> None:
            self.turning_away = turning_away  # one at a time: a refusal by one hides the other
            self.all = [RunLoop(core, capacity, results, processes > 0) for core in cores]
            self.model = ReactorModel(capacity, results, processes > 0)
            self.tasks: list[Any] = []
            if turning_away == "delay":
                self.shed_anew()

        @rule(key=keys, level=levels, payload=st.integers(0, 9), policy=policies, type_id=any_type, strength=strengths)
        def offer(self, key: int, level: int, payload: int, policy: int, type_id: int, strength: float) -> None:
            offer = key, level, 7, payload, policy, type_id, strength
            expected = self.model.offer(key, level, payload, policy, type_id, strength)
            said = agree(self.all, lambda each: each.heap.offer(*offer))
            assert said == exact(expected)

        @rule(batch=st.lists(st.tuples(keys, levels, any_type, strengths), max_size=6), policy=policies)
        def offer_many(self, batch: Any, policy: int) -> None:
            offers = [(key, level, 7, key) for key, level, _, _ in batch]
            numbers = [(type_id, strength) for _, _, type_id, strength in batch]
            expected = [self.model.offer(key, level, key, policy, *pair)
                        for (key, level, _, _), pair in zip(batch, numbers, strict=True)]  # fmt: skip
            assert agree(self.all, lambda each: each.heap.offer_many(offers, policy, numbers)) == exact(expected)

        @rule(load=loads, arrival=st.integers(0, 3), policy=policies)
        def offer_numbers(self, load: Any, arrival: int, policy: int) -> None:
            columns = [array(type_id, column) for type_id, column in zip("idd", zip(*load, strict=True), strict=False)]
            types, strong, seconds = columns or [array("i"), array("d"), array("d")]
            expected = self.model.offer_numbers(load, arrival, policy)
            assert agree(
                self.all, lambda each: each.heap.offer_numbers(each.type_table, types, strong, seconds, arrival, policy)
            ) == exact(expected)

        @rule(limit=st.integers(-1, 40) | st.just(40), above=st.integers(0, 4) | st.just(MAX_LEVELS))
        def run_pending(self, limit: int, above: int) -> None:
            said = [timeless_task(each.reactor.run_pending(limit, above)) for each in self.all]
            agree(said, lambda one: one)
            expected = self.model.run_pending(limit, above)
            assert (said[0][0], told(said[0][1])) == expected
            if expected[1] is not None:
                self.tasks.append(expected[1])

        @precondition(lambda self: self.tasks)
        @rule(status=ends)
        def finish_a_task(self, status: int) -> None:
            task = self.tasks.pop(0)
            numbers = {"sequence": task[4], "level": task[2], "type_id": task[5], "queued_ns": task[3]}
            agree(self.all, lambda each: each.put(task[0], True, status, **numbers))
            self.model.heap.finish(status)
            self.model.record((task[0], task[4], task[2], task[5], status, 0.25, 0.0, task[3], 4, 5))

        @rule(status=ends)
        def put_what_never_ran(self, status: int) -> None:
            agree(self.all, lambda each: each.put("mine", False, status))
            self.model.record(("mine", 9, 1, 0, status, 0.25, 0.0, 1, 4, 5))

        @precondition(lambda self: not self.tasks)
        @rule(status=ends)
        def finish_what_does_not_run(self, status: int) -> None:
            assert agree(self.all, lambda each: each.put("mine", True, status)) is ValueError

        @rule(limit=st.none() | st.integers(-1, 5) | st.just(40))
        def take(self, limit: int | None) -> None:
            taken = [each.reactor.take(limit) for each in self.all]
            agree(taken, lambda one: [(result_of(result), result[-1]) for result in one])
            assert [result_of(result) for result in taken[0]] == self.model.take(limit)

        @rule(limit=st.none() | st.integers(-1, 5) | st.just(40))
        def take_buffer(self, limit: int | None) -> None:
            taken = [records(each.reactor.take_buffer(limit)) for each in self.all]
            agree(taken, lambda one: [list(untimed(record).values()) for record in one])
            names = ("sequence", "level", "type_id", "status", "intensity", "timestamp", "queued_ns", "version_before",
                     "version")  # fmt: skip
            assert [tuple(record[name] for name in names) for record in taken[0]] == [
                result[1:] for result in self.model.take(limit)
            ]

        @rule(type_id=type_table, row=st.sampled_from([NO_ROW, HIT_ROW, SHRUG_ROW]), needs_python=st.booleans())
        def change_row(self, type_id: int, row: int, needs_python: bool) -> None:
            agree(self.all, lambda each: each.type_table.set_reflex(type_id, row, needs_python))
            self.model.rows[type_id] = row, needs_python

        @precondition(lambda self: self.turning_away == "delay")
        @rule()
        def shed_anew(self) -> None:
            for core, each in zip(cores, self.all, strict=True):
                each.reactor.shed_by(None)
                each.reactor.shed_by(core.CoDel(1, [0] + [1] * (MAX_LEVELS - 1)))
            self.model.delayed = {}

        @precondition(lambda self: self.turning_away == "limits")
        @rule(limited=st.sets(type_table), count=st.integers(1, 3), period_ns=st.integers(1, 4), most=st.integers(1, 4))
        def limit(self, limited: set[int], count: int, period_ns: int, most: int) -> None:
            for core, each in zip(cores, self.all, strict=True):
                bucket = core.Bucket(each.heap, count, period_ns, most)
                for type_id in limited:
                    each.type_table.limit(type_id, bucket)
            self.model.buckets.update(dict.fromkeys(limited, Bucket(None, count, period_ns, most)))

        @precondition(lambda self: self.turning_away == "limits")
        @rule(type_id=type_table)
        def lift_a_limit(self, type_id: int) -> None:
            agree(self.all, lambda each: each.type_table.limit(type_id, None))
            self.model.buckets.pop(type_id, None)

        @rule(limit=st.integers(0, 4), end=ends)
        def drain(self, limit: int, end: int) -> None:
            expected = self.model.heap.drain(limit, end)
            assert agree(self.all, lambda each: each.heap.drain(limit, end)) == exact(expected)

        @invariant()
        def same_ledger_and_state(self) -> None:
            if not hasattr(self, "model"):
                return
            model = self.model
            agree([*(each.heap for each in self.all), model.heap], lambda heap: (heap.counts(), heap.depths()))
            agree(self.all, lambda each: (each.heap.check(), each.cells.read_all(), each.reactor.counts()))
            agree(self.all, lambda each: [(account.latency.count, account.shed) for account in each.accounts])
            assert self.all[0].cells.version == model.version
            assert agree(self.all, lambda each: each.heap.limited) == model.limited
            assert self.all[0].reactor.counts() == (len(model.results), model.overwritten)

    return ReactorLockstep


def untimed(record: dict[str, Any]) -> dict[str, Any]:
    """A record of the buffer without what a clock said."""
    return {name: value for name, value in record.items() if name not in ("started_ns", "finished_ns")}
