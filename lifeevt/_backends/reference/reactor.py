"""Reactor, the reference: the worker's run loop, one event at a time.

``_process_next`` has the steps of an event in order: take, shed or start, respond, and then record or leave to Python.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..contract import MAX_LEVELS, NO_PATTERN, NO_ROW, NO_TYPE_ID, SHED_END, Outcome, Record, Task, TypeRow
from .account import Account
from .cells import StateCells
from .codel import CoDel
from .heap import EventHeap
from .histogram import Histogram
from .numbers import int64, saturated
from .queued import Queued
from .reflex import ReflexTable
from .stages import Helpers, StagedEvent, Stages
from .type_table import UNKNOWN_TYPE, TypeTable
from .uncopyable import Uncopyable

PROCESSED, IGNORED, DEAD_LETTERED = 0, 1, 4


class Reactor(Uncopyable):
    """The run loop of the worker: it waits for events, takes, appraises and records them, and applies their reflexes.

    Events of a type that needs Python are processed by the stages of the type (``set_stages``, ``set_helpers``), or
    handed out as tasks. With ``processes`` false every event is handed out unprocessed, with started_ns 0. One thread
    at a time may run a reactor; all other calls are thread-safe.
    """

    def __init__(
        self,
        heap: EventHeap,
        type_table: TypeTable,
        table: ReflexTable,
        cells: StateCells,
        accounts: Sequence[Account],
        capacity: int,
        processes: bool,
    ) -> None:
        if not 0 < int64(capacity) < 2**31:
            raise ValueError(f"capacity is {capacity}; it must lie in [1, 2**31)")
        self._heap, self._types, self._table, self._cells, self._processes = heap, type_table, table, cells, processes
        self._accounts = [accounts[min(level, len(accounts) - 1)] for level in range(MAX_LEVELS)]
        self._results: deque[Record] = deque()  # of the last ``capacity`` events, until they are taken
        self._capacity, self._overwritten = capacity, 0
        self._gil_wait = Histogram()
        self._codel: CoDel | None = None
        self._stages: dict[int, Stages] = {}  # by type
        self._helpers = Helpers()
        self._halted = False
        self._due_ns: int | None = None
        self._delivered_version = 0

    @property
    def heap(self) -> EventHeap:
        """The heap that the events come from."""
        return self._heap

    @property
    def gil_wait(self) -> Histogram:
        """The times that events spent waiting for Python after they were taken."""
        return self._gil_wait

    def __len__(self) -> int:
        """Return the number of results that wait to be taken."""
        return len(self._results)

    def set_stages(self, type_id: int, meaning: Any, decision: Any, action: Any, bare: bool) -> None:
        """Set the stages of a type, each a callable or None; a ``bare`` action is not given the decision."""
        self._stages[type_id] = Stages(meaning, decision, action, bare)

    def set_helpers(self, state: Any, make_event: Any, stage_values: Any, on_error: Any, process_task: Any) -> None:
        """Set the state that stages are given, and the functions for steps that need objects.

        Args:
            make_event: (type_id, intensity, timestamp) → the event that came as these numbers.
            stage_values: (type_id, outcome) → the reflex's (meaning, decision, action), for a missing stage.
            on_error: (event, stage, error) → the failure as text.
            process_task: processes a task between two stages of another event.
        """
        self._helpers = Helpers(state, make_event, stage_values, on_error, process_task)

    # --- the run loop

    def run(self) -> Task | None:
        """Process events until one needs Python: return its task, or None once halted or due. Blocks.

        Other Python threads run meanwhile. A waiting reactor sleeps until there is an event.
        """
        while not self._halted and not self._is_due():
            processed, task = self._process_next(MAX_LEVELS, raises=False)
            if task is not None:
                return task
            if not processed:
                self._sleep()
        return None

    def run_pending(self, limit: int, above: int = MAX_LEVELS) -> tuple[int, Task | None]:
        """Process or shed up to ``limit`` events of a level below ``above``: (their number, task or None).

        Does not wait. A BaseException of a stage that is no Exception is raised here, after its event has ended.
        """
        most, done = int64(limit), 0
        while done < most:
            processed, task = self._process_next(above, raises=True)
            if not processed:
                return done, task
            done += 1
        return done, None

    def halt(self, halted: bool) -> None:
        """Make ``run`` return None after the event that it processes, or (False) go on."""
        self._halted = halted
        self._heap.wake_all()

    def wake_at(self, due_ns: int | None) -> None:
        """Make ``run`` return None at a time of the system's clock, with or without events; None: never."""
        self._due_ns = None if due_ns is None else int64(due_ns)
        self._heap.wake_all()

    def yield_gil(self, wait_ns: int) -> bool:
        """Yield the GIL to the worker for at most ``wait_ns`` if an event waits; return whether one waited.

        Costs next to nothing when none does.
        """
        int64(wait_ns)
        if self._halted or not len(self._heap):
            return False
        time.sleep(0)
        return True

    # --- results

    def put(
        self,
        payload: Any,
        sequence: int,
        level: int,
        type_id: int,
        status: int,
        intensity: float,
        queued_ns: int,
        started_ns: int,
        finished_ns: int,
        version_before: int,
        version: int,
        finishes: bool,
    ) -> None:
        """Record a result that Python made, with its payload; ``finishes``: a running event ends with it."""
        outcome = Outcome(0.0, NO_PATTERN, (), (), version_before, version)
        times = queued_ns, started_ns, finished_ns
        self._record(Record(payload, sequence, level, type_id, status, intensity, 0.0, *times, outcome), finishes)

    def take(self, limit: int | None) -> list[Record]:
        """Take up to ``limit`` results (None: all), oldest first.

        The payload of a record is that of its event or of ``put``; None when the event came as numbers.
        """
        with self._heap._mutex:
            most = len(self._results) if limit is None else limit
            taken: list[Record] = []
            while self._results and len(taken) < most:
                taken.append(self._results.popleft())
            return taken

    def take_buffer(self, limit: int | None) -> Any:
        """Take up to ``limit`` results (None: all), oldest first, as one buffer of numbers; payloads are dropped."""
        from .result_buffer import buffer_of  # loads ctypes, which nothing else needs

        return buffer_of(self.take(None if limit is None else int64(limit)))

    def counts(self) -> tuple[int, int]:
        """Return the numbers of results that wait and that were overwritten before they were taken."""
        with self._heap._mutex:
            return len(self._results), self._overwritten

    # --- shedding

    def shed_by(self, codel: CoDel | None) -> None:
        """Ask a CoDel before each event, or (None) none; an event that it refuses ends as shed. At any time."""
        self._codel = codel

    def admits(self, level: int, queued_ns: int, now_ns: int) -> bool:
        """Return whether an event that was handed out unprocessed may be processed; False: end it as shed.

        The thread that runs this reactor asks once for each event, at a time of its own clock. O(1).
        """
        if self._codel is None:
            return True
        last = not self._heap.depths()[level]
        return self._codel.admits(level, now_ns, saturated(now_ns - queued_ns), last)

    # --- the steps of one event

    def _process_next(self, above: int, raises: bool) -> tuple[bool, Task | None]:
        """Take the first event and process it, unless it is of a level from ``above`` on.

        Return whether it was processed, and its task if Python must process it.
        """
        event = self._heap._take(above)
        if event is None:
            return False, None
        if not self._processes or event.tracked:
            return False, event.task()
        stages = self._stages.get(event.type_id)  # before the row: a new type is given its reflex first
        payload = event.payload if event.timestamp is None else None  # of an event of numbers the record has them
        started_ns = time.monotonic_ns()
        if self._codel is not None and not self.admits(event.level, event.arrival_ns, started_ns):
            self._end(event, UNKNOWN_TYPE, payload, SHED_END, started_ns, self._no_outcome())
            return True, None
        row = UNKNOWN_TYPE if event.type_id == NO_TYPE_ID else self._types._rows[event.type_id]
        outcome = None
        if row.row != NO_ROW:
            outcome = self._table.respond(self._cells, row.row, event.intensity, cause=event.sequence)
        if not row.needs_python:
            outcome = outcome or self._no_outcome()
            acted = outcome.version != outcome.version_before
            self._end(event, row, payload, PROCESSED if acted else IGNORED, started_ns, outcome)
            return True, None
        self._gil_wait.record(0)
        if stages is None:
            return False, event.task(started_ns, outcome)
        self._run_stages(event, row, stages, started_ns, outcome, raises)
        return True, None

    def _run_stages(
        self, event: Queued, row: TypeRow, stages: Stages, started_ns: int, outcome: Outcome | None, raises: bool
    ) -> None:
        """Run a type's stages; a failure ends the event, not the worker."""
        staged = StagedEvent(event.type_id, outcome)
        status, raised = PROCESSED, None
        try:
            make = self._helpers.make_event
            numbers = event.type_id, event.intensity, event.timestamp
            staged.event = event.payload if event.timestamp is None else make(*numbers)
            staged.run(stages, self._helpers, lambda: self._process_more_urgent(event.level))
        except BaseException as error:
            status, raised = DEAD_LETTERED, error
            staged.fail(self._helpers, error)
        outcome = (outcome or self._no_outcome())._replace(version=self._cells.version)
        self._end(event, row, staged.payload(), status, started_ns, outcome)
        if raised is not None and raises and not isinstance(raised, Exception):
            raise raised

    def _process_more_urgent(self, level: int) -> None:
        """Process the more important events that wait. They nest at most once a level."""
        while True:
            processed, task = self._process_next(level, raises=False)
            if task is not None:
                self._helpers.process_task(task)
            elif not processed:
                return

    def _no_outcome(self) -> Outcome:
        version = self._cells.version
        return Outcome(0.0, NO_PATTERN, (), (), version, version)

    def _end(self, event: Queued, row: TypeRow, payload: Any, status: int, started_ns: int, outcome: Outcome) -> None:
        """Record the end of an event in the accounts of its level and its type, and as a result."""
        is_shed = status == SHED_END
        finished_ns = started_ns if is_shed else time.monotonic_ns()
        for account in self._accounts[event.level], self._types._accounts.get(event.type_id):
            if account is not None and is_shed:
                account.record_shed()
            elif account is not None:
                account.record(row.budget_ns, started_ns - event.arrival_ns, finished_ns - started_ns)
        record = Record(
            payload, event.sequence, event.level, event.type_id, status, event.intensity, event.timestamp or 0.0,
            event.arrival_ns, started_ns, finished_ns, outcome,
        )  # fmt: skip
        self._record(record, finishes=True)

    def _record(self, record: Record, finishes: bool) -> None:
        """Keep a record, and finish a running event, in one step."""
        overwritten = None
        with self._heap._mutex:
            if finishes:
                self._heap._finish(record.status)
            if len(self._results) == self._capacity:
                overwritten = self._results.popleft()
                self._overwritten += 1
            self._results.append(record)
            if self._heap._watchers:
                self._heap._announce()
        del overwritten  # outside the mutex: a finalizer of its payload may use the heap

    # --- waiting

    def _sleep(self) -> None:
        """Wait for an event that may leave, for ``halt``, or until it is due."""
        epoch = self._heap.watch(False)
        if not self._heap._may_give() and not self._halted:
            left_ns = None if self._due_ns is None else max(self._due_ns - time.monotonic_ns(), 0)
            self._heap.wait(epoch, left_ns)
        self._heap.unwatch(False)

    def _is_due(self) -> bool:
        """Return whether ``run`` must return: changes wait for delivery, or it is due."""
        if self._cells.changes_waiting and self._delivered_version != self._cells.version:
            self._delivered_version = self._cells.version  # once for each version: a delivery may be slow
            return True
        return self._due_ns is not None and time.monotonic_ns() >= self._due_ns
