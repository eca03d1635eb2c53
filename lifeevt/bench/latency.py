"""How long from submit until the state has changed, in an idle interpreter and in a busy one?

Columns: the engine over both twins, and a Python thread on ``queue.PriorityQueue`` with the same
answer. One event at a time, at irregular pauses. The end is the clock's look right after the answer,
so a worker that waited for the interpreter is charged for it. A thread can also wait for a core: that
is read from /proc/self/task/TID/schedstat, reported beside, and no fault of the column.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from .. import AsyncEventProcessor, Event, ThreadSafeSelfState
from . import environment, measure, workloads
from .peers import PlainBeing, PriorityQueueWorker

WORKER = "lifeevt-worker"
PERCENTILES = (50.0, 90.0, 99.0)
CORE_WAIT_NS = 50_000  # a sample whose worker waited longer than this for a core is spoiled
IDLE, BUSY, COMPUTING = "idle interpreter", "beside a busy Python thread", "submitter goes on computing"


class Subject(Protocol):
    """What is measured: something that answers events on a thread of its own."""

    thread: threading.Thread

    def ping(self, event: Event, computing: bool) -> int:
        """Submit, wait (or compute) until the answer is there, and return how many ns it took."""

    def close(self) -> None: ...


class Engine:
    def __init__(self, backend: str) -> None:
        state = ThreadSafeSelfState.life(backend=backend)
        self._engine = AsyncEventProcessor(state, backend=backend)
        self._engine.start()
        self.thread = next(each for each in threading.enumerate() if each.name == WORKER)

    def ping(self, event: Event, computing: bool) -> int:
        submitted_ns = time.monotonic_ns()
        self._engine.submit(event)
        while computing and self._engine.ledger().in_flight:
            compute()
        self._engine.wait_idle()
        return self._engine.results()[-1].finished_ns - submitted_ns

    def close(self) -> None:
        self._engine.close()


class Peer:
    def __init__(self) -> None:
        self._worker = PriorityQueueWorker(PlainBeing())
        self.thread = self._worker.thread

    def ping(self, event: Event, computing: bool) -> int:
        submitted_ns = time.monotonic_ns()
        self._worker.submit(event)
        while computing and self._worker.unfinished():
            compute()
        self._worker.wait_idle()
        return self._worker.finished_ns[-1] - submitted_ns

    def close(self) -> None:
        self._worker.close()


@dataclass
class Seen:
    """The samples of one column: how long, and how long of it the worker waited for a core."""

    latency_us: list[float] = field(default_factory=list)
    core_wait_ns: list[int] = field(default_factory=list)

    def core_wait(self) -> str:
        spoiled = sum(waited > CORE_WAIT_NS for waited in self.core_wait_ns)
        p50_us, p99_us = (measure.percentile(self.core_wait_ns, percent) / 1000 for percent in (50.0, 99.0))
        return f"p50 {p50_us:.0f} us, p99 {p99_us:.0f} us; {spoiled} of {len(self.core_wait_ns)} samples spoiled"


def compute() -> None:
    """A little pure Python; it gives the interpreter away only when the interpreter takes it."""
    sum(range(100))


def core_wait_ns(thread: threading.Thread) -> int:
    """How long the kernel kept a thread in its run queue so far; 0 where the kernel does not say."""
    told = Path(f"/proc/self/task/{thread.native_id}/schedstat")
    return int(told.read_text(encoding="ascii").split()[1]) if told.exists() else 0


@contextmanager
def busy_thread(busy: bool) -> Iterator[None]:
    """A thread that computes in Python for as long as this is entered; none when not ``busy``."""
    stopped = threading.Event()

    def spin() -> None:
        while not stopped.is_set():
            compute()

    spinner = threading.Thread(target=spin if busy else stopped.wait)
    spinner.start()
    try:
        yield
    finally:
        stopped.set()
        spinner.join()


def sample(make: Callable[[], Subject], pings: int, computing: bool, seen: Seen) -> None:
    subject = make()
    try:
        for event, pause in zip(workloads.events(pings), workloads.pauses(pings, 0.002), strict=True):
            time.sleep(pause)
            before = core_wait_ns(subject.thread)
            seen.latency_us.append(subject.ping(event, computing) / 1000)
            seen.core_wait_ns.append(core_wait_ns(subject.thread) - before)
    finally:
        subject.close()


def subjects() -> dict[str, Callable[[], Subject]]:
    made: dict[str, Callable[[], Subject]] = {name: partial(Engine, name) for name in environment.twins()}
    return made | {"PriorityQueue worker": Peer}


def measured(case: str, pings: int, rounds: int) -> dict[str, Seen]:
    made = subjects()
    seen = {name: Seen() for name in made}
    names = list(made)
    with busy_thread(case == BUSY):
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                sample(made[name], pings, case == COMPUTING, seen[name])
    return seen


def rows_of(case: str, seen: dict[str, Seen]) -> list[measure.Row]:
    """A row for every percentile; how long the workers waited for a core stands under the last."""
    rows = [
        measure.Row(
            f"{case}, p{percent:g}", "us from submit to state applied", next(iter(seen)),
            {name: [measure.percentile(each.latency_us, percent)] for name, each in seen.items()},
        )
        for percent in PERCENTILES
    ]  # fmt: skip
    rows[-1].notes = {f"core wait, {name}": each.core_wait() for name, each in seen.items()}
    return rows


def main() -> None:
    given = measure.parser(__doc__).parse_args()
    measure.refuse_traced()
    pings, rounds = (5, 1) if given.quick else (150, given.rounds or 5)
    rows = []
    for case in (IDLE, BUSY, COMPUTING):
        rows += rows_of(case, measured(case, pings, rounds))
    settings = {"pings": pings * rounds, "switch_interval_s": sys.getswitchinterval(), "quick": given.quick}
    measure.report("latency", rows, given.json, settings)


if __name__ == "__main__":
    main()
