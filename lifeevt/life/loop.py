"""run_loop: Life's loop by its own signature, with its events answered in the tick or beside it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .. import AsyncEventProcessor
from ..clock import Clock, SystemClock
from .answering import Gathered, InTick
from .copying import copied_being
from .event_queue import EventQueue
from .life_state import LifeState, wrap_state
from .pipeline import Engines, EventPipeline
from .shadow import Shadow
from .stages import IN_ORDER, processor
from .tick import Access, LifeTick, Subsystems, Switches
from .ticking import LoopReport, Pace, Ticking

__all__ = ["run_loop"]

SYNC, ASYNC, SHADOW = MODES = ("sync", "async", "shadow")
MODE_VARIABLE = "LIFEEVT_LIFE_MODE"
TOLERANCE = 1e-3


def run_loop(
    self_state: Any,
    monitor: Callable[[Any], Any] | None,
    tick_interval: float = 1.0,
    snapshot_period: int = 10,
    stop_event: threading.Event | None = None,
    event_queue: Any = None,
    disable_weakness_penalty: bool = False,
    disable_learning: bool = False,
    disable_adaptation: bool = False,
    disable_adaptive_processing: bool = False,
    enable_memory_hierarchy: bool | None = None,
    enable_silence_detection: bool = True,
    log_flush_period_ticks: int = 10,
    enable_profiling: bool = False,
    structured_logger: Any = None,
    semantic_monitor: Callable[[Any], Any] | None = None,
    *,
    mode: str | None = None,
    engines: Engines | None = None,
    around: Subsystems | None = None,
    pending_actions: list[Any] | None = None,
    strategy: str = IN_ORDER,
    ticks: int | None = None,
    clock: Clock | None = None,
    wait: Callable[[float], Any] | None = None,
    copy_state: Callable[[Any], Any] = copied_being,
    shadow_tolerance: float = TOLERANCE,
) -> LoopReport:
    """Run Life's loop in this thread until ``stop_event``, or for so many ``ticks``; return what it did.

    ``mode`` (None: the environment's LIFEEVT_LIFE_MODE, else ``sync``): ``sync`` answers events in the tick, as
    today, and sleeps what is left of the interval; ``async`` answers them beside the loop, by ``strategy``, and
    ticks on absolute deadlines; ``shadow`` is ``sync`` with the other way on a copy, compared in the report. The last
    two need ``lifeevt.life.EventQueue``. ``engines`` answer the events, ``around`` is what else Life's loop calls.
    ``monitor`` gets the wrapped state in ``async``. ``enable_silence_detection``, ``enable_profiling`` and
    ``structured_logger`` are taken and not used: the first not by Life either, the others are in ``around``.
    Nothing ends the loop but its stop: an exception costs integrity and is logged. Blocks.
    """
    chosen = _chosen(mode)
    _check(chosen, event_queue, engines, tick_interval)
    switches = Switches(
        snapshot_period, disable_weakness_penalty, disable_learning, disable_adaptation, disable_adaptive_processing,
        enable_memory_hierarchy, log_flush_period_ticks,
    )  # fmt: skip
    hooks = around or Subsystems()
    if callable(semantic_monitor):
        hooks = replace(hooks, semantic_monitor=semantic_monitor)
    stopped, time = stop_event or threading.Event(), clock or SystemClock()
    pending: list[Any] = [] if pending_actions is None else pending_actions
    being = _Being(self_state, event_queue, engines, hooks, switches, pending, time, monitor)
    pace = Pace(time, tick_interval, wait or stopped.wait, steady=chosen == ASYNC)
    with ExitStack() as ending:
        if chosen == ASYNC:
            ticking = being.beside(strategy, pace, ending)
        else:
            shadow = being.shadow(copy_state, shadow_tolerance, ending) if chosen == SHADOW else None
            ticking = being.inside(pace, shadow)
        ticking.run(stopped, ticks)
    if chosen == ASYNC:
        ticking.finish()  # what the worker answered while it was stopped
    return ticking.report(chosen)


@dataclass(frozen=True)
class _Being:
    """What a loop is made for, whatever its mode."""

    state: Any
    queue: Any
    engines: Engines | None
    around: Subsystems
    switches: Switches
    pending: list[Any]
    clock: Clock
    monitor: Callable[[Any], Any] | None

    def inside(self, pace: Pace, shadow: Shadow | None) -> Ticking:
        """Return today's loop: it answers what is queued in the tick."""
        access = access_to(self.state)
        taker = InTick(access, self.around, self._pipeline(), self.queue, shadow.on_answer if shadow else None)
        return Ticking(self._tick(self.state, access, taker), taker, pace, self.state, shadow)

    def beside(self, strategy: str, pace: Pace, ending: ExitStack) -> Ticking:
        """Return our loop: a worker answers between the ticks, until ``ending``."""
        state, pipeline = wrap_state(self.state), self._pipeline()
        assert pipeline is not None
        engine = ending.enter_context(_running(processor(state, self.queue, pipeline, strategy), self.queue))
        taker = Gathered(engine, self.around)
        return Ticking(self._tick(state, state.turn, taker), taker, pace, state, None)

    def shadow(self, copy_state: Callable[[Any], Any], tolerance: float, ending: ExitStack) -> Shadow:
        """Return the asynchronous way on a copy, running until ``ending``, told of every push from now on."""
        assert self.engines is not None
        with access_to(self.state)("a copy") as live:
            twin = wrap_state(copy_state(live))
        made = Shadow(twin, self.engines, self.around, self.switches, self.queue, self.clock, tolerance)
        ending.callback(made.stop)
        made.start()
        return made

    def _tick(self, state: Any, access: Access, taker: InTick | Gathered) -> LifeTick:
        seen = None if self.monitor is None else partial(self.monitor, state)
        return LifeTick(access, self.around, self.switches, self.pending, self.queue, taker.take, seen)

    def _pipeline(self) -> EventPipeline | None:
        return None if self.engines is None else EventPipeline(self.engines, self.pending, self.clock.wall_time)


def access_to(state: Any) -> Access:
    """Return how to get at the bare state: by turns on a wrapped one, directly on a bare one."""
    if isinstance(state, LifeState):
        return state.turn
    return lambda _: nullcontext(state)


@contextmanager
def _running(engine: AsyncEventProcessor, queue: EventQueue) -> Iterator[AsyncEventProcessor]:
    """The engine at work; afterwards the queue is as it was, for the next loop."""
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()
        queue.release()


def _chosen(mode: str | None) -> str:
    chosen = mode or os.environ.get(MODE_VARIABLE) or SYNC
    if chosen not in MODES:
        raise ValueError(f"unknown mode {chosen!r}; choose {', '.join(MODES)}")
    return chosen


def _check(mode: str, event_queue: Any, engines: Engines | None, tick_interval: float) -> None:
    if engines is None and event_queue is not None:
        raise TypeError("an event queue needs engines to answer what is in it: give engines=Engines(...)")
    if mode != SYNC and not isinstance(event_queue, EventQueue):
        raise TypeError(f"mode {mode!r} needs a lifeevt.life.EventQueue, not a {type(event_queue).__name__}")
    if not 0.0 < tick_interval < 1e9:  # also refuses NaN
        raise ValueError(f"tick_interval is {tick_interval}; it must be a positive number of seconds")
