"""AsyncEventQueue: bounded, most urgent first, stable among equals; every event that it sheds is counted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from .._backends import EventHeap, QueueBase
from .._backends.contract import NO_END, NO_TYPE_ID, Entry, Verdict
from ..clock import Clock, SystemClock
from ..errors import QueueClosed, QueueFull
from ..event import NO_METADATA, Event, EventTypes, Priority
from ..metrics import Ledger, QueueStatistics
from ..result import Status
from .async_waiting import AsyncWaiting
from .discipline import Discipline, Rank
from .receipt import Merge, Receipt
from .timers import PeriodicTimer, Timers
from .tracker import Tracker
from .transfer import Transfer
from .waiting import Waiting

__all__ = ["AsyncEventQueue", "QueueStatistics"]


class AsyncEventQueue(QueueBase):
    """A bounded queue of events, most urgent first. Thread-safe; always true, even when empty.

    The order is that of virtual deadlines (see EventTypes.rank), then of arrival. The policies of a full queue:

    * ``reject``: QueueFull at once;
    * ``drop_oldest``: shed the oldest event of the least important level present;
    * ``drop_lowest``: shed the newest event of the least important level, if that is below the new event's;
    * ``coalesce``: replace the newest queued event of the same type that came under this policy, else QueueFull;
    * ``block``: wait for room; ``block(0.5)`` waits half a second, unless the caller gives a timeout.

    The dropping policies never shed an event for a less important one: they refuse the new event, and ``put`` returns
    False. Constructing a queue starts no thread. O(log n) a call.

    Args:
        capacity: the most events that wait at a time, in [1, 2**31).
        overflow: a policy, or a mapping of levels to policies: ``{"low": "drop_oldest", "critical": "block"}``.
        clock: the clock of timeouts and arrivals; None: the system's.
        rank: a function (event, arrival in ns) that returns key and level; None: ``EventTypes.life().rank``.

    Raises:
        ValueError: the capacity is out of range, or a policy or level is unknown.
    """

    def __init__(
        self,
        capacity: int = 1024,
        overflow: str | Mapping[Priority | str, str] = "drop_lowest",
        clock: Clock | None = None,
        *,
        rank: Rank | None = None,
    ) -> None:
        self.capacity, self.overflow = capacity, overflow
        self.clock: Clock = clock or SystemClock()
        self.heap, timers = EventHeap(capacity), Timers()
        self._discipline = Discipline(self.heap, self.clock, overflow, rank)
        self.type_ids = self._discipline.type_ids
        self.waiting = Waiting(self.heap, self.clock, timers)
        self.async_waiting = AsyncWaiting(self.heap, self.clock, timers)
        self.tracker = Tracker(self.heap, self.clock, self._discipline, self.waiting, self._choose_path)
        self.settlement = self.tracker.settlement
        self.transfer = Transfer(self.heap, self.clock, self._discipline, self.waiting, self.tracker)
        self.announce, self.event_of = self.waiting.announce, self.type_ids.event_of
        self.hand_back: Callable[[Verdict | Entry], None] = self.settlement.hand_back
        self._put_slowly, self._put_nowait_slowly = self.transfer.put, partial(self.transfer.put, may_wait=False)
        self._put_many_slowly, self._refuse = self.transfer.put_many, self.transfer.refuse
        self._get_slowly, self._get_nowait_slowly = self.transfer.get, self.transfer.get_nowait
        self._attach_parts()

    # --- putting

    def put_arrays(self, types: Any, intensities: Any, timestamps: Any = None) -> int:
        """Queue an event for each number, without an object for any; return how many were accepted.

        All arrive now. Events without room are refused or shed by the policy, events that come too often are refused;
        neither is an error. Does not block; other threads run during long calls. O(k) in order of arrival.

        Args:
            types: a buffer of 32-bit integers from :meth:`type_id`.
            intensities: a buffer of doubles in [-1, 1].
            timestamps: a buffer of doubles, wall seconds; None: now.

        Raises:
            InvalidEvent: a number or a buffer is invalid; none of the events is accepted.
            QueueClosed: the queue is closed.
        """
        return self.transfer.put_arrays(types, intensities, timestamps)

    def put_tracked(
        self,
        event: Event,
        timeout: float | None = None,
        *,
        key: Hashable = None,
        coalesce: str | Merge | None = None,
        ttl: float | None = None,
        deadline_ns: int | None = None,
        delay: float | None = None,
        at_ns: int | None = None,
    ) -> Receipt:
        """Queue an event and return its :class:`Receipt`, which is false when the event was refused.

        Blocks as ``put`` does, but a timeout returns the receipt. All times are of the queue's clock. O(log n).

        Args:
            event: the event.
            timeout: the seconds to wait for room under ``block``; None: the policy's own, or no limit.
            key: events of one key leave the queue in order of arrival, each once the previous one has ended.
            coalesce: ``last``, ``first``, ``merge`` or a function of two events: one of the key that is still queued
                and this one become one.
            ttl: the seconds after which the event is not handed out any more; None: those of its type.
            deadline_ns: the instant from which on the event is not handed out any more.
            delay: the seconds after which the event arrives.
            at_ns: the instant at which the event arrives.

        Raises:
            InvalidEvent: the options contradict each other, or are unknown.
            QueueClosed: the queue is closed.
        """
        receipt = self.tracker.make(event, key, coalesce, ttl, deadline_ns)
        return self.tracker.put(receipt, timeout, delay, at_ns)

    async def put_async(self, event: Event, **options: Any) -> Receipt:
        """Queue an event as ``put_tracked`` does; under ``block`` wait for room without blocking the event loop."""
        receipt = self.put_tracked(event, 0.0, **options)
        if receipt or not receipt.may_come or not self._discipline.waits(event):
            return receipt
        return await self.async_waiting.until(lambda: self.put_tracked(event, 0.0, **options) or None)

    def put_every(
        self, event: Event | Callable[[], Event], seconds: float, *, misfire: str = "skip", **options: Any
    ) -> PeriodicTimer:
        """Queue an event every so many seconds of the clock, first after as many.

        Does not block; a full queue refuses by its policy. O(log n) each time.

        Args:
            event: the event, or a function that makes one for each instant.
            seconds: the period, at least 1 ns.
            misfire: the policy for missed instants: ``skip``, ``once`` or ``catch_up``, see :class:`PeriodicTimer`.
            options: those of :meth:`put_tracked`.

        Raises:
            ValueError: ``misfire`` is unknown, or the period is too short.
        """
        make: Callable[[], Event] = event if callable(event) else lambda: event
        return self.tracker.repeat(seconds, misfire, lambda: self.put_tracked(make(), 0.0, **options))

    def type_id(self, name: str) -> int:
        """Return the number of an event type for :meth:`put_arrays`; it stays the same for this queue. O(1).

        Raises:
            QueueFull: 4096 other types have a number.
        """
        found = self.type_ids.learn(name).type_id
        if found == NO_TYPE_ID:
            raise QueueFull(f"this queue knows {len(self.type_ids.table)} event types; {name!r} does not fit")
        return found

    # --- taking

    async def get_async(self) -> Event:
        """Take the most urgent event; wait for one without blocking the event loop. O(log n).

        A cancelled call takes nothing. ``async for event in queue`` takes events until the queue is closed and empty.

        Raises:
            QueueClosed: the queue is closed and empty.
        """
        return self.event_of(await self.async_waiting.until(self.transfer.take_or_raise))

    def __aiter__(self) -> AsyncEventQueue:
        return self

    async def __anext__(self) -> Event:
        try:
            return await self.get_async()
        except QueueClosed:
            raise StopAsyncIteration from None

    def drain(self, limit: int | None = None) -> list[Event]:
        """Take up to ``limit`` events (None: all), most urgent first, in one atomic step. O(k log n).

        Does not block. Once an event was tracked, the events are taken one by one.

        Raises:
            ValueError: ``limit`` is negative.
        """
        return self.transfer.drain(limit)

    def take_nowait(self, end: int = NO_END) -> Entry | None:
        """Take the most urgent entry, or None; with ``end`` it ends there, else it runs. Does not block. O(log n)."""
        return self.transfer.take(end)

    def pause(self, level: Priority | None = None, type: str | None = None) -> None:
        """Hand out nothing, or nothing of a level or of exactly this type, until ``resume``.

        Paused events are queued, counted and shed as before, and keep their places. Several pauses hold side by side.
        Does not block. O(1); each paused event that comes first is set aside in O(log n).
        """
        self.transfer.pause(level, None if type is None else self.type_id(type), True)

    def resume(self, level: Priority | None = None, type: str | None = None) -> None:
        """End the pause of all, of a level or of a type, if there is one. O(k log n) for k events that it held."""
        self.transfer.pause(level, None if type is None else self.type_id(type), False)

    # --- observation

    def qsize(self) -> int:
        """Return how many events are queued; out of date as soon as it is read. O(1)."""
        return len(self.heap)

    def empty(self) -> bool:
        """Return whether no event is queued; out of date as soon as it is read. O(1)."""
        return len(self.heap) == 0

    def full(self) -> bool:
        """Return whether the queue is at its capacity; out of date as soon as it is read. O(1)."""
        return len(self.heap) >= self.capacity

    def __len__(self) -> int:
        return len(self.heap)

    def __bool__(self) -> bool:
        return True  # `if queue:` asks whether there is one, as with queue.Queue

    @property
    def closed(self) -> bool:
        """Whether close was called."""
        return self._discipline.closed

    def close(self) -> None:
        """Refuse new events and wake all waiting calls; queued events can still be taken. Idempotent.

        Events that would arrive later end as CANCELLED. Does not block. O(waiting threads + deferred events).
        """
        self._discipline.closed = True
        self._choose_path()
        for entry in self.tracker.give_up_deferred():
            self.settlement.end(entry, Status.CANCELLED)
        self.waiting.wake()

    def ledger(self) -> Ledger:
        """Return the counts of accepted, queued, running and ended events, of one instant. O(ends)."""
        return Ledger.of(self.heap.counts())

    def statistics(self) -> QueueStatistics:
        """Return a frozen snapshot. O(levels)."""
        *_, high_water = counts = self.heap.counts()
        depths = {Priority(level): depth for level, depth in enumerate(self.heap.depths())}
        shown = MappingProxyType({level: depth for level, depth in depths.items() if depth or level <= Priority.LOW})
        later, limited = len(self.tracker.deferred), self._discipline.limiter.refused + self.heap.limited
        ledger = Ledger.of(counts)
        return QueueStatistics(self.capacity, ledger.queued, shown, high_water, ledger, later, limited)

    # --- engine

    def adopt(self, rank: Rank, types: EventTypes, ranks_by_type: bool) -> None:
        """Take another order; ``ranks_by_type`` when ``types`` alone would give the same as ``rank``.

        Types keep their numbers. For one thread, before others put events of new types.
        """
        self._discipline.adopt(rank, types, ranks_by_type)
        self._attach_parts()

    def _attach_parts(self) -> None:
        """Show the present order and types, and give them to the fast path."""
        self.rank, self.type_table = self._discipline.rank, self.type_ids.table
        how = self._discipline.overflow
        levels = how.policies, how.raises, how.waits, how.coalesces
        self._attach(self.heap, self.type_table, Event, NO_METADATA, *levels)
        self._choose_path()

    def _choose_path(self) -> None:
        """Use the fast path where it can serve: the system's clock, the order of the types, no tracked event."""
        plain = self.waiting.in_heap and self._discipline.ranks_by_type and not self._discipline.closed
        self._use_fast_path(plain, plain and not self.tracker.has_tracked)
