"""How much does exclusive access add to code that works on an object of 30 numbers?

Columns: exclusive access to a state that wraps the object; the same without the times that a state keeps of it; an
RLock in its place; an RLock and, at its end, a copy of the numbers for readers. One thread, no contention. The bar is
5 % of the 51 microseconds that Life's shortest pipeline takes for an event.
"""

from __future__ import annotations

import threading
import timeit
from typing import NamedTuple

from lifeevt import ThreadSafeSelfState

from . import measure
from .bars import AT_MOST, Bar
from .environment import BACKEND
from .loops import UNMEASURED, all_timed, timer, unmeasured_bars

NAME = "exclusive"
FIELDS = 30
PIPELINE_NS = 51_000
BARS = (Bar("", 0.05 * PIPELINE_NS, AT_MOST), *unmeasured_bars())
RLOCK, COPYING = "RLock", "RLock and a copy"


class Case(NamedTuple):
    """An object, and the code that works on it."""

    name: str
    work: str
    made: type


class Plain:
    """Numbers in the object itself."""

    def __init__(self) -> None:
        for number in range(FIELDS):
            setattr(self, f"field_{number}", float(number))


class Facade:
    """Numbers behind properties, in another object, as Life's SelfState has them."""

    def __init__(self) -> None:
        self._part = Plain()


def _through(name: str) -> property:
    return property(lambda self: getattr(self._part, name), lambda self, value: setattr(self._part, name, value))


for _number in range(FIELDS):
    setattr(Facade, f"field_{_number}", _through(f"field_{_number}"))

NAMES = [f"field_{number}" for number in range(FIELDS)]
FIVE = "live.field_1 += 1.0; live.field_5 -= 0.5; live.field_9 += 0.25; live.field_13 -= 1.0; live.field_17 += 2.0"
CASES = [
    Case("nothing changed", "pass", Plain),
    Case("five numbers changed", FIVE, Plain),
    Case("nothing changed, behind properties", "pass", Facade),
    Case("five numbers changed, behind properties", FIVE, Facade),
]


def of_state(case: Case, measured: bool = True) -> timeit.Timer:
    state = ThreadSafeSelfState.wrap(case.made(), NAMES, measured=measured)
    return timer(f"with state.exclusive('handler') as live: {case.work}", state=state)


def of_lock(case: Case, end: str) -> timeit.Timer:
    work = f"with lock:\n    {case.work}\n    {end}"
    return timer(work, lock=threading.RLock(), live=case.made(), names=NAMES)


def columns(case: Case) -> dict[str, timeit.Timer]:
    made = {BACKEND: of_state(case), BACKEND + UNMEASURED: of_state(case, measured=False)}
    made[RLOCK] = of_lock(case, "pass")
    made[COPYING] = of_lock(case, "published = {name: getattr(live, name) for name in names}")
    return made | {measure.LOOP: timer("pass")}


def row(case: Case, times: int, rounds: int) -> measure.Row:
    samples = measure.in_turns(all_timed(columns(case), times), rounds)
    return measure.Row(case.name, "ns an access", next(iter(samples)), samples, bars=BARS)


def rows(effort: measure.Effort) -> list[measure.Row]:
    times, turns = (200, 2) if effort.quick else (10_000, 11)
    return [row(case, times, effort.rounds or turns) for case in CASES]
