"""Baseline: the same events through the synchronous loop, on a manual clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..clock import NS_PER_SECOND
from ..metrics import Ledger
from ..processor import AsyncEventProcessor
from ..queue import AsyncEventQueue
from ..runtime import RuntimeLoop, Tick
from ..scheduler import SchedulerStatistics
from ..state import ThreadSafeSelfState
from .playback import Due, Playback, VirtualTime
from .run import Settings

__all__ = ["LABEL", "Baseline", "replay"]

LABEL = (
    "synchronous loop, same events and ticks, on a manual clock: the wait for the tick alone, its own work not counted"
)
MAX_TICKS = 100_000  # a second or so of replaying


@dataclass(frozen=True)
class Baseline:
    """What the synchronous loop made of the events; ``scheduler`` holds its latencies per level."""

    events: int
    ticks: int
    ledger: Ledger
    scheduler: SchedulerStatistics


def replay(log: Sequence[Due], settings: Settings) -> Baseline:
    """Play ``log`` through the real loop in its synchronous mode, with the run's tick, queue and overflow policy.

    Only events of the first 100,000 ticks. Blocks for milliseconds per thousand events.
    """
    last_ns = round(MAX_TICKS * settings.tick * NS_PER_SECOND)
    events = [each for each in log if each[0] <= last_ns]
    clock, state = VirtualTime(), ThreadSafeSelfState.life()
    queue = AsyncEventQueue(settings.capacity, settings.overflow, clock)
    engine = AsyncEventProcessor(state, queue=queue, clock=clock)
    playback = Playback(iter(events), engine)
    clock.play(playback, engine)

    def on_tick(tick: Tick) -> None:
        if playback.finished and not engine.ledger().in_flight:
            loop.stop()

    loop = RuntimeLoop(state, engine, settings.tick, on_tick, "sync", clock)
    ticks = loop.run().ticks if events else 0
    return Baseline(len(events), ticks, engine.ledger(), engine.scheduler.statistics())
