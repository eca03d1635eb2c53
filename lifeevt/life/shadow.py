"""Shadow: the asynchronous way beside the synchronous one, on a copy of the being, and where the two differ."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from .. import EventProcessingResult
from .._backends import Histogram
from ..clock import Clock
from ..metrics import LatencySummary, summarize
from .answering import Gathered
from .event import CarriedEvent
from .event_queue import EventQueue
from .life_state import LifeState
from .pipeline import Engines, EventPipeline, Outcome
from .stages import IN_ORDER, processor
from .tick import LifeTick, Subsystems, Switches

__all__ = ["Divergence", "Shadow", "ShadowReport"]

ROOM = 16  # times the capacity of the queue that it follows: it must drop nothing
KEPT = 1000  # divergences that are kept; all are counted
COMPARED = ("energy", "integrity", "stability", "fatigue", "tension", "last_significance")


@dataclass(frozen=True)
class Divergence:
    """At one tick the two ways gave different things: ``what`` is a field of the state, or one of an event."""

    tick: int
    what: str
    synchronous: Any
    asynchronous: Any


@dataclass(frozen=True)
class ShadowReport:
    """What a shadow run found: ``compared`` events, the kept ``divergences`` of all ``diverged``, and both latencies.

    A latency is from a push to the end of the event's answer.
    """

    compared: int
    diverged: int
    divergences: tuple[Divergence, ...]
    synchronous: LatencySummary
    asynchronous: LatencySummary


class Shadow:
    """An engine on a copy, which is told of every push; the loop tells it of every answer and every tick.

    ``on_put`` is for the threads that push, everything else for the loop's.
    """

    def __init__(
        self,
        twin: LifeState,
        engines: Engines,
        around: Subsystems,
        switches: Switches,
        queue: EventQueue,
        clock: Clock,
        tolerance: float,
    ) -> None:
        pending: list[Any] = []
        self._told_by = queue
        self._state, self._clock, self._tolerance = twin, clock, tolerance
        self._queue = EventQueue(False, maxsize=ROOM * queue.by_urgency.capacity, clock=clock)
        self._engine = processor(twin, self._queue, EventPipeline(engines, pending, clock.wall_time), IN_ORDER)
        self._gathered = Gathered(self._engine, Subsystems(), self._note_result)
        self._tick = LifeTick(
            twin.turn, around.for_a_copy(), switches, pending, self._queue, self._gathered.take, monitor=None
        )
        self._pushed_ns: deque[int] = deque()
        self._answers: deque[Outcome | None] = deque()
        self._results: deque[EventProcessingResult] = deque()
        self._slow, self._swift = Histogram(), Histogram()
        self._compared = self._diverged = 0
        self._kept: list[Divergence] = []

    def start(self) -> None:
        """Start the worker, and be told of every push from now on."""
        self._engine.start()
        self._told_by.tell_of_puts(self.on_put)

    def stop(self) -> None:
        """Follow no longer, and stop the worker for good."""
        self._told_by.tell_of_puts(None)
        self._engine.close()

    def on_put(self, event: CarriedEvent) -> None:
        """Answer the event here, too."""
        self._pushed_ns.append(self._clock.now_ns())
        self._queue.push(event.original)

    def on_answer(self, event: Any, outcome: Outcome | None) -> None:
        """Note what the synchronous way made of the next event."""
        self._answers.append(outcome)
        if self._pushed_ns:
            self._slow.record(self._clock.now_ns() - self._pushed_ns.popleft())

    def after_tick(self, live: LifeTick, state: Any, dt: float) -> None:
        """Let the copy have its tick, and compare what both have done."""
        self._engine.wait_idle()
        self._tick.run(dt, live.echo_due)
        while self._answers and self._results:
            self._compare(live.ticks, self._answers.popleft(), self._results.popleft())
        if not self._answers and not self._results:
            for name in COMPARED:
                self._near(live.ticks, name, getattr(state, name), self._state[name])

    def report(self) -> ShadowReport:
        """Return what was found so far."""
        slow, swift = summarize(self._slow), summarize(self._swift)
        return ShadowReport(self._compared, self._diverged, tuple(self._kept), slow, swift)

    def _note_result(self, result: EventProcessingResult) -> None:
        self._results.append(result)
        self._swift.record(result.finished_ns - result.queued_ns)

    def _compare(self, tick: int, outcome: Outcome | None, result: EventProcessingResult) -> None:
        self._compared += 1
        failed = "failed"
        ours = failed if result.error is not None else result.decision
        self._same(tick, f"{result.event.type}.pattern", failed if outcome is None else outcome.pattern, ours)
        if outcome is not None and result.error is None:
            name = f"{result.event.type}.significance"
            self._near(tick, name, outcome.meaning.significance, result.meaning.significance)

    def _near(self, tick: int, what: str, one: float, other: float) -> None:
        if not abs(one - other) <= self._tolerance:
            self._diverge(Divergence(tick, what, one, other))

    def _same(self, tick: int, what: str, one: Any, other: Any) -> None:
        if one != other:
            self._diverge(Divergence(tick, what, one, other))

    def _diverge(self, found: Divergence) -> None:
        self._diverged += 1
        if len(self._kept) < KEPT:
            self._kept.append(found)
