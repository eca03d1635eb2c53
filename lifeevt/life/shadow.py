"""Shadow: the asynchronous mode on a copy of the state, beside the synchronous one, and a list of the differences."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from .. import EventProcessingResult
from .._backends import Histogram
from ..metrics import LatencySummary, summarize
from .event import LifeEvent
from .event_queue import EventQueue
from .life_state import LifeState
from .pipeline import Outcome, processor
from .tick import LifeTick, Parts, ProcessedEvents

__all__ = ["Divergence", "Shadow", "ShadowReport"]

ROOM = 16  # times the capacity of Life's queue, so that the copy's queue drops no event
KEPT = 1000  # divergences that are kept; all are counted
COMPARED = ("energy", "integrity", "stability", "fatigue", "tension", "last_significance")
FAILED = "failed"


@dataclass(frozen=True)
class Divergence:
    """A difference between the two modes at one tick; ``what`` names a field of the state, or a part of an event."""

    tick: int
    what: str
    synchronous: Any
    asynchronous: Any


@dataclass(frozen=True)
class ShadowReport:
    """The result of a shadow run.

    ``compared`` counts events and ``diverged`` differences, of which the first 1000 are in ``divergences``. The
    latencies of the two modes are from a push to the end of the event's processing.
    """

    compared: int
    diverged: int
    divergences: tuple[Divergence, ...]
    synchronous: LatencySummary
    asynchronous: LatencySummary


class Shadow:
    """An engine on a copy of the state, which processes each event that is pushed into Life's queue.

    The loop reports each processed event and each tick to it. ``on_put`` is called by the pushing threads, every
    other method by the loop's thread.
    """

    def __init__(self, parts: Parts, copied: LifeState, tolerance: float) -> None:
        self._followed, self._clock, self._tolerance = parts.queue, parts.clock, tolerance
        self._queue = EventQueue(False, maxsize=ROOM * parts.queue.by_urgency.capacity, clock=parts.clock)
        own = replace(parts, subsystems=parts.subsystems.for_a_copy(), queue=self._queue, pending=[], monitor=None)
        self._engine = processor(copied, self._queue, own.pipeline())
        self._tick = LifeTick(own, copied, ProcessedEvents(self._engine, on_result=self._note_result))
        self._pushed_ns: deque[int] = deque()
        self._outcomes: deque[Outcome | None] = deque()
        self._results: deque[EventProcessingResult] = deque()
        self._synchronous, self._asynchronous = Histogram(), Histogram()
        self._compared = self._diverged = 0
        self._kept: list[Divergence] = []

    def start(self) -> None:
        """Start the worker, and follow every push from now on."""
        self._engine.start()
        self._followed.set_listener(self.on_put)

    def stop(self) -> None:
        """Stop following, and close the engine."""
        self._followed.set_listener(None)
        self._engine.close()

    def on_put(self, event: LifeEvent) -> None:
        """Push the event into the copy's queue, too."""
        self._pushed_ns.append(self._clock.now_ns())
        self._queue.push(event.original)

    def on_processed(self, event: Any, outcome: Outcome | None) -> None:
        """Note the outcome of the next event in the synchronous mode."""
        self._outcomes.append(outcome)
        if self._pushed_ns:
            self._synchronous.record(self._clock.now_ns() - self._pushed_ns.popleft())

    def after_tick(self, live: LifeTick, dt: float) -> None:
        """Run the copy's tick, and compare both outcomes and both states."""
        self._engine.wait_idle()
        self._tick.run(dt, live.echo_due)
        while self._outcomes and self._results:
            self._compare(live.ticks, self._outcomes.popleft(), self._results.popleft())
        if not self._outcomes and not self._results:
            for name in COMPARED:
                self._compare_numbers(live.ticks, name, getattr(live.state, name), self._tick.state[name])

    def report(self) -> ShadowReport:
        """Return the comparison so far."""
        synchronous, asynchronous = summarize(self._synchronous), summarize(self._asynchronous)
        return ShadowReport(self._compared, self._diverged, tuple(self._kept), synchronous, asynchronous)

    def _note_result(self, result: EventProcessingResult) -> None:
        self._results.append(result)
        self._asynchronous.record(result.finished_ns - result.queued_ns)

    def _compare(self, tick: int, outcome: Outcome | None, result: EventProcessingResult) -> None:
        self._compared += 1
        expected = FAILED if outcome is None else outcome.pattern
        found = FAILED if result.error is not None else result.decision
        if expected != found:
            self._diverge(Divergence(tick, f"{result.event.type}.pattern", expected, found))
        if outcome is not None and result.error is None:
            name = f"{result.event.type}.significance"
            self._compare_numbers(tick, name, outcome.meaning.significance, result.meaning.significance)

    def _compare_numbers(self, tick: int, what: str, synchronous: float, asynchronous: float) -> None:
        if not abs(synchronous - asynchronous) <= self._tolerance:  # true of NaN as well
            self._diverge(Divergence(tick, what, synchronous, asynchronous))

    def _diverge(self, found: Divergence) -> None:
        self._diverged += 1
        if len(self._kept) < KEPT:
            self._kept.append(found)
