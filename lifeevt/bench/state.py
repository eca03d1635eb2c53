"""What does it cost to read one field, to take a snapshot of 16, to apply a delta of 3?

Columns: ThreadSafeSelfState over both twins, the twins' cells below it, and the same state as a
dict under an RLock and under the read-write locks of ``readerwriterlock`` and ``fasteners``, where
these are installed. One thread, no contention. Every column clamps to bounds and counts versions.

Each statement stands in the measured loop itself, with local names and no function around it: what
a peer is written out as has no call of ours in it. Between two writes the native twin hands out the
same snapshot again, so there are also cases with a write before each.
"""

from __future__ import annotations

import importlib.util
import threading
import timeit
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import ThreadSafeSelfState
from . import environment, measure, workloads

FIELDS = 16
DELTA = {"field_1": -0.5, "field_5": 0.25, "field_9": 0.125}
ONE = {"field_1": 0.5}
NS = 1e9


class Case(NamedTuple):
    """A statement in each of three ways to hold a state of so many fields."""

    name: str
    fields: int
    state: str
    cells: str
    peer: str


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
CHANGED = tuple("\n".join(each) for each in zip(
    ("state.apply_delta(one)", "cells.add((1,), (0.5,))", ADD[2].replace("delta.items", "one.items")),
    SNAPSHOT,
    strict=True,
))  # fmt: skip

CASES = [
    Case("read of one field", FIELDS, *READ),
    Case(f"snapshot of {FIELDS} fields", FIELDS, *SNAPSHOT),
    Case(f"delta of {len(DELTA)} fields", FIELDS, *ADD),
    *[Case(f"delta of one field, then a snapshot of {count}", count, *CHANGED) for count in (4, 16, 64, 256)],
]


def of_state(case: Case, backend: str) -> timeit.Timer:
    return timer(case.state, state=ThreadSafeSelfState(workloads.fields(case.fields), backend=backend))


def of_cells(case: Case, core: Any) -> timeit.Timer:
    count = case.fields
    cells = core.StateCells([50.0] * count, [0.0] * count, [100.0] * count, [False] * count)
    return timer(case.cells, cells=cells, places=(1, 5, 9), amounts=tuple(DELTA.values()))


def of_peer(case: Case, reading: Any, writing: Any) -> timeit.Timer:
    fields = workloads.fields(case.fields)
    values = {name: field.default for name, field in fields.items()}
    bounds = {name: (field.lowest, field.highest) for name, field in fields.items()}
    return timer(case.peer, reading=reading, writing=writing, values=values, bounds=bounds, version=0)


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


def timer(statement: str, **known: Any) -> timeit.Timer:
    """Time the statement in a loop where all that it names is local."""
    known |= {"delta": DELTA, "one": ONE}
    setup = "; ".join(f"{name} = given[{name!r}]" for name in known)
    return timeit.Timer(statement, setup, globals={"given": known})


def columns(case: Case) -> dict[str, timeit.Timer]:
    twins = environment.twins()
    made = {name: of_state(case, name) for name in twins}
    made |= {f"cells {name}": of_cells(case, core) for name, core in twins.items()}
    made["RLock+dict"] = of_rlock(case)
    for name, peer in (("readerwriterlock", of_readerwriterlock), ("fasteners", of_fasteners)):
        if importlib.util.find_spec(name):
            made[name] = peer(case)
    return made | {measure.LOOP: timer("pass")}


def timed(statement: timeit.Timer, times: int) -> Callable[[], float]:
    """Nanoseconds per turn of the loop."""
    return lambda: statement.timeit(times) / times * NS


def main() -> None:
    given = measure.parser(__doc__).parse_args()
    measure.refuse_traced()
    times, rounds = (200, 2) if given.quick else (20_000, 11)
    rows = []
    for case in CASES:
        made = columns(case)
        samples = measure.in_turns({name: timed(each, times) for name, each in made.items()}, given.rounds or rounds)
        rows.append(measure.Row(case.name, "ns per turn", next(iter(made)), samples))
    measure.report("state", rows, given.json, {"calls": times, "fields": FIELDS, "quick": given.quick})


if __name__ == "__main__":
    main()
