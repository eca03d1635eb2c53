"""Run: a recording played into an engine and its loop, on Life's default state; and its synchronous baseline."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from io import BytesIO
from types import FrameType
from typing import BinaryIO

from ..clock import NS_PER_SECOND, Clock, SystemClock
from ..metrics import Ledger
from ..processor import AsyncEventProcessor, ProcessorStatistics
from ..queue import AsyncEventQueue
from ..result import EventProcessingResult, Status
from ..runtime import LoopStatistics, RuntimeLoop, Tick
from ..scheduler import SchedulerStatistics
from ..state import StateSnapshot, ThreadSafeSelfState
from .playback import Due, Feeder, Playback, VirtualTime
from .recording import Extent, Recording, bundled_recording, measure

__all__ = ["BASELINE", "Baseline", "Figures", "Run", "Settings", "Source", "View", "open_source", "replay"]

BUNDLED, STANDARD_INPUT = "bundled recording", "standard input"
RESULT_CAPACITY = 1 << 16
SWITCH_SECONDS = 0.0005  # in place of 5 ms: drawing a frame must not delay the worker
BASELINE = (
    "synchronous loop, same events and ticks, on a manual clock: the wait for the tick alone, its own work not counted"
)
MAX_TICKS = 100_000  # about a second of replaying
PROCESSED, TICKS_DONE, INTERRUPTED, FAILED = "all processed", "ticks done", "interrupted", "failed"


@dataclass(frozen=True)
class Settings:
    """The options of the command line; times in seconds.

    Events are due at their recorded times divided by ``speed``, or ``rate`` a second in order.
    """

    rate: float | None = None
    speed: float = 1.0
    tick: float = 1.0
    ticks: int | None = None
    sync: bool = False
    strict: bool = False
    virtual: bool = False
    capacity: int = 1024
    overflow: str = "drop_lowest"

    @property
    def mode(self) -> str:
        """The loop's mode: ``sync`` or ``async``."""
        return "sync" if self.sync else "async"

    def due_ns(self, index: int, offset: float) -> int:
        """Return nanoseconds after the first event, for event number ``index`` (from 0), recorded at ``offset``."""
        seconds = offset / self.speed if self.rate is None else index / self.rate
        return round(seconds * NS_PER_SECOND)


@dataclass(frozen=True)
class Source:
    """The source of the events. ``extent`` is None when unknown; ``live`` means that it is still being written."""

    name: str
    recording: Recording
    extent: Extent | None = None
    live: bool = False
    stream: BinaryIO | None = None

    def close(self) -> None:
        """Close the file that ``open_source`` opened, if there is one."""
        if self.stream is not None:
            self.stream.close()


def open_source(file: str | None, strict: bool) -> Source:
    """Open the bundled recording (None), standard input (``-``) or a file.

    With ``strict`` a regular file is read to its end first, so that a bad line ends the run before it starts.

    Raises:
        OSError: the file cannot be opened.
        RecordingError: a line is bad, with ``strict``.
    """
    if file is None:
        return Source(BUNDLED, bundled_recording(), measure(bundled_recording().stream))
    if file == "-":
        return Source(STANDARD_INPUT, Recording(_standard_input(), strict=strict), live=True)
    extent = _checked(file, strict) if os.path.isfile(file) else None
    stream = open(file, "rb")  # noqa: SIM115  # the run closes it
    return Source(file, Recording(stream, strict=strict), extent, live=extent is None, stream=stream)


def _checked(file: str, strict: bool) -> Extent:
    """Return the length of a regular file; with ``strict`` check every line of it."""
    with open(file, "rb") as ahead:
        if strict:
            deque(Recording(ahead, strict=True), maxlen=0)
            ahead.seek(0)
        return measure(ahead)


def _standard_input() -> BinaryIO:
    """Return a new reader: a thread that still reads ``sys.stdin`` at exit would crash the interpreter."""
    try:
        return os.fdopen(sys.stdin.fileno(), "rb", closefd=False)
    except (AttributeError, OSError):  # closed, or a stream in memory
        return BytesIO() if sys.stdin is None else sys.stdin.buffer


class ResultDigest:
    """A digest of results: equal for two runs with the same results in the same order.

    Unprocessed events have a digest of their own, as only the order among themselves is certain.
    """

    def __init__(self) -> None:
        self._processed, self._unprocessed = hashlib.sha256(), hashlib.sha256()

    def add(self, result: EventProcessingResult) -> None:
        """Add one result. O(size)."""
        end = result.sequence, result.event.type, result.status.name
        if result.status in (Status.SHED, Status.CANCELLED):
            self._unprocessed.update(_line(*end))
            return
        significance = (result.meaning or {}).get("significance", 0.0).hex()
        applied = {name: change.hex() for name, change in (result.action or {}).items()}
        versions = result.state_version_before, result.state_version
        self._processed.update(_line(*end, result.decision, significance, applied, *versions))

    def hexdigest(self) -> str:
        """Return the digest so far."""
        return hashlib.sha256(self._processed.digest() + self._unprocessed.digest()).hexdigest()


def _line(*values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"


@dataclass(frozen=True)
class Figures:
    """The figures of a run at nearly one instant. ``total_s`` and ``total`` events are None when unknown."""

    elapsed_s: float
    total_s: float | None
    played: int
    total: int | None
    bad_lines: int
    engine: ProcessorStatistics
    loop: LoopStatistics
    state: StateSnapshot
    latest: EventProcessingResult | None


class View:
    """A view of a run; this one shows nothing. ``tick`` is called in the loop's thread."""

    def __enter__(self) -> View:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def tick(self, run: Run) -> None:
        """Show the run after a tick."""


class Run:
    """One run from start to end. ``perform`` blocks; other threads may call ``figures`` and ``interrupt``."""

    def __init__(self, settings: Settings, source: Source) -> None:
        self.settings, self.source = settings, source
        self.clock: Clock = VirtualTime() if settings.virtual else SystemClock()
        self.state = ThreadSafeSelfState.life()
        queue = AsyncEventQueue(settings.capacity, settings.overflow, self.clock)
        self.engine = AsyncEventProcessor(
            self.state, queue=queue, clock=self.clock, result_capacity=RESULT_CAPACITY, switch_interval=SWITCH_SECONDS
        )
        self.loop = RuntimeLoop(self.state, self.engine, settings.tick, self._on_tick, settings.mode, self.clock)
        dues = ((settings.due_ns(index, offset), event) for index, (offset, event) in enumerate(source.recording))
        self.playback = Playback(dues, self.engine, live=source.live)
        self.digest = ResultDigest()
        self.ended = PROCESSED
        self.signal: int | None = None
        self.error: BaseException | None = None
        self.started_ns: int | None = None
        self.finished_ns: int | None = None
        self._latest: EventProcessingResult | None = None
        self._view = View()

    def perform(self, view: View) -> None:
        """Play all events, then stop the engine; keep an error in ``error``. Blocks."""
        self._view = view
        self.started_ns = self.playback.start_ns = self.clock.now_ns()
        try:
            with ExitStack() as ending:
                self._catch_signals(ending)
                self._play()
        except KeyboardInterrupt:
            self.signal = self.signal or signal.SIGINT
        finally:
            self._finish()

    def interrupt(self, number: int) -> None:
        """End after the current tick, as a signal does."""
        self.signal = number
        self.playback.stopping = True
        self.loop.stop()

    def not_played(self) -> int | None:
        """Count the lines that were not played, in a file read to its end; return None for an open pipe."""
        if self.playback.finished and self.playback.error is None:
            return 0
        if self.source.live or self.playback.error is not None:
            return None
        return self.playback.held + self.source.recording.count_rest()

    def elapsed_s(self) -> float:
        """Return seconds of the run's clock since it began."""
        now_ns = self.clock.now_ns() if self.finished_ns is None else self.finished_ns
        return 0.0 if self.started_ns is None else (now_ns - self.started_ns) / NS_PER_SECOND

    def figures(self) -> Figures:
        """Return the present figures. Any thread may call it."""
        return Figures(
            elapsed_s=self.elapsed_s(), total_s=self._total_s(),
            played=self.playback.played, total=None if self.source.extent is None else self.source.extent.lines,
            bad_lines=self.source.recording.bad_lines, engine=self.engine.statistics(),
            loop=self.loop.statistics(), state=self.state.snapshot(), latest=self._latest,
        )  # fmt: skip

    def _play(self) -> None:
        if isinstance(self.clock, VirtualTime):
            self.clock.attach(self.playback, self.engine)
        with nullcontext() if self.settings.virtual else Feeder(self.playback, self.engine):
            if not self.settings.sync:
                self.engine.start()
            self.loop.run(self.settings.ticks)

    def _finish(self) -> None:
        self.engine.close()
        self.finished_ns = self.clock.now_ns()
        self._add_results(self.engine.results())
        self.error = self.error or self.playback.error
        self.ended = self._ending()

    def _ending(self) -> str:
        if self.signal is not None:
            return INTERRUPTED
        if self.error is not None:
            return FAILED
        return PROCESSED if self.playback.finished else TICKS_DONE

    def _on_tick(self, tick: Tick) -> None:
        """Count the tick in the state and take its results. An error ends the run, where a loop would go on."""
        try:
            tick.state.apply_delta({"ticks": 1, "age": self.settings.tick})
            self._add_results(tick.results)
            self._view.tick(self)
            if self.playback.finished and not self.engine.ledger().in_flight:
                self.loop.stop()
        except Exception as error:
            self.error = error
            self.loop.stop()

    def _add_results(self, results: list[EventProcessingResult]) -> None:
        for result in results:
            self.digest.add(result)
        strongest = max(results, key=lambda result: abs(result.event.intensity), default=None)
        self._latest = strongest or self._latest

    def _total_s(self) -> float | None:
        """Return the expected duration of the run; None when it is unknown."""
        ticks, extent, totals = self.settings.ticks, self.source.extent, []
        if ticks is not None:
            totals.append(ticks * self.settings.tick)
        if extent is not None and extent.seconds is not None:
            totals.append(self.settings.due_ns(extent.lines, extent.seconds) / NS_PER_SECOND)
        return min(totals, default=None)

    def _catch_signals(self, ending: ExitStack) -> None:
        """End the run in order on Ctrl-C and SIGTERM. Only the main thread can set signal handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                ending.callback(signal.signal, number, signal.signal(number, self._on_signal))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A second signal ends the run at once; so does the first one while this thread waits for a line.
        at_once = self.signal is not None or (self.settings.virtual and self.playback.reading)
        self.interrupt(number)
        if at_once:
            raise KeyboardInterrupt


# --- the same events in the synchronous loop


@dataclass(frozen=True)
class Baseline:
    """The counts of the synchronous loop on the same events; ``scheduler`` has its latencies per level."""

    events: int
    ticks: int
    ledger: Ledger
    scheduler: SchedulerStatistics


def replay(log: Sequence[Due], settings: Settings) -> Baseline:
    """Replay ``log`` in the synchronous loop, on a manual clock, with the run's tick, queue and overflow policy.

    Replays the events of the first 100,000 ticks only. Blocks for milliseconds per thousand events.
    """
    last_ns = round(MAX_TICKS * settings.tick * NS_PER_SECOND)
    events = [each for each in log if each[0] <= last_ns]
    clock, state = VirtualTime(), ThreadSafeSelfState.life()
    queue = AsyncEventQueue(settings.capacity, settings.overflow, clock)
    engine = AsyncEventProcessor(state, queue=queue, clock=clock)
    playback = Playback(iter(events), engine)
    clock.attach(playback, engine)

    def on_tick(tick: Tick) -> None:
        if playback.finished and not engine.ledger().in_flight:
            loop.stop()

    loop = RuntimeLoop(state, engine, settings.tick, on_tick, "sync", clock)
    ticks = loop.run().ticks if events else 0
    return Baseline(len(events), ticks, engine.ledger(), engine.scheduler.statistics())
