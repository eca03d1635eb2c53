"""What does it cost to read one field, to take a snapshot of 16, to apply a delta of 3?

Columns: ThreadSafeSelfState over both twins, the twins' cells below it, and the same state as a
dict under an RLock and under the read-write locks of ``readerwriterlock`` and ``fasteners``, where
these are installed. One thread, no contention. Every column clamps to bounds and counts versions.
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import environment
import measure
import workloads

from lifeevt import ThreadSafeSelfState

FIELDS = 16
DELTA = {"field_1": -0.5, "field_5": 0.25, "field_9": 0.125}
READ, SNAPSHOT, ADD = "read of one field", f"snapshot of {FIELDS} fields", f"delta of {len(DELTA)} fields"
Lock = Callable[[], AbstractContextManager[Any]]
Operations = dict[str, Callable[[], Any]]


class DictState:
    """The same state as plain Python: a dict, one lock to read and one to write."""

    def __init__(self, reading: Lock, writing: Lock) -> None:
        self._values = {name: field.default for name, field in workloads.fields(FIELDS).items()}
        self._reading, self._writing = reading, writing
        self.version = 0

    def read(self, name: str) -> float:
        with self._reading():
            return self._values[name]

    def snapshot(self) -> tuple[int, dict[str, float]]:
        with self._reading():
            return self.version, dict(self._values)

    def apply_delta(self, delta: dict[str, float]) -> int:
        with self._writing():
            for name, amount in delta.items():
                self._values[name] = min(max(self._values[name] + amount, 0.0), 100.0)
            self.version += 1
            return self.version


def of_dict(reading: Lock, writing: Lock) -> Operations:
    state = DictState(reading, writing)
    return {READ: lambda: state.read("field_5"), SNAPSHOT: state.snapshot, ADD: lambda: state.apply_delta(DELTA)}


def of_state(backend: str) -> Operations:
    state = ThreadSafeSelfState(workloads.fields(FIELDS), backend=backend)
    return {READ: lambda: state["field_5"], SNAPSHOT: state.snapshot, ADD: lambda: state.apply_delta(DELTA)}


def of_cells(core: Any) -> Operations:
    cells = core.StateCells([50.0] * FIELDS, [0.0] * FIELDS, [100.0] * FIELDS, [False] * FIELDS)
    places, amounts = (1, 5, 9), tuple(DELTA.values())
    return {READ: lambda: cells.read(5), SNAPSHOT: cells.read_all, ADD: lambda: cells.add(places, amounts)}


def of_readerwriterlock() -> Operations:
    from readerwriterlock import rwlock

    lock = rwlock.RWLockWrite()  # writers first, as ours
    return of_dict(lock.gen_rlock, lock.gen_wlock)


def of_fasteners() -> Operations:
    import fasteners

    lock = fasteners.ReaderWriterLock()
    return of_dict(lock.read_lock, lock.write_lock)


def of_rlock() -> Operations:
    lock = threading.RLock()
    return of_dict(lambda: lock, lambda: lock)


def columns() -> dict[str, Operations]:
    twins = environment.twins()
    made = {name: of_state(name) for name in twins}
    made |= {f"cells {name}": of_cells(core) for name, core in twins.items()}
    made["RLock+dict"] = of_rlock()
    for name, peer in (("readerwriterlock", of_readerwriterlock), ("fasteners", of_fasteners)):
        if importlib.util.find_spec(name):
            made[name] = peer()
    return made | {measure.LOOP: dict.fromkeys((READ, SNAPSHOT, ADD), lambda: None)}


def timed(operation: Callable[[], Any], times: int) -> Callable[[], float]:
    """Nanoseconds per call."""

    def measured() -> float:
        started = time.perf_counter_ns()
        for _ in range(times):
            operation()
        return (time.perf_counter_ns() - started) / times

    return measured


def main() -> None:
    given = measure.parser(__doc__).parse_args()
    measure.refuse_traced()
    times, rounds = (200, 2) if given.quick else (20_000, 11)
    made = columns()
    rows = []
    for case in (READ, SNAPSHOT, ADD):
        each = {name: timed(operations[case], times) for name, operations in made.items()}
        samples = measure.in_turns(each, given.rounds or rounds)
        rows.append(measure.Row(case, "ns per call", next(iter(made)), samples))
    measure.report("state", rows, given.json, {"calls": times, "fields": FIELDS, "quick": given.quick})


if __name__ == "__main__":
    main()
