"""What does it cost to read one field, to take a snapshot of 16, to apply a delta of 3?

Columns: ThreadSafeSelfState, the cells below it, and the same state as a
dict under an RLock and under the read-write locks of ``readerwriterlock`` and ``fasteners``, where
these are installed. One thread, no contention. Every column clamps to bounds and counts versions.

Each statement stands in the measured loop itself, with local names and no function around it: what
a peer is written out as has no call of ours in it. Between two writes the native backend hands out the
same snapshot again, so there are also cases with a write before each. What a write pays for the times that a
state keeps is seen beside the same state without them.
"""

from __future__ import annotations

import importlib.util
import threading
import timeit
from typing import Any, NamedTuple

from lifeevt import ThreadSafeSelfState
from lifeevt._backends import StateCells

from . import measure, workloads
from .bars import Bar
from .environment import BACKEND
from .loops import UNMEASURED, all_timed, timer, unmeasured_bars

NAME = "state"
FIELDS = 16
DELTA = {"field_1": -0.5, "field_5": 0.25, "field_9": 0.125}
ONE = {"field_1": 0.5}
CHANGES = {"delta": DELTA, "one": ONE}
READERWRITERLOCK, FASTENERS, RLOCK = "readerwriterlock", "fasteners", "RLock+dict"
BARS = (Bar(READERWRITERLOCK, 30), Bar(FASTENERS, 30), Bar(RLOCK, 5))


class Case(NamedTuple):
    """A statement in each of three ways to hold a state of so many fields."""

    name: str
    fields: int
    state: str
    cells: str
    peer: str
    bars: tuple[Bar, ...] = ()


READ = ("state['field_5']", "cells.read(5)", "with reading(): values['field_5']")
SNAPSHOT = ("state.snapshot()", "cells.read_all()", "with reading(): version, dict(values)")
ADD = ("state.apply_delta(delta)", "cells.add(places, amounts)", """
with writing():
    for name, amount in delta.items():
        number = values[name] + amount
        low, high = bounds[name]
        values[name] = low if number < low else high if number > high else number
    version += 1
""")
CHANGED = (
    f"state.apply_delta(one)\n{SNAPSHOT[0]}",
    f"cells.add((1,), (0.5,))\n{SNAPSHOT[1]}",
    f"{ADD[2].replace('delta.items', 'one.items')}\n{SNAPSHOT[2]}",
)

CASES = [
    Case("read of one field", FIELDS, *READ, BARS),
    Case(f"snapshot of {FIELDS} fields", FIELDS, *SNAPSHOT, BARS),
    Case(f"delta of {len(DELTA)} fields", FIELDS, *ADD, (*BARS, *unmeasured_bars())),
    *[Case(f"delta of one field, then a snapshot of {count}", count, *CHANGED) for count in (4, 16, 64, 256)],
]


def of_state(case: Case, measured: bool = True) -> timeit.Timer:
    state = ThreadSafeSelfState(workloads.fields(case.fields), measured=measured)
    return timer(case.state, state=state, **CHANGES)


def of_cells(case: Case) -> timeit.Timer:
    count = case.fields
    cells = StateCells([50.0] * count, [0.0] * count, [100.0] * count, [False] * count)
    return timer(case.cells, cells=cells, places=(1, 5, 9), amounts=tuple(DELTA.values()))


def of_peer(case: Case, reading: Any, writing: Any) -> timeit.Timer:
    fields = workloads.fields(case.fields)
    values = {name: field.default for name, field in fields.items()}
    bounds = {name: (field.lowest, field.highest) for name, field in fields.items()}
    return timer(case.peer, reading=reading, writing=writing, values=values, bounds=bounds, version=0, **CHANGES)


def of_rlock(case: Case) -> timeit.Timer:
    lock = threading.RLock()
    direct = case._replace(peer=case.peer.replace("reading()", "reading").replace("writing()", "writing"))
    return of_peer(direct, lock, lock)


def of_readerwriterlock(case: Case) -> timeit.Timer:
    from readerwriterlock import rwlock

    lock = rwlock.RWLockWrite()  # writers first, as ours
    return of_peer(case, lock.gen_rlock, lock.gen_wlock)


def of_fasteners(case: Case) -> timeit.Timer:
    import fasteners

    lock = fasteners.ReaderWriterLock()
    return of_peer(case, lock.read_lock, lock.write_lock)


def columns(case: Case) -> dict[str, timeit.Timer]:
    made = {BACKEND: of_state(case), f"cells {BACKEND}": of_cells(case), RLOCK: of_rlock(case)}
    for name, peer in ((READERWRITERLOCK, of_readerwriterlock), (FASTENERS, of_fasteners)):
        if installed(name):
            made[name] = peer(case)
    return made | {BACKEND + UNMEASURED: of_state(case, measured=False), measure.LOOP: timer("pass")}


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def row(case: Case, times: int, rounds: int) -> measure.Row:
    samples = measure.in_turns(all_timed(columns(case), times), rounds)
    missing = [name for name in (READERWRITERLOCK, FASTENERS) if name not in samples]
    notes = {measure.NOT_MEASURED: f"{' and '.join(missing)}: not installed"} if missing else {}
    return measure.Row(case.name, "ns a call", next(iter(samples)), samples, notes=notes, bars=case.bars)


def rows(effort: measure.Effort) -> list[measure.Row]:
    times, turns = (200, 2) if effort.quick else (20_000, 11)
    return [row(case, times, effort.rounds or turns) for case in CASES]
