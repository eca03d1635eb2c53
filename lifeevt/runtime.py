"""RuntimeLoop: ticks on absolute deadlines, with the engine beside the loop or inside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from ._backends import Histogram, fork
from ._public import publish
from .clock import NS_PER_SECOND, Clock
from .errors import LifeEventError, StopTimeout, logger
from .metrics import LatencySummary, summarize
from .processor import AsyncEventProcessor
from .result import EventProcessingResult
from .state import ThreadSafeSelfState

__all__ = ["LoopStatistics", "RuntimeLoop", "Tick"]

MODES = ("async", "sync")
OVERRUN_POLICIES = ("skip", "catch_up")
LOOP_NAME = "lifeevt-loop"


@dataclass(frozen=True)
class Tick:
    """The argument of ``on_tick``: ``results`` are the results since the last tick.

    ``index`` counts from 1. Times are nanoseconds of the clock. ``state`` is the loop's state.
    """

    index: int
    scheduled_ns: int
    started_ns: int
    results: list[EventProcessingResult]
    state: ThreadSafeSelfState

    @property
    def lateness_ns(self) -> int:
        """Nanoseconds from the tick's deadline to its start."""
        return self.started_ns - self.scheduled_ns


@dataclass(frozen=True)
class LoopStatistics:
    """Counts and times of the ticks: ``jitter`` is from deadline to start, ``period`` from start to start.

    ``overruns`` counts ticks that ended after the next deadline, ``skipped`` deadlines without a tick, and ``errors``
    exceptions of callbacks and strategies.
    """

    ticks: int
    overruns: int
    skipped: int
    errors: int
    period: LatencySummary
    jitter: LatencySummary
    work: LatencySummary


class RuntimeLoop(fork.Forked):
    """Calls ``on_tick(tick)`` every ``tick_interval`` seconds, on absolute deadlines: without drift.

    Tick k is due k intervals after the start. An exception of a callback is logged and counted, and the loop goes on.

    Args:
        state: the state; the processor has the same one.
        processor: the engine; None makes one with its defaults.
        tick_interval: seconds between two deadlines.
        on_tick: called with each Tick.
        mode: ``"async"``: the engine's worker processes events between the ticks. ``"sync"``: each tick first
            processes all queued events, in the loop's thread.
        clock: the time; None takes the processor's.
        overrun: after a late tick ``"skip"`` leaves out the passed deadlines, ``"catch_up"`` runs them at once.
    """

    def __init__(
        self,
        state: ThreadSafeSelfState,
        processor: AsyncEventProcessor | None = None,
        tick_interval: float = 1.0,
        on_tick: Callable[[Tick], object] | None = None,
        mode: str = "async",
        clock: Clock | None = None,
        *,
        overrun: str = "skip",
    ) -> None:
        _check_choice("mode", mode, MODES)
        _check_choice("overrun policy", overrun, OVERRUN_POLICIES)
        if not 0.0 < tick_interval < 1e9:  # also refuses NaN
            raise ValueError(f"tick_interval is {tick_interval}; it must be a positive number of seconds")
        self.state = state
        self.processor = processor or AsyncEventProcessor(state, clock=clock)
        if self.processor.state is not state:
            raise ValueError("the loop and its processor have different states")
        self.clock: Clock = clock or self.processor.clock
        self.tick_interval, self.mode, self.overrun = tick_interval, mode, overrun
        self._interval_ns = max(round(tick_interval * NS_PER_SECOND), 1)
        self._on_tick = on_tick
        self._changed = threading.Condition()
        self._stopping = False
        self._busy = threading.Lock()
        self._thread: threading.Thread | None = None
        fork.keep(self)
        self._ticks = self._overruns = self._skipped = self._errors = 0  # only the loop's thread writes the counts
        self._last_started_ns: int | None = None
        self._period, self._jitter, self._work = Histogram(), Histogram(), Histogram()

    def _after_fork_in_child(self) -> None:
        fork.renew(self._changed)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread = None
            fork.renew(self._busy)

    def run(self, ticks: int | None = None) -> LoopStatistics:
        """Run ``ticks`` ticks in this thread, or until ``stop`` when None; return the statistics. Blocks.

        In async mode an engine that does not run is started, and drained and stopped at the end. Results that arrive
        after the last tick stay in the engine. Raises LifeEventError when the loop already runs.
        """
        self._claim()
        self._run_claimed(ticks)
        return self.statistics()

    def start(self) -> None:
        """Run the loop in a thread of its own until ``stop``. Raises LifeEventError when it already runs."""
        self._claim()
        self._thread = threading.Thread(target=self._run_claimed, args=(None,), name=LOOP_NAME, daemon=True)
        self._thread.start()

    def stop(self, timeout: float | None = None) -> None:
        """End the loop after the current tick, and wait for the thread that ``start`` made.

        Safe from any thread and from ``on_tick``. Raises StopTimeout after ``timeout`` real seconds.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise StopTimeout(f"the tick still runs after {timeout} s")

    def yield_gil(self, wait_seconds: float = 0.001) -> bool:
        """If an event waits for the interpreter, let the worker have it; return whether one did.

        For long computations inside a tick: call it as often as an event with a Python handler may be kept
        waiting. Costs well under a microsecond when nothing waits, else blocks for at most ``wait_seconds``.
        """
        return self.processor.yield_gil(wait_seconds)

    def statistics(self) -> LoopStatistics:
        """Return a frozen snapshot. Safe from any thread. O(buckets)."""
        period, jitter, work = (summarize(each) for each in (self._period, self._jitter, self._work))
        return LoopStatistics(self._ticks, self._overruns, self._skipped, self._errors, period, jitter, work)

    def _claim(self) -> None:
        if not self._busy.acquire(blocking=False):
            raise LifeEventError("the loop is running already")
        self._stopping = False

    def _run_claimed(self, ticks: int | None) -> None:
        with ExitStack() as ending:
            ending.callback(self._busy.release)
            if self.mode == "async" and not self.processor.running:
                self.processor.start()
                ending.callback(self.processor.stop)
            self._run_ticks(ticks)

    def _run_ticks(self, ticks: int | None) -> None:
        due_ns = self.clock.now_ns() + self._interval_ns
        self._last_started_ns = None  # a pause between two runs is no period
        index = 0
        while (ticks is None or index < ticks) and self._sleep_until(due_ns):
            index += 1
            finished_ns = self._tick(index, due_ns)
            due_ns = self._next_due(due_ns, finished_ns)

    def _sleep_until(self, due_ns: int) -> bool:
        """Wait for the deadline; return False when the loop is stopped before."""
        with self._changed:
            while not self._stopping and self.clock.now_ns() < due_ns:
                self.clock.wait(self._changed, due_ns)
            return not self._stopping

    def _tick(self, index: int, due_ns: int) -> int:
        started_ns = self.clock.now_ns()
        late_ns = max(started_ns - due_ns, 0)
        self._call("the strategy", index, self.processor.scheduler.tick, started_ns, self._interval_ns, late_ns)
        if self.mode == "sync":
            self.processor.process_pending()
        tick = Tick(index, due_ns, started_ns, self.processor.results(), self.state)
        if self._on_tick is not None:
            self._call("on_tick", index, self._on_tick, tick)
        finished_ns = self.clock.now_ns()
        self._record(due_ns, started_ns, finished_ns)
        return finished_ns

    def _record(self, due_ns: int, started_ns: int, finished_ns: int) -> None:
        self._ticks += 1
        self._jitter.record(started_ns - due_ns)
        self._work.record(finished_ns - started_ns)
        if self._last_started_ns is not None:
            self._period.record(started_ns - self._last_started_ns)
        self._last_started_ns = started_ns

    def _call(self, name: str, index: int, callback: Callable[..., object], *given: object) -> None:
        """Call a callback of tick ``index``; its exception is counted and does not end the loop."""
        try:
            callback(*given)
        except Exception:
            self._errors += 1
            logger().exception("%s failed at tick %d", name, index)

    def _next_due(self, due_ns: int, finished_ns: int) -> int:
        following_ns = due_ns + self._interval_ns
        if finished_ns <= following_ns:
            return following_ns
        self._overruns += 1
        if self.overrun == "catch_up":
            return following_ns
        missed = -((following_ns - finished_ns) // self._interval_ns)  # rounded up: one due now is not missed
        self._skipped += missed
        return following_ns + missed * self._interval_ns


def _check_choice(what: str, given: str, choices: tuple[str, ...]) -> None:
    if given not in choices:
        raise ValueError(f"unknown {what} {given!r}; choose {' or '.join(choices)}")


__dir__ = publish(__name__)
