"""Playback: submits the events of a recording to the engine when they are due."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

from .._backends import Histogram
from ..clock import ManualClock
from ..errors import EngineStopped, QueueClosed, QueueFull, RecordingError
from ..event import Event
from ..processor import AsyncEventProcessor
from ..queue import BLOCK

__all__ = ["Due", "Feeder", "Playback", "VirtualTime"]

Due = tuple[int, Event]  # nanoseconds after the start, and the event of that time
MAX_LOGGED = 100_000  # events remembered for the baseline
FEEDER_NAME = "lifeevt-feeder"
POLL_SECONDS = 0.05


class Playback:
    """Reads one event ahead, submits it when it is due, and counts. For one thread.

    ``live`` means that the events are still being written: an event is late only after it was read. ``finished`` is
    true when all events were submitted, or reading failed with ``error``.
    """

    def __init__(self, dues: Iterator[Due], engine: AsyncEventProcessor, *, live: bool = False) -> None:
        self.live = live
        self.played = 0
        self.log: list[Due] = []
        self.error: Exception | None = None
        self.finished = self.stopping = self.reading = False
        self._dues, self._engine = dues, engine
        self._next: Due | None = None
        self.start_ns = self._read_ns = 0  # of the run, and of the event read ahead, on the engine's clock
        self.behind = Histogram()  # how late the events were submitted

    def next_due_ns(self) -> int | None:
        """Return when the next event is due, after the first; None at the end. Blocks on a live pipe."""
        if self._next is None and not self.finished:
            self._read()
        return None if self._next is None else self._next[0]

    @property
    def held(self) -> int:
        """The number of events that were read and not yet submitted: at most one."""
        return int(self._next is not None)

    def submit_next(self, due_ns: int) -> None:
        """Submit the event read ahead, due at ``due_ns`` of the clock; set ``stopping`` when the engine has stopped.

        Blocks while the queue is full and its policy is ``block``.
        """
        if self._next is None:
            return
        now_ns = self._engine.clock.now_ns()
        try:
            with suppress(QueueFull):  # refused, and counted as such by the ledger
                self._engine.submit(self._next[1])
        except (EngineStopped, QueueClosed):
            self.stopping = True
        else:
            self._account(now_ns, due_ns)

    def submit_simultaneous(self, due_ns: int, room: int) -> None:
        """Submit the events due at the next event's moment, at most ``room``, in one atomic step."""
        together, now_ns = self.next_due_ns(), self._engine.clock.now_ns()
        events: list[Event] = []
        while self._next is not None and len(events) < room and self.next_due_ns() == together:
            events.append(self._next[1])
            self._account(now_ns, due_ns)
            self.next_due_ns()
        self._engine.submit_many(events)

    def _read(self) -> None:
        self.reading = True
        try:
            self._next = next(self._dues, None)
        except (RecordingError, OSError) as error:
            self.error = error
        finally:
            self.reading = False
        self._read_ns = self._engine.clock.now_ns()
        self.finished = self._next is None

    def _account(self, now_ns: int, due_ns: int) -> None:
        assert self._next is not None
        self.played += 1
        self.behind.record(now_ns - max(due_ns, self._read_ns if self.live else due_ns))
        if len(self.log) < MAX_LOGGED:
            self.log.append((now_ns - self.start_ns, self._next[1]))
        self._next = None


class Feeder:
    """Plays in a thread of its own while entered, on absolute due times from the moment the first event was read.

    After a delay it submits without waiting until it has caught up. The exit waits for the thread, unless that reads
    from a live pipe: then it ends with the process.
    """

    def __init__(self, playback: Playback, engine: AsyncEventProcessor) -> None:
        self._playback, self._engine = playback, engine
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._play, name=FEEDER_NAME, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._playback.stopping = True
            self._changed.notify_all()
        self._engine.queue.close()  # so that a feeder waiting for room in it ends, too
        while self._thread.is_alive() and not (self._playback.live and self._playback.reading):
            self._thread.join(POLL_SECONDS)

    def _play(self) -> None:
        playback = self._playback
        first_ns = playback.next_due_ns()
        start_ns = self._engine.clock.now_ns() - (first_ns or 0)
        while (due_ns := playback.next_due_ns()) is not None and self._wait_until(start_ns + due_ns):
            playback.submit_next(start_ns + due_ns)

    def _wait_until(self, due_ns: int) -> bool:
        """Wait until ``due_ns``; return False when the feeder is stopped before."""
        clock = self._engine.clock
        with self._changed:
            while not self._playback.stopping and clock.now_ns() < due_ns:
                clock.wait(self._changed, due_ns)
            return not self._playback.stopping


class VirtualTime(ManualClock):
    """A clock that advances to the next event or tick at once: all runs are equal, and at full speed.

    The loop's own wait advances it. Events due before the tick are submitted at their due times, simultaneous ones
    together. Time advances only after the worker has processed them, so no result depends on chance.
    """

    def attach(self, playback: Playback, engine: AsyncEventProcessor) -> None:
        """Set the source of the events and the engine. Call it before the loop runs."""
        self._playback, self._engine = playback, engine

    def wait(self, condition: threading.Condition, deadline_ns: int | None) -> None:
        """Advance to the deadline and play the events due before it; without a deadline wait for a notification."""
        if deadline_ns is None:
            super().wait(condition, None)
        else:
            self._play_until(deadline_ns)
            self._advance_to(deadline_ns)

    def _play_until(self, deadline_ns: int) -> None:
        playback = self._playback
        while not playback.stopping and (room := self._room()):
            due_ns = playback.next_due_ns()
            if due_ns is None or due_ns > deadline_ns:
                return
            self._advance_to(due_ns)
            playback.submit_simultaneous(due_ns, room)
            if self._engine.running:
                self._engine.wait_idle()

    def _advance_to(self, due_ns: int) -> None:
        self.advance_ns(max(0, due_ns - self.now_ns()))

    def _room(self) -> int:
        queue = self._engine.queue
        return queue.capacity - queue.qsize() if queue.overflow == BLOCK else sys.maxsize
