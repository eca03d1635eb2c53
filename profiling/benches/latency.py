"""How long from the submit of a critical event until the state has changed, in an idle interpreter and in a busy one?

Columns: the engine; a Python thread on ``queue.PriorityQueue`` with the same reflexes; and the floor, a thread of
plain C that waits on a condition variable and only reads the clock. One event at a time, at irregular pauses in which
the caller sleeps; in the third case it computes instead, and never releases the interpreter. The clock is read right
after the reflex, so the worker's wait for the interpreter counts. A thread can also wait for a core: the kernel counts
that in /proc/self/task/TID/schedstat, and such a sample is spoiled. Percentiles are shown of all samples and of the
unspoiled ones; the bars hold for both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from lifeevt import AsyncEventProcessor, Event, ThreadSafeSelfState

from . import measure, workloads
from .bars import AT_MOST, Bar
from .environment import BACKEND
from .peers import PlainBeing, PriorityQueueWorker

NAME = "latency"
WORKER = "lifeevt-worker"
PEER, FLOOR = "PriorityQueue worker", "C condvar ping"
PERCENTILES = (50.0, 90.0, 99.0, 100.0)
PAUSE_SECONDS = 0.003
CORE_WAIT_NS = 50_000  # a longer wait of the worker for a core spoils the sample
IDLE, BUSY, COMPUTING = "idle interpreter", "beside a busy Python thread", "submitter goes on computing"
BARS = (Bar(PEER, 200.0), Bar(FLOOR, 1.5, AT_MOST))  # for the 99th percentile beside the busy thread
Rest = Callable[[float], None]  # the caller's pause of so many seconds after a submit


class Subject(Protocol):
    """The subject of a measure: it processes events on a thread of its own."""

    thread_id: int

    def submit(self, event: Event) -> None: ...

    def taken_ns(self) -> int | None:
        """How long the last event took; None until it is processed."""

    def close(self) -> None: ...


class Engine:
    def __init__(self) -> None:
        state = ThreadSafeSelfState.life()
        self._engine = AsyncEventProcessor(state)
        self._engine.start()
        self._submitted_ns = 0
        self.thread_id = native_id(next(each for each in threading.enumerate() if each.name == WORKER))

    def submit(self, event: Event) -> None:
        submit = self._engine.submit
        self._submitted_ns = time.monotonic_ns()
        submit(event)

    def taken_ns(self) -> int | None:
        results = self._engine.results()
        return results[-1].finished_ns - self._submitted_ns if results else None

    def close(self) -> None:
        self._engine.close()


class Peer:
    def __init__(self) -> None:
        self._worker = PriorityQueueWorker(PlainBeing())
        self._submitted_ns = 0
        self.thread_id = native_id(self._worker.thread)

    def submit(self, event: Event) -> None:
        submit = self._worker.submit
        self._submitted_ns = time.monotonic_ns()
        submit(event)

    def taken_ns(self) -> int | None:
        finished_ns = self._worker.finished_ns
        return finished_ns.pop() - self._submitted_ns if finished_ns else None

    def close(self) -> None:
        self._worker.close()


class Floor:
    """The wake-up alone: no event, and no Python on the side that wakes up."""

    def __init__(self, pings: int) -> None:
        from probes.ping import CondvarPing

        self._ping = CondvarPing(pings)
        self._noticed = 0
        self.thread_id = self._ping.start()

    def submit(self, event: Event) -> None:
        self._ping.send()

    def taken_ns(self) -> int | None:
        seen = self._ping.latency_ns()
        if len(seen) == self._noticed:
            return None
        self._noticed = len(seen)
        return seen[-1]

    def close(self) -> None:
        self._ping.close()


@dataclass
class Seen:
    """The samples of one column: how long, and how long of it the worker waited for a core."""

    latency_us: list[float] = field(default_factory=list)
    core_wait_ns: list[int] = field(default_factory=list)

    def unspoiled_us(self) -> list[float]:
        both = zip(self.latency_us, self.core_wait_ns, strict=True)
        return [latency_us for latency_us, waited_ns in both if waited_ns <= CORE_WAIT_NS]

    def core_wait(self) -> str:
        spoiled = sum(waited > CORE_WAIT_NS for waited in self.core_wait_ns)
        p50_us, p99_us = (measure.percentile(self.core_wait_ns, percent) / 1000 for percent in (50.0, 99.0))
        return f"p50 {p50_us:.0f} us, p99 {p99_us:.0f} us; {spoiled} of {len(self.core_wait_ns)} samples spoiled"


def native_id(thread: threading.Thread) -> int:
    assert thread.native_id is not None, "the thread runs"
    return thread.native_id


def core_wait_ns(thread_id: int) -> int:
    """How long the kernel kept a thread in its run queue so far; 0 where the kernel does not count it."""
    told = Path(f"/proc/self/task/{thread_id}/schedstat")
    return int(told.read_text(encoding="ascii").split()[1]) if told.exists() else 0


def compute() -> None:
    """A little pure Python; it gives the interpreter away only when the interpreter takes it."""
    sum(range(100))


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


def compute_for(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        compute()


def rested(subject: Subject, rest: Rest, pause_seconds: float) -> int:
    """Rest until the event is processed; return how many ns it took."""
    rest(pause_seconds)
    while (taken_ns := subject.taken_ns()) is None:
        rest(pause_seconds)
    return taken_ns


def sample(subject: Subject, event: Event, rest: Rest, pauses: Iterable[float], seen: Seen) -> None:
    for pause_seconds in pauses:
        before_ns = core_wait_ns(subject.thread_id)
        subject.submit(event)
        seen.latency_us.append(rested(subject, rest, pause_seconds) / 1000)
        seen.core_wait_ns.append(core_wait_ns(subject.thread_id) - before_ns)


def sampled(make: Callable[[], Subject], rest: Rest, pings: int, seen: Seen) -> None:
    subject = make()
    try:
        sample(subject, Event("shock", -0.9), rest, workloads.pauses(pings, PAUSE_SECONDS), seen)
    finally:
        subject.close()


def subjects(pings: int) -> dict[str, Callable[[], Subject]]:
    made: dict[str, Callable[[], Subject]] = {BACKEND: Engine, PEER: Peer}
    return made | ({FLOOR: partial(Floor, pings)} if find_spec("probes.ping") else {})


def measured(case: str, pings: int, rounds: int) -> dict[str, Seen]:
    made = subjects(pings)
    seen = {name: Seen() for name in made}
    names, rest = list(made), compute_for if case == COMPUTING else time.sleep
    with busy_thread(case == BUSY):
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                sampled(made[name], rest, pings, seen[name])
    return seen


def percentile_rows(case: str, taken_us: dict[str, list[float]], bars: Sequence[Bar]) -> list[measure.Row]:
    """A row for every percentile; the bars stand at the 99th."""
    return [
        measure.Row(
            f"{case}, {f'p{percent:g}' if percent < 100.0 else 'max'}", "us from submit to state applied",
            next(iter(taken_us)), {name: [measure.percentile(each, percent)] for name, each in taken_us.items()},
            bars=bars if percent == 99.0 else (),
        )
        for percent in PERCENTILES
    ]  # fmt: skip


def rows_of(case: str, seen: dict[str, Seen]) -> list[measure.Row]:
    """All samples, then the unspoiled ones; how long the workers waited for a core stands under the last row."""
    bars = BARS if case == BUSY else ()
    found = percentile_rows(case, {name: each.latency_us for name, each in seen.items()}, bars)
    unspoiled_us = {name: each.unspoiled_us() for name, each in seen.items()}
    found += percentile_rows(f"{case}, unspoiled samples", unspoiled_us, bars)
    found[-1].notes = {f"core wait, {name}": each.core_wait() for name, each in seen.items()}
    if FLOOR not in seen:
        found[-1].notes[measure.NOT_MEASURED] = f"{FLOOR}: the probes are not compiled"
    return found


def rows(effort: measure.Effort) -> list[measure.Row]:
    pings, turns = (5, 1) if effort.quick else (300, 5)
    cases = {case: measured(case, pings, effort.rounds or turns) for case in (IDLE, BUSY, COMPUTING)}
    return [row for case, seen in cases.items() for row in rows_of(case, seen)]
