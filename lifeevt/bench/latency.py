"""How long from submit until the state has changed, in an idle interpreter and beside a computing thread?

Columns: the engine over both twins, a Python thread on ``queue.PriorityQueue`` with the same answer, and the
floor: a thread of C that waits on a condition variable of C, woken in the same way. One critical event at a
time, at irregular pauses, by a thread that was just woken and sleeps again. The end is the clock's look right
after the answer, so a worker that waited for the interpreter is charged for it. A thread can also wait for a
core: that is read from /proc/self/task/TID/schedstat, reported beside, and no fault of the column.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from .. import AsyncEventProcessor, Event, ThreadSafeSelfState
from . import environment, measure, workloads
from .bars import Bar
from .peers import PlainBeing, PriorityQueueWorker

NAME = "latency"
WORKER = "lifeevt-worker"
PERCENTILES = (50.0, 90.0, 99.0)
CORE_WAIT_NS = 50_000  # a sample whose worker waited longer than this for a core is spoiled
IDLE, BUSY = "idle interpreter", "beside a computing thread"
PEER, FLOOR = "PriorityQueue worker", "condvar in C (floor)"
TIMES_BETTER, TIMES_FLOOR = 200.0, 1.5
PAUSE_SECONDS = 0.003
GIVE_UP_SECONDS = 5.0


class Subject(Protocol):
    """What is measured: something that answers on a thread of its own."""

    thread_id: int

    def submit(self, event: Event) -> object: ...

    def finished_ns(self) -> int | None:
        """When the one event was answered; None while it was not."""

    def close(self) -> None: ...


class Engine:
    def __init__(self, backend: str) -> None:
        state = ThreadSafeSelfState.life(backend=backend)
        self._engine = AsyncEventProcessor(state, backend=backend)
        self._engine.start()
        self.thread_id = thread_ids()[WORKER]
        self.submit = self._engine.submit

    def finished_ns(self) -> int | None:
        results = self._engine.results()
        return results[-1].finished_ns if results else None

    def close(self) -> None:
        self._engine.close()


class Peer:
    def __init__(self) -> None:
        self._worker = PriorityQueueWorker(PlainBeing())
        self.thread_id = self._worker.thread.native_id or 0
        self.submit = self._worker.submit

    def finished_ns(self) -> int | None:
        return self._worker.finished_ns.pop() if self._worker.finished_ns else None

    def close(self) -> None:
        self._worker.close()


class Floor:
    def __init__(self) -> None:
        before = set(task_ids())
        from .. import _core_ping

        self._ping: Any = _core_ping.CondvarPing()
        (self.thread_id,) = set(task_ids()) - before or {0}
        self._seen_ns = 0

    def submit(self, event: Event) -> None:
        self._ping.ping()

    def finished_ns(self) -> int | None:
        seen, self._seen_ns = self._seen_ns, self._ping.woken_ns
        return self._seen_ns if self._seen_ns != seen else None

    def close(self) -> None:
        self._ping.close()


@dataclass
class Seen:
    """The samples of one column: how long, and how long of it the worker waited for a core."""

    latency_us: list[float] = field(default_factory=list)
    core_wait_ns: list[int] = field(default_factory=list)

    def core_wait(self) -> str:
        spoiled = sum(waited > CORE_WAIT_NS for waited in self.core_wait_ns)
        p50_us, p99_us = (measure.percentile(self.core_wait_ns, percent) / 1000 for percent in (50.0, 99.0))
        return f"p50 {p50_us:.0f} us, p99 {p99_us:.0f} us; {spoiled} of {len(self.core_wait_ns)} samples spoiled"


def thread_ids() -> dict[str, int]:
    return {thread.name: thread.native_id or 0 for thread in threading.enumerate()}


def task_ids() -> list[int]:
    tasks = Path("/proc/self/task")
    return [int(path.name) for path in tasks.iterdir()] if tasks.exists() else []


def core_wait_ns(thread_id: int) -> int:
    """How long the kernel kept a thread in its run queue so far; 0 where the kernel does not say."""
    told = Path(f"/proc/self/task/{thread_id}/schedstat")
    return int(told.read_text(encoding="ascii").split()[1]) if told.exists() else 0


@contextmanager
def computing_thread(computes: bool) -> Iterator[None]:
    """A thread that computes in pure Python for as long as this is entered; none when not ``computes``."""
    going_on = [computes]

    def spin() -> None:
        turns = 0
        while going_on[0]:
            turns += 1

    spinner = threading.Thread(target=spin)
    spinner.start()
    try:
        yield
    finally:
        going_on[0] = False
        spinner.join()


def sample(make: Callable[[], Subject], pings: int, seen: Seen) -> None:
    subject = make()
    event = Event("shock", -0.5)
    try:
        for pause in workloads.pauses(pings, PAUSE_SECONDS):
            before = core_wait_ns(subject.thread_id)
            time.sleep(pause)  # who submits has just been woken, as a sensor's or a socket's thread is
            submitted_ns = time.monotonic_ns()
            subject.submit(event)
            time.sleep(pause)
            seen.latency_us.append((answered_ns(subject) - submitted_ns) / 1000)
            seen.core_wait_ns.append(core_wait_ns(subject.thread_id) - before)
    finally:
        subject.close()


def answered_ns(subject: Subject) -> int:
    until = time.monotonic() + GIVE_UP_SECONDS
    while (finished_ns := subject.finished_ns()) is None:
        if time.monotonic() > until:
            raise TimeoutError(f"no answer within {GIVE_UP_SECONDS:g} s")
        time.sleep(PAUSE_SECONDS / 3)
    return finished_ns


def subjects() -> dict[str, Callable[[], Subject]]:
    made: dict[str, Callable[[], Subject]] = {name: partial(Engine, name) for name in environment.twins()}
    made[PEER] = Peer
    if "native" in made:
        made[FLOOR] = Floor
    return made


def measured(case: str, pings: int, rounds: int) -> dict[str, Seen]:
    made = subjects()
    seen = {name: Seen() for name in made}
    names = list(made)
    with computing_thread(case == BUSY):
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                sample(made[name], pings, seen[name])
    return seen


def rows_of(case: str, seen: dict[str, Seen]) -> list[measure.Row]:
    """A row for every percentile; how long the workers waited for a core stands under the last."""
    ours = next(iter(seen))
    rows = [
        measure.Row(
            f"{case}, p{percent:g}", "us from submit to state applied", ours,
            {name: [measure.percentile(each.latency_us, percent)] for name, each in seen.items()},
        )
        for percent in PERCENTILES
    ]  # fmt: skip
    rows[-1].notes = {f"core wait, {name}": each.core_wait() for name, each in seen.items()}
    if case == BUSY:
        rows[-1].bars = [Bar(PEER, TIMES_BETTER), Bar(FLOOR, TIMES_FLOOR, "at most")]
    return rows


def rows(quick: bool, rounds: int | None) -> list[measure.Row]:
    pings, turns = (5, 1) if quick else (200, rounds or 8)
    return [row for case in (IDLE, BUSY) for row in rows_of(case, measured(case, pings, turns))]


if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
