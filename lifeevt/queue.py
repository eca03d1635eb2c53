"""AsyncEventQueue: bounded, by urgency, stable among equals; what it sheds, it counts."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from . import _backend
from ._contract import DROP_LOWEST, DROP_OLDEST, NO_END, REFUSED, REJECT, WAIT, Entry, Offer, Verdict
from .clock import NS_PER_SECOND, Clock, SystemClock
from .errors import InvalidEvent, QueueClosed, QueueEmpty, QueueFull
from .event import Event, Priority
from .event_types import EventTypes
from .metrics import Ledger
from .result import Status

__all__ = ["AsyncEventQueue", "QueueStatistics"]

Rank = Callable[[Event, int], tuple[int, int]]
BLOCK = "block"
_POLICIES = {"reject": REJECT, "drop_oldest": DROP_OLDEST, "drop_lowest": DROP_LOWEST, BLOCK: REJECT}
_DELIVERED = int(Status.DELIVERED)


@dataclass(frozen=True)
class QueueStatistics:
    """One instant of a queue; ``high_water`` is the most it ever held."""

    capacity: int
    depth: int
    depth_by_level: Mapping[Priority, int]
    high_water: int
    ledger: Ledger


class AsyncEventQueue:
    """A bounded queue of events, most urgent first. Thread-safe; always true, even when empty.

    ``capacity`` events at most; ``overflow`` says what a full queue does with one more:

    * ``reject``: QueueFull at once;
    * ``drop_oldest``: shed the oldest event of the least important level present;
    * ``drop_lowest``: shed the newest of the least important level, if that is below the newcomer's;
    * ``block``: wait for room.

    The dropping policies never shed an event for a less important one: they refuse the newcomer
    (``put`` returns False). Order: virtual deadline (see EventTypes.rank), then arrival. O(log n).
    """

    def __init__(
        self,
        capacity: int = 1024,
        overflow: str = "drop_lowest",
        clock: Clock | None = None,
        *,
        rank: Rank | None = None,
        backend: str | None = None,
    ) -> None:
        if overflow not in _POLICIES:
            raise ValueError(f"unknown overflow policy {overflow!r}; choose {', '.join(_POLICIES)}")
        self.capacity = capacity
        self.overflow = overflow
        self.clock: Clock = clock or SystemClock()
        self.rank: Rank = rank or EventTypes.life().rank
        self.on_shed: Callable[[Entry], None] | None = None
        self._policy = _POLICIES[overflow]
        self._heap = _backend.load(backend).EventHeap(capacity)
        self._changed = threading.Condition()
        self._waiting = 0  # threads in _changed; read without its lock, see _announce
        self._closed = False

    # --- for those who bring events

    def put(self, event: Event, timeout: float | None = None) -> bool:
        """Queue an event; False when a dropping policy refused it.

        Blocks only under ``block``, up to ``timeout`` seconds of the clock, then QueueFull.
        QueueClosed after close. O(log n).
        """
        if self.overflow != BLOCK:
            return self.put_nowait(event)
        offer = self._offered(event)
        if self._admit(offer) or self._wait_until(lambda: self._admit(offer), timeout):
            return True
        return self.put_nowait(event)  # the last look, which counts the refusal

    def put_nowait(self, event: Event) -> bool:
        """Queue an event without waiting; QueueFull under ``reject`` and ``block``, else as put."""
        verdict = self._offer(event)
        if verdict is REFUSED and self._policy == REJECT:
            raise QueueFull(self._full_text(event))
        return verdict is not REFUSED

    def put_many(self, events: Iterable[Event]) -> int:
        """Queue events in one atomic step and return how many were taken in. O(k log n).

        Those that do not fit are refused or shed by the policy; nothing is raised for them and
        nothing waits. QueueClosed after close.
        """
        offers = [self._offered(event) for event in events]
        verdicts = self._heap.offer_many(offers, self._policy)
        self._announce()
        for verdict in verdicts:
            self._hand_back(verdict)
        return sum(verdict is not REFUSED for verdict in verdicts)

    # --- for those who take them

    def get(self, timeout: float | None = None) -> Event:
        """Take the most urgent event; blocks up to ``timeout`` seconds of the clock, then QueueEmpty.

        QueueClosed once the queue is closed and empty. O(log n).
        """
        taken: list[Entry] = []
        if not self._take_into(taken) and not self._wait_until(lambda: self._take_into(taken), timeout):
            raise QueueEmpty(f"no event came within {timeout} s")
        event: Event = taken[0][0]
        return event

    def get_nowait(self) -> Event:
        """Take the most urgent event; QueueEmpty when there is none, QueueClosed also when closed."""
        entry = self.take_nowait(_DELIVERED)
        if entry is None:
            raise QueueClosed("the queue is closed and empty") if self._closed else QueueEmpty("no event is queued")
        event: Event = entry[0]
        return event

    def drain(self, limit: int | None = None) -> list[Event]:
        """Take up to ``limit`` events (all when None), most urgent first, in one atomic step."""
        if limit is not None and limit < 0:
            raise ValueError(f"limit is {limit}; it must not be negative")
        entries = self._heap.drain(self.capacity if limit is None else limit, _DELIVERED)
        self._announce()
        return [entry[0] for entry in entries]

    # --- for those who watch

    def qsize(self) -> int:
        """Return how many events are queued; out of date as soon as it is read."""
        return len(self._heap)

    def empty(self) -> bool:
        """Return whether no event is queued; out of date as soon as it is read."""
        return len(self._heap) == 0

    def full(self) -> bool:
        """Return whether the queue is at its capacity; out of date as soon as it is read."""
        return len(self._heap) >= self.capacity

    def __len__(self) -> int:
        return len(self._heap)

    def __bool__(self) -> bool:
        return True  # `if queue:` asks whether there is one, as with queue.Queue

    @property
    def closed(self) -> bool:
        """Whether close was called."""
        return self._closed

    def close(self) -> None:
        """Take no more events and wake every waiter; what is queued can still be taken. Idempotent."""
        self._closed = True
        self.wake()

    def ledger(self) -> Ledger:
        """Return where every event is, of one instant."""
        return Ledger.of(self._heap.counts())

    def statistics(self) -> QueueStatistics:
        """Return a frozen snapshot. O(levels)."""
        counts = self._heap.counts()
        depths = MappingProxyType(dict(zip(Priority, self._heap.depths(), strict=False)))
        return QueueStatistics(self.capacity, counts[2], depths, counts[5], Ledger.of(counts))

    # --- for the engine

    def take(self, stopping: Callable[[], bool]) -> Entry | None:
        """Take the most urgent entry to run it; blocks until there is one, None once ``stopping()``.

        Whoever changes what ``stopping`` answers calls wake.
        """
        taken: list[Entry] = []
        if not stopping() and not self._take_into(taken, NO_END):
            self._wait_until(lambda: stopping() or self._take_into(taken, NO_END), None)
        return taken[0] if taken else None

    def take_nowait(self, end: int = NO_END) -> Entry | None:
        """Take the most urgent entry, or None; with ``end`` it ends there, else it runs."""
        entry = self._heap.pop(end)
        if entry is not None:
            self._announce()
        return entry

    def take_above(self, level: int) -> Entry | None:
        """Take the head to run it, if it is of a more important level than ``level``."""
        entry = self._heap.pop_above(level)
        if entry is not None:
            self._announce()
        return entry

    def finish(self, status: Status) -> None:
        """Record the end of one entry that ran."""
        self._heap.finish(status)

    def cancel_all(self) -> list[Entry]:
        """Take out everything queued and end it as cancelled, in one atomic step."""
        entries = self._heap.drain(self.capacity, Status.CANCELLED)
        self._announce()
        return entries

    def wake(self) -> None:
        """Make every waiter look again at what it waits for."""
        with self._changed:
            self._changed.notify_all()

    def _offered(self, event: Event) -> Offer:
        if self._closed:
            raise QueueClosed("the queue is closed")
        if not isinstance(event, Event):
            raise InvalidEvent(f"a queue takes Event objects, not {type(event).__name__}")
        arrival_ns = self.clock.now_ns()
        key, level = self.rank(event, arrival_ns)
        return key, level, arrival_ns, event

    def _offer(self, event: Event) -> Verdict | Entry:
        verdict = self._heap.offer(*self._offered(event), self._policy)
        self._announce()
        self._hand_back(verdict)
        return verdict

    def _admit(self, offer: Offer) -> bool:
        if self._closed:
            raise QueueClosed("the queue is closed")
        if self._heap.offer(*offer, WAIT) is REFUSED:
            return False
        self._announce()
        return True

    def _hand_back(self, verdict: Verdict | Entry) -> None:
        if isinstance(verdict, tuple) and self.on_shed is not None:
            self.on_shed(verdict)

    def _announce(self) -> None:
        # A waiter raises _waiting before it looks at the heap, and the heap's own lock orders its
        # look against our change: if we read 0 here, it will see what we did.
        if self._waiting:
            self.wake()

    def _take_into(self, out: list[Entry], end: int = _DELIVERED) -> bool:
        entry = self.take_nowait(end)
        if entry is not None:
            out.append(entry)
        elif self._closed and end == _DELIVERED:
            raise QueueClosed("the queue is closed and empty")
        return entry is not None

    def _wait_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until ``done()``; False when ``timeout`` seconds of the clock passed first."""
        deadline_ns = self._deadline_ns(timeout)
        with self._changed:
            self._waiting += 1
            try:
                while not done():
                    if deadline_ns is not None and self.clock.now_ns() >= deadline_ns:
                        return False
                    self.clock.wait(self._changed, deadline_ns)
                return True
            finally:
                self._waiting -= 1

    def _deadline_ns(self, timeout: float | None) -> int | None:
        if timeout is None or timeout == math.inf:
            return None
        if math.isnan(timeout):
            raise ValueError("timeout is nan; it must be a number of seconds")
        return self.clock.now_ns() + round(timeout * NS_PER_SECOND)

    def _full_text(self, event: Event) -> str:
        return f"queue holds {len(self._heap)} of {self.capacity} events; {event.type!r} was refused"
