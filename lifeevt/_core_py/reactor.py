"""Reactor, the reference: the worker's stretch as a plain loop."""

from __future__ import annotations

import ctypes
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from .._contract import MAX_ENDS, MAX_IMPACTS, MAX_LEVELS, NO_KIND, NO_PATTERN, NO_ROW, Entry, Outcome, Result, Task
from .account import Account
from .cells import StateCells
from .heap import EventHeap
from .histogram import Histogram
from .kinds import KindTable
from .numbers import Rooted, finite, int64
from .reflex import ReflexTable

PROCESSED, IGNORED = 0, 1
NO_LIMIT = 2**31 - 1


class Reactor(Rooted):
    """The worker's stretch: waits, takes, appraises, decides, applies and records without Python.

    It needs Python for the events of attended kinds alone, and hands these out as tasks: (payload, key,
    level, arrival_ns, sequence, kind, started_ns, outcome or None). With ``answers`` false it leaves every
    event to Python unanswered, started_ns 0. One thread at a time may run it; the rest is thread-safe.
    """

    def __init__(
        self,
        heap: EventHeap,
        kinds: KindTable,
        table: ReflexTable,
        cells: StateCells,
        accounts: Sequence[Account],
        capacity: int,
        answers: bool,
    ) -> None:
        self._capacity = int64(capacity)
        if not 0 < self._capacity < 2**31:
            raise ValueError(f"capacity is {self._capacity}; it must lie in [1, 2**31)")
        _check_types(heap, kinds, table, cells)
        if len(cells) != table._fields:
            raise ValueError(f"the table is for {table._fields} cells, the state has {len(cells)}")
        given = tuple(accounts) if len(accounts) else ()
        if not 0 < len(given) <= MAX_LEVELS:
            raise ValueError(f"{len(given)} accounts; there must be 1 to {MAX_LEVELS}, one a level")
        if not all(isinstance(each, Account) for each in given):
            raise TypeError("an account of another kind")
        if heap._reactor is not None:
            raise ValueError("the heap has a reactor already")
        self._accounts = [given[min(level, len(given) - 1)] for level in range(MAX_LEVELS)]
        self._kinds, self._table, self._cells, self._answers = kinds, table, cells, bool(answers)
        self._results: deque[Result] = deque()
        self._overwritten = 0
        self._halted = False
        self._heap, heap._reactor = heap, id(self)
        self._gil_wait = Histogram()

    @property
    def heap(self) -> EventHeap:
        """Where the events come from."""
        return self._heap

    @property
    def gil_wait(self) -> Histogram:
        """How long events that need Python waited for it, once they were ready."""
        return self._gil_wait

    def __len__(self) -> int:
        """Return how many results wait to be taken."""
        return len(self._results)

    def run(self) -> Task | None:
        """Answer events until one needs Python: return its task, or None once halted. Blocks.

        Other Python threads run meanwhile. A waiting reactor does not wake until there is an event.
        """
        while not self._halted:
            done, task = self.run_pending(1)
            if task is not None:
                return task
            if not done:
                self._sleep()
        return None

    def run_pending(self, limit: int, above: int = MAX_LEVELS) -> tuple[int, Task | None]:
        """Answer up to ``limit`` events of a level below ``above``: (how many, task or None). Does not wait."""
        most, level = min(max(int64(limit), 0), NO_LIMIT), int64(above)
        for done in range(most):
            taken = self._heap._take_above(level)
            if taken is None:
                return done, None
            task = self._answer(*taken)
            if task is not None:
                return done, task
        return most, None

    def halt(self, halted: bool) -> None:
        """Make ``run`` return None as soon as it has answered what it took, or let it go on."""
        self._halted = bool(halted)
        self._heap.nudge()

    def put(
        self,
        payload: Any,
        sequence: int,
        level: int,
        kind: int,
        status: int,
        intensity: float,
        queued_ns: int,
        started_ns: int,
        finished_ns: int,
        version_before: int,
        version: int,
        finishes: bool,
    ) -> None:
        """Record a result that Python made, with its payload; it ``finishes`` a running event, or none."""
        outcome = (0.0, NO_PATTERN, (), (), int64(version_before), int64(version))
        numbers = tuple(map(int64, (sequence, level, kind, status)))
        times = tuple(map(int64, (queued_ns, started_ns, finished_ns)))
        strength, end = finite(intensity), numbers[3]
        if not 0 <= end < MAX_ENDS:
            raise ValueError(f"end is {end}; it must lie in [0, {MAX_ENDS})")
        self._record((payload, *numbers, strength, 0.0, *times, outcome), bool(finishes))

    def take(self, limit: int | None) -> list[Result]:
        """Take up to ``limit`` results (None: all), oldest first, each as

        (payload, sequence, level, kind, status, intensity, timestamp, queued_ns, started_ns, finished_ns,
        outcome). The payload is the event's, what ``put`` was given, or None for one that came as numbers.
        """
        with self._heap._mutex:
            count = len(self._results) if limit is None else min(max(int64(limit), 0), len(self._results))
            return [self._results.popleft() for _ in range(count)]

    def take_buffer(self, limit: int | None) -> Any:
        """Take up to ``limit`` results (None: all), oldest first, as one buffer of numbers; payloads are dropped."""
        records = [_record_of(result) for result in self.take(limit)]
        return (_Record * len(records))(*records)

    def counts(self) -> tuple[int, int]:
        """Return how many results wait, and how many were overwritten before anybody took them."""
        with self._heap._mutex:
            return len(self._results), self._overwritten

    def breathe(self, wait_ns: int) -> bool:
        """If an event waits for the GIL, give it away until the worker has it, at most ``wait_ns``.

        Returns whether one waited; costs next to nothing when none does.
        """
        int64(wait_ns)
        if self._halted or not len(self._heap):
            return False
        time.sleep(0)
        return True

    def _answer(self, entry: Entry, kind: int, intensity: float) -> Task | None:
        """Let the kind's reflex answer; the task when Python must see the event."""
        payload, key, level, queued_ns, sequence = entry
        if not self._answers:
            return payload, key, level, queued_ns, sequence, kind, 0, None
        started_ns = time.monotonic_ns()
        _, budget_ns, row, attended = (0, 0, NO_ROW, True) if kind == NO_KIND else self._kinds.describe(kind)
        outcome = None if row == NO_ROW else self._table.respond(self._cells, row, intensity)
        if attended:
            return payload, key, level, queued_ns, sequence, kind, started_ns, outcome
        finished_ns = time.monotonic_ns()
        answered = outcome or self._unanswered()
        timestamp = payload[2] if type(payload) is tuple else 0.0
        kept = None if type(payload) is tuple else payload
        self._accounts[level].record(budget_ns, started_ns - queued_ns, finished_ns - started_ns)
        status = self._status(answered)
        self._record((kept, sequence, level, kind, status, intensity, timestamp, queued_ns, started_ns, finished_ns,
                      answered), True)  # fmt: skip
        return None

    def _unanswered(self) -> Outcome:
        version = self._cells.version
        return 0.0, NO_PATTERN, (), (), version, version

    def _status(self, outcome: Outcome) -> int:
        pattern = outcome[1]
        return IGNORED if pattern == NO_PATTERN or self._table._patterns[pattern][0] else PROCESSED

    def _record(self, result: Result, finishes: bool) -> None:
        with self._heap._inside:
            self._overwritten += len(self._results) == self._capacity
            if len(self._results) == self._capacity:
                self._results.popleft()
            self._results.append(result)
            if finishes:
                self._heap._finish(result[4])

    def _sleep(self) -> None:
        epoch = self._heap.watch(False)
        if not len(self._heap) and not self._halted:
            self._heap.wait(epoch, None)
        self._heap.unwatch(False)


class _Record(ctypes.Structure):
    """A result as the native twin lays it out."""

    _fields_ = (
        ("sequence", ctypes.c_uint64),
        ("queued_ns", ctypes.c_int64),
        ("started_ns", ctypes.c_int64),
        ("finished_ns", ctypes.c_int64),
        ("intensity", ctypes.c_double),
        ("timestamp", ctypes.c_double),
        ("kind", ctypes.c_int32),
        ("level", ctypes.c_int32),
        ("status", ctypes.c_int32),
        ("slot", ctypes.c_int32),
        ("significance", ctypes.c_double),
        ("pattern", ctypes.c_int32),
        ("impacts", ctypes.c_int32),
        ("impact", ctypes.c_double * MAX_IMPACTS),
        ("applied", ctypes.c_double * MAX_IMPACTS),
        ("version_before", ctypes.c_int64),
        ("version", ctypes.c_int64),
    )


def _record_of(result: Result) -> _Record:
    _, sequence, level, kind, status, intensity, timestamp, queued_ns, started_ns, finished_ns, outcome = result
    significance, pattern, impact, applied, version_before, version = outcome
    return _Record(
        sequence, queued_ns, started_ns, finished_ns, intensity, timestamp, kind, level, status, -1, significance,
        pattern, len(impact), (ctypes.c_double * MAX_IMPACTS)(*impact), (ctypes.c_double * MAX_IMPACTS)(*applied),
        version_before, version,
    )  # fmt: skip


def _check_types(*given: Any) -> None:
    for each, wanted in zip(given, (EventHeap, KindTable, ReflexTable, StateCells), strict=True):
        if not isinstance(each, wanted):
            raise TypeError(f"a reactor needs a {wanted.__name__}, not a {type(each).__name__}")
