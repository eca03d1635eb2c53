"""What do 1000 events a second use of a core, and how often does a waiting worker wake?

Share: the processor time of this process while one thread submits an event every millisecond, by absolute
deadlines, less that of the same thread when it calls something that does nothing. Beside it the processor
time of the worker's thread alone, and of a thread that takes each event out of a ``queue.SimpleQueue`` and
does nothing with it: what waking a thread costs. Wakes: the voluntary context switches of the worker's thread, as the
kernel counts them, while nothing comes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Event, ThreadSafeSelfState

from . import measure, workloads
from .bars import AT_MOST, BELOW, Bar
from .environment import BACKEND

NAME = "idle"
ABOVE, WOKEN = "engine above the feeder", "bare thread above it"
FED, TAKEN, ALONE, WORKER = "feeder and engine", "feeder and bare thread", "feeder alone", "worker's thread"
CAPACITY = 10_000
MAY_USE_PERCENT = 0.5
WARM_UP = 100  # events: work that is done once is no part of the cost
Submit = Callable[[Event], Any]


@contextmanager
def started() -> Iterator[tuple[AsyncEventProcessor, threading.Thread]]:
    """A waiting engine over Life's state, and its worker."""
    before = set(threading.enumerate())
    state, queue = ThreadSafeSelfState.life(), AsyncEventQueue(CAPACITY)
    with AsyncEventProcessor(state, queue=queue) as engine:
        (worker,) = set(threading.enumerate()) - before
        yield engine, worker


def feed(submit: Submit, load: workloads.Load) -> None:
    """Hand every event over at its own instant; a pause that came late shortens the next one."""
    step, due = 1.0 / load.events_per_second, time.monotonic()
    for event in workloads.events(int(load.events_per_second * load.seconds)):
        due += step
        time.sleep(max(due - time.monotonic(), 0.0))
        submit(event)


def nothing(event: Event) -> None: ...


def percent_used(submit: Submit, load: workloads.Load) -> float:
    before, started_at = time.process_time(), time.monotonic()
    feed(submit, load)
    return 100.0 * (time.process_time() - before) / (time.monotonic() - started_at)


def fed(load: workloads.Load, of_worker: list[float]) -> float:
    with started() as (engine, worker):
        for event in workloads.events(WARM_UP):
            engine.submit(event)
        engine.wait_idle()
        before, started_at = thread_seconds(worker), time.monotonic()
        used = percent_used(engine.submit, load)
        of_worker.append(100.0 * (thread_seconds(worker) - before) / (time.monotonic() - started_at))
        return used


def taken(load: workloads.Load) -> float:
    """The same with a thread that is woken for each event and does nothing with it."""
    waiting: SimpleQueue[Event | None] = SimpleQueue()
    thread = threading.Thread(target=lambda: [None for _ in iter(waiting.get, None)], daemon=True)
    thread.start()
    used = percent_used(waiting.put, load)
    waiting.put(None)
    thread.join()
    return used


def thread_seconds(thread: threading.Thread) -> float:
    """The processor time of a thread of this process."""
    assert thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def share_row(load: workloads.Load, rounds: int) -> measure.Row:
    of_worker: list[float] = []
    columns = {
        FED: lambda: fed(load, of_worker),
        TAKEN: lambda: taken(load),
        ALONE: lambda: percent_used(nothing, load),
    }
    seen = measure.in_turns(columns, rounds)
    case = f"{load.events_per_second:,} events a second, {BACKEND}"
    above = {name: less(seen[both], seen[ALONE]) for name, both in ((ABOVE, FED), (WOKEN, TAKEN))}
    samples = {**above, WORKER: of_worker, **seen}
    return measure.Row(case, "% of a core", ABOVE, samples, bars=[Bar("", MAY_USE_PERCENT, BELOW)])


def less(of_both: list[float], of_one: list[float]) -> list[float]:
    return [both - one for both, one in zip(of_both, of_one, strict=True)]


def wakes_a_second(worker: threading.Thread, seconds: float) -> float:
    before = voluntary_switches(worker)
    time.sleep(seconds)
    return (voluntary_switches(worker) - before) / seconds


def voluntary_switches(thread: threading.Thread) -> int:
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text(encoding="ascii")
    return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def wakes_row(seconds: float, rounds: int) -> measure.Row:
    with started() as (engine, worker):
        engine.submit(Event("noise"))
        engine.wait_idle()
        time.sleep(seconds)  # on its way to sleep the worker still gives a lock back, or two
        samples = measure.in_turns({BACKEND: lambda: wakes_a_second(worker, seconds)}, rounds)
    return measure.Row("wakes while nothing comes", "a second", BACKEND, samples, bars=[Bar("", 0, AT_MOST)])


def rows(effort: measure.Effort) -> list[measure.Row]:
    load = workloads.Load("sustained", 1000, 0.05 if effort.quick else 4.0)
    turns = effort.rounds or (2 if effort.quick else 5)
    return [share_row(load, turns), wakes_row(0.05 if effort.quick else 2.0, turns)]
