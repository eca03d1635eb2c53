"""Reactor, the reference: the worker's stretch as a plain loop."""

from __future__ import annotations

import ctypes
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..contract import (
    MAX_ENDS,
    MAX_IMPACTS,
    MAX_LEVELS,
    NO_KIND,
    NO_PATTERN,
    NO_ROW,
    SHED_END,
    UNSET,
    Entry,
    Outcome,
    Result,
    Task,
)
from .account import Account
from .cells import StateCells
from .codel import CoDel
from .heap import EventHeap
from .histogram import Histogram
from .kinds import KindTable
from .numbers import INT64_MAX, INT64_MIN, Rooted, finite, int64
from .offers import Numbers, checked_level
from .reflex import ReflexTable

PROCESSED, IGNORED, DEAD_LETTERED = 0, 1, 4
NO_LIMIT = 2**31 - 1


class Reactor(Rooted):
    """The worker's stretch: waits, takes, appraises, decides, applies and records without Python.

    It needs Python for the events of attended kinds alone. Those with stages it handles itself (``attend``
    and ``serve``); the others it hands out as tasks: (payload, key, level, arrival_ns, sequence, kind,
    started_ns, outcome or None). With ``answers`` false it leaves every event to Python unanswered,
    started_ns 0. One thread at a time may run it; the rest is thread-safe.
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
        if heap._reactor is not None and heap._reactor() is not None:
            raise ValueError("the heap has a reactor already")
        self._accounts = [given[min(level, len(given) - 1)] for level in range(MAX_LEVELS)]
        self._kinds, self._table, self._cells, self._answers = kinds, table, cells, bool(answers)
        self._results: deque[Result] = deque()
        self._overwritten = 0
        self._halted = False
        self._due_ns: int | None = None
        self._told_version = 0
        self._heap, heap._reactor = heap, weakref.ref(self)
        self._codel: CoDel | None = None
        self._gil_wait = Histogram()
        self._handlers: dict[int, tuple[Any, Any, Any, bool]] = {}
        self._state = self._make_event = self._in_words = self._on_error = self._on_task = None  # type: Any

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

    def attend(self, code: int, meaning: Any, decision: Any, action: Any, bare: bool) -> None:
        """Give a kind its stages, each a callable or None; a ``bare`` action is not given the decision."""
        self._handlers[int64(code)] = (meaning, decision, action, bool(bare))

    def serve(self, state: Any, make_event: Any, in_words: Any, on_error: Any, on_task: Any) -> None:
        """Say what stages are given, and who helps where numbers are not enough.

        ``make_event(kind, intensity, timestamp)`` for an event that came as numbers, ``in_words(kind, outcome)``
        for the reflex's (meaning, decision, action) where a stage is missing, ``on_error(event, stage, error)``
        for the text of a failure, ``on_task(task)`` for attended events without stages that pass between those
        of another.
        """
        self._state, self._make_event, self._in_words = state, make_event, in_words
        self._on_error, self._on_task = on_error, on_task

    def run(self) -> Task | None:
        """Answer events until one needs Python: return its task, or None once halted or due. Blocks.

        Other Python threads run meanwhile. A waiting reactor does not wake until there is an event.
        """
        while not self._halted and not self._is_due():
            answered, task = self._next(MAX_LEVELS, False)
            if task is not None:
                return task
            if not answered:
                self._sleep()
        return None

    def run_pending(self, limit: int, above: int = MAX_LEVELS) -> tuple[int, Task | None]:
        """Answer, or shed, up to ``limit`` events of a level below ``above``: (how many, task or None). Does not wait.

        What a stage raises that is no Exception is raised here, once its event has ended.
        """
        most, level = min(max(int64(limit), 0), NO_LIMIT), int64(above)
        for done in range(most):
            answered, task = self._next(level, True)
            if not answered:
                return done, task
        return most, None

    def halt(self, halted: bool) -> None:
        """Make ``run`` return None as soon as it has answered what it took, or let it go on."""
        self._halted = bool(halted)
        self._heap.nudge()

    def wake_at(self, due_ns: int | None) -> None:
        """Make ``run`` return None at a time of the system's clock (None: never), also when nothing comes."""
        self._due_ns = None if due_ns is None else int64(due_ns)
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
        numbers = _checked_numbers(sequence, level, kind, status)
        strength = finite(intensity)
        times = int64(queued_ns), int64(started_ns), int64(finished_ns)
        outcome = (0.0, NO_PATTERN, (), (), int64(version_before), int64(version))
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

    def shed_by(self, codel: CoDel | None) -> None:
        """Ask a CoDel before an event is answered, or (None) none: what it turns away ends as shed. At any time."""
        if codel is not None and not isinstance(codel, CoDel):
            raise TypeError(f"a reactor sheds by a CoDel, not by a {type(codel).__name__}")
        self._codel = codel

    def admits(self, level: int, queued_ns: int, now_ns: int) -> bool:
        """Return whether an event shall be answered that was handed out unanswered; False: end it as shed.

        Asked once for each, by whoever runs this reactor, at a time of its own clock. O(1).
        """
        height, waited_ns = checked_level(level), -int64(queued_ns) + int64(now_ns)
        if self._codel is None:
            return True
        last = not self._heap.depths()[height]
        return self._codel.admits(height, int64(now_ns), min(max(waited_ns, INT64_MIN), INT64_MAX), last)

    def _next(self, above: int, raises: bool) -> tuple[bool, Task | None]:
        """Answer the head, if it is of a more important level: whether it was, or the task it leaves to Python."""
        taken = self._heap._take_above(above)
        if taken is None:
            return False, None
        handled = taken[1][0] in self._handlers  # looked at first: its reflex was named before its handler
        task = self._answer(*taken)
        if task is None or not (self._answers and handled) or taken[2]:
            return task is None, task
        self._handle(task, taken[1], raises)
        return True, None

    def _handle(self, task: Task, numbers: Numbers, raises: bool) -> None:
        """Run a task's stages and record what they gave; a failure ends the event, not the worker."""
        outcome: list[Any] = [None, UNSET, UNSET, UNSET, None]
        stage = _Stage()
        raised: BaseException | None = None
        status = PROCESSED
        try:
            outcome[0] = self._make_event(*numbers) if len(numbers) == 3 else task[0]
            self._run_stages(outcome, task, stage)
        except BaseException as error:
            status, raised = DEAD_LETTERED, error
            outcome[4] = self._told(outcome[0], stage.name, error)
        self._publish(task, numbers, status, outcome)
        if raised is not None and raises and not isinstance(raised, Exception):
            raise raised

    def _run_stages(self, outcome: list[Any], task: Task, stage: _Stage) -> None:
        """Meaning, decision, action; between two of them what is more important may pass."""
        meaning, decision, action, bare = self._handlers[task[5]]
        event, state = outcome[0], self._state
        if meaning is not None:
            stage.name = "meaning"
            outcome[1] = meaning(event, state)
            self._let_pass(task[2])
        if decision is not None:
            stage.name = "decision"
            outcome[2] = decision(event, self._words(task)[0] if meaning is None else outcome[1], state)
            self._let_pass(task[2])
        if action is None:
            return
        stage.name = "action"
        if bare:
            outcome[3] = action(event, state)
        else:
            outcome[3] = action(event, self._words(task)[1] if decision is None else outcome[2], state)

    def _words(self, task: Task) -> Any:
        """(meaning, decision, action) of the event's reflex; None for each when it has none."""
        return (None, None, None) if task[7] is None else self._in_words(task[5], task[7])

    def _told(self, event: Any, stage: str, error: BaseException) -> Any:
        """The text of a failure, which its teller logs; the worker survives even a teller that fails."""
        try:
            return self._on_error(event, stage, error)
        except Exception as another:
            return f"{error!r}; and then {another!r}"

    def _let_pass(self, level: int) -> None:
        """Answer more important events first; each level only for the ones above it, so not deep."""
        while True:
            answered, task = self._next(level, False)
            if task is not None:
                self._on_task(task)
            elif not answered:
                return

    def _publish(self, task: Task, numbers: Numbers, status: int, outcome: list[Any]) -> None:
        """Record an event that Python has handled."""
        _, _, level, queued_ns, sequence, kind, started_ns, answered = task
        significance, pattern, impact, applied, before, _ = answered or self._unanswered()
        finished_ns = time.monotonic_ns()
        budget_ns = self._kinds.describe(kind)[1]
        self._account(level, kind, budget_ns, started_ns - queued_ns, finished_ns - started_ns)
        reflex = (significance, pattern, impact, applied, before, self._cells.version)
        _, intensity, timestamp = (*numbers, 0.0)[:3]
        self._record((outcome, sequence, level, kind, status, intensity, timestamp, queued_ns, started_ns,
                      finished_ns, reflex), True)  # fmt: skip

    def _answer(self, entry: Entry, numbers: Numbers, tracked: bool) -> Task | None:
        """Let the kind's reflex answer; the task when Python must see the event."""
        payload, key, level, queued_ns, sequence = entry
        kind, intensity, *timestamp = numbers
        if not self._answers or tracked:
            return payload, key, level, queued_ns, sequence, kind, 0, None
        started_ns = time.monotonic_ns()
        if not self.admits(level, queued_ns, started_ns):
            self._shed(entry, numbers, started_ns)
            return None
        known = 0 <= kind < len(self._kinds)
        _, budget_ns, row, attended = self._kinds.describe(kind) if known else (0, 0, NO_ROW, True)
        answers = 0 <= row < len(self._table)
        outcome = self._table.respond(self._cells, row, intensity, cause=sequence) if answers else None
        if attended:
            self._gil_wait.record(0)
            return payload, key, level, queued_ns, sequence, kind, started_ns, outcome
        finished_ns = time.monotonic_ns()
        answered = outcome or self._unanswered()
        kept, seconds = (None, timestamp[0]) if timestamp else (payload, 0.0)
        self._account(level, kind, budget_ns, started_ns - queued_ns, finished_ns - started_ns)
        status = self._status(answered)
        self._record((kept, sequence, level, kind, status, intensity, seconds, queued_ns, started_ns, finished_ns,
                      answered), True)  # fmt: skip
        return None

    def _shed(self, entry: Entry, numbers: Numbers, now_ns: int) -> None:
        """End an event that had waited too long."""
        payload, _, level, queued_ns, sequence = entry
        kind, intensity, *timestamp = numbers
        self._accounts[level].record_shed()
        met = self._kinds._accounts[kind] if 0 <= kind < len(self._kinds) else None
        if met is not None:
            met.record_shed()
        kept, seconds = (None, timestamp[0]) if timestamp else (payload, 0.0)
        self._record((kept, sequence, level, kind, SHED_END, intensity, seconds, queued_ns, now_ns, now_ns,
                      self._unanswered()), True)  # fmt: skip

    def _account(self, level: int, kind: int, budget_ns: int, wait_ns: int, service_ns: int) -> None:
        """Note how an event of a known kind fared: for its level, and for its type if that has an account."""
        self._accounts[level].record(budget_ns, wait_ns, service_ns)
        met = self._kinds._accounts[kind]
        if met is not None:
            met.record(budget_ns, wait_ns, service_ns)

    def _unanswered(self) -> Outcome:
        version = self._cells.version
        return 0.0, NO_PATTERN, (), (), version, version

    def _status(self, outcome: Outcome) -> int:
        pattern = outcome[1]
        return IGNORED if pattern == NO_PATTERN or self._table._patterns[pattern][0] else PROCESSED

    def _record(self, result: Result, finishes: bool) -> None:
        given_up = []  # dropped outside: what dies then may use the heap
        with self._heap._inside:
            if finishes:
                self._heap._finish(result[4])
            if len(self._results) == self._capacity:
                given_up.append(self._results.popleft())
            self._overwritten += len(given_up)
            self._results.append(result)

    def _sleep(self) -> None:
        epoch = self._heap.watch(False)
        if not self._heap._may_give() and not self._halted:
            left_ns = None if self._due_ns is None else max(self._due_ns - time.monotonic_ns(), 0)
            self._heap.wait(epoch, left_ns)
        self._heap.unwatch(False)

    def _is_due(self) -> bool:
        if self._cells.changes_waiting and self._told_version != self._cells.version:
            self._told_version = self._cells.version  # said once of each version, for who tells may be slow
            return True
        return self._due_ns is not None and time.monotonic_ns() >= self._due_ns


class _Stage:
    """Which stage runs now."""

    def __init__(self) -> None:
        self.name = "event"


def _checked_numbers(*numbers: int) -> tuple[int, int, int, int]:
    sequence, level, kind, end = map(int64, numbers)
    if sequence < 0:
        raise ValueError(f"sequence is {sequence}; it must not be negative")
    if not 0 <= level < MAX_LEVELS:
        raise ValueError(f"level is {level}; it must lie in [0, {MAX_LEVELS})")
    if not NO_KIND <= kind < 2**31:
        raise ValueError(f"{kind} is no kind")
    if not 0 <= end < MAX_ENDS:
        raise ValueError(f"end is {end}; it must lie in [0, {MAX_ENDS})")
    return sequence, level, kind, end


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
