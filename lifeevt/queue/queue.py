"""AsyncEventQueue: bounded, by urgency, stable among equals; what it sheds, it counts."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

from .._backends import EventHeap, QueueBase, TypeTable
from .._backends.contract import NO_END, NO_TYPE_ID, REFUSED, REJECT, WAIT, Entry, Offer, Task, Verdict
from ..clock import NS_PER_SECOND, Clock, SystemClock
from ..errors import InvalidEvent, QueueClosed, QueueEmpty, QueueFull
from ..event import NO_METADATA, Event, EventTypes, Priority
from ..metrics import Ledger, QueueStatistics
from ..result import Status
from .async_waiting import AsyncWaiting
from .overflow import Overflow
from .pauses import Pauses
from .rank import Rank, checked_place, types_behind
from .rate_limit import RateLimiter
from .receipt import Merge, Receipt, Tracked
from .timers import PeriodicTimer
from .tracker import Tracker
from .type_ids import TypeIds
from .waiting import Waiting

__all__ = ["AsyncEventQueue", "QueueStatistics"]

_DELIVERED = int(Status.DELIVERED)


class AsyncEventQueue(QueueBase):
    """A bounded queue of events, most urgent first. Thread-safe; always true, even when empty.

    ``capacity`` events at most; ``overflow`` says what a full queue does with one more:

    * ``reject``: QueueFull at once;
    * ``drop_oldest``: shed the oldest event of the least important level present;
    * ``drop_lowest``: shed the newest of the least important level, if that is below the newcomer's;
    * ``coalesce``: let the newest queued event of its type go for it (one that came while this held), else QueueFull;
    * ``block``: wait for room; ``block(0.5)`` for half a second, unless the caller names a time.

    A mapping gives each level a policy of its own: ``{"low": "drop_oldest", "critical": "block"}``. The dropping
    policies never shed an event for a less important one: they refuse the newcomer (``put`` returns False).
    Order: virtual deadline (see EventTypes.rank), then arrival. O(log n).
    """

    def __init__(
        self,
        capacity: int = 1024,
        overflow: str | Mapping[Priority | str, str] = "drop_lowest",
        clock: Clock | None = None,
        *,
        rank: Rank | None = None,
    ) -> None:
        self.overflows = Overflow(overflow)
        self.capacity = capacity
        self.overflow = overflow
        self.clock: Clock = clock or SystemClock()
        self.on_shed: Callable[[Entry], None] | None = None
        self._heap = EventHeap(capacity)
        self.rank: Rank = rank or EventTypes.life().rank
        self.types, self.ranks_by_type = types_behind(self.rank), rank is None
        self.limiter = RateLimiter(heap=self._heap)
        self.type_ids = TypeIds(TypeTable, self.types, self.limiter.of_type)
        self._pauses = Pauses(self._heap)
        self._tracks = self._closed = False  # whether an event was ever tracked here
        self.tracker = Tracker(self)
        self.async_waiting = AsyncWaiting(self._heap, self.tracker.timers, self.clock.now_ns)
        self.waiting = Waiting(self._heap, self.clock, self.tracker.timers)
        self._attach_parts()

    # --- for those who bring events

    def put_arrays(self, types: Any, intensities: Any, timestamps: Any = None) -> int:
        """Queue an event for each number, without an object for any; return how many were taken in.

        ``types`` is a buffer of 32-bit numbers from :meth:`type_id`, ``intensities`` one of doubles in
        [-1, 1], ``timestamps`` one of wall seconds, or None for now. InvalidEvent when one of them is
        wrong: then none is taken in. Those that come too often are refused, and those that do not fit refused
        or shed by the policy. All arrive now. Does not block; other threads run during long ones.
        O(k) in order of arrival.
        """
        if self._closed:
            raise QueueClosed("the queue is closed")
        try:
            now = array("d", [self.clock.wall_time()])
            seconds = now * len(types) if timestamps is None else timestamps
            taken, shed = self._heap.offer_numbers(
                self.type_ids.table, types, intensities, seconds, self.clock.now_ns(), self.overflows.policies
            )
        except (TypeError, ValueError) as error:
            raise InvalidEvent(str(error)) from None
        self.announce()
        for entry in shed:
            self.hand_back(entry)
        return taken

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
        """Queue an event and return its :class:`Receipt`, which is false when it was refused.

        Events of one ``key`` are handed out in the order of their coming, the next once the one before has ended.
        ``coalesce`` (``last``, ``first``, ``merge`` or a function of two events): one that waits and this one become
        one. After ``ttl`` seconds, or from ``deadline_ns`` on, it is not handed out any more. It comes after ``delay``
        seconds, or at ``at_ns``. All on the queue's clock. Blocks as ``put`` does. InvalidEvent for options that make
        no sense, QueueClosed after close. O(log n).
        """
        self._begin_to_track()
        receipt = self.tracker.make(event, key, coalesce, ttl, deadline_ns)
        due_ns = self._due_ns(delay, at_ns)
        if due_ns is not None:
            self.offered(event)  # refused now, if at all
            self.tracker.defer(receipt, due_ns)
        elif not self.tracker.admit(receipt):
            level = self.rank(event, 0)[1]
            if self.overflows.waits[level] and receipt.may_come:
                self.waiting.until(lambda: self.tracker.admit(receipt), self._patience(level, timeout))
        return receipt

    async def put_async(self, event: Event, **options: Any) -> Receipt:
        """Queue an event as ``put_tracked`` does, waiting for room under ``block`` without blocking the event loop."""
        receipt = self.put_tracked(event, 0.0, **options)
        if receipt or not receipt.may_come or not self.overflows.waits[self.rank(event, 0)[1]]:
            return receipt
        return await self.async_waiting.until(lambda: self.put_tracked(event, 0.0, **options) or None)

    def put_every(
        self, event: Event | Callable[[], Event], seconds: float, *, misfire: str = "skip", **options: Any
    ) -> PeriodicTimer:
        """Queue an event, or one that a function makes, every so many seconds of the clock, first after as many.

        ``misfire`` says what happens to instants that passed unnoticed, see :class:`PeriodicTimer`. ``options`` are
        those of :meth:`put_tracked`. Does not block; a full queue refuses by its policy. O(log n).
        """
        self._begin_to_track()
        period_ns = round(seconds * NS_PER_SECOND)

        def bring() -> None:
            self.put_tracked(event() if callable(event) else event, 0.0, **options)

        return self.tracker.repeat(self.clock.now_ns() + period_ns, period_ns, misfire, bring)

    def type_id(self, name: str) -> int:
        """Return the number of an event type for :meth:`put_arrays`; it stays the same for this queue.

        QueueFull once 4096 types have one. O(1).
        """
        found = self.type_ids.learn(name)
        if found == NO_TYPE_ID:
            raise QueueFull(f"this queue knows {len(self.type_ids.table)} event types; {name!r} does not fit")
        return found

    # --- for those who take them

    async def get_async(self) -> Event:
        """Take the most urgent event, waiting without blocking the event loop; QueueClosed once closed and empty.

        A call that is cancelled takes nothing. ``async for event in queue`` takes until the queue is closed.
        """
        return self.event_of(await self.async_waiting.until(self._take_or_raise))

    def __aiter__(self) -> AsyncEventQueue:
        return self

    async def __anext__(self) -> Event:
        try:
            return await self.get_async()
        except QueueClosed:
            raise StopAsyncIteration from None

    def drain(self, limit: int | None = None) -> list[Event]:
        """Take up to ``limit`` events (all when None), most urgent first, in one atomic step."""
        if limit is not None and limit < 0:
            raise ValueError(f"limit is {limit}; it must not be negative")
        if self._tracks:  # those that have expired are not delivered
            many = range(self.capacity if limit is None else limit)
            return [self.event_of(entry) for _ in many if (entry := self.take_nowait(_DELIVERED)) is not None]
        entries = self._heap.drain(self.capacity if limit is None else limit, _DELIVERED)
        self.announce()
        return [self.event_of(entry) for entry in entries]

    def pause(self, level: Priority | None = None, type: str | None = None) -> None:
        """Hand out nothing, or nothing of a level or of exactly this type, until ``resume``.

        What is paused is queued, counted and shed as ever, and keeps its place. Several pauses hold side by side.
        Does not block. O(1); each paused event that comes first is set aside in O(log n).
        """
        self._pauses.set(level, None if type is None else self.type_id(type), True)
        self.announce()

    def resume(self, level: Priority | None = None, type: str | None = None) -> None:
        """End the pause of all, of a level or of a type, if there is one. O(k log n) for k that waited for it."""
        self._pauses.set(level, None if type is None else self.type_id(type), False)
        self.announce()

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
        self._choose_path()
        for entry in self.tracker.give_up_deferred():
            self.tracker.end(entry, Status.CANCELLED)
        self.wake()

    def ledger(self) -> Ledger:
        """Return where every event is, of one instant."""
        return Ledger.of(self._heap.counts())

    def statistics(self) -> QueueStatistics:
        """Return a frozen snapshot. O(levels)."""
        counts = self._heap.counts()
        depths = {Priority(level): depth for level, depth in enumerate(self._heap.depths())}
        shown = MappingProxyType({level: depth for level, depth in depths.items() if depth or level <= Priority.LOW})
        later, limited = self.tracker.deferred, self.limiter.refused + self._heap.limited
        return QueueStatistics(self.capacity, counts[2], shown, counts[5], Ledger.of(counts), later, limited)

    # --- for the engine

    def adopt(self, rank: Rank, types: EventTypes, stock: bool) -> None:
        """Take what gives events key and level: ``stock`` when ``rank`` does as ``types`` alone would.

        Types keep the numbers they have. For one thread, before others bring events of new types.
        """
        self.rank, self.types, self.ranks_by_type = rank, types, stock
        self.type_ids.adopt(types)
        self._attach_parts()

    @property
    def heap(self) -> EventHeap:
        """The twin's heap: for what answers the events of this queue."""
        return self._heap

    @property
    def type_table(self) -> TypeTable:
        """The numbers of the event types seen here."""
        return self.type_ids.table

    def resume_everything(self) -> None:
        """End every pause."""
        self._pauses.end()
        self.announce()

    def event_of(self, entry: Entry | Task) -> Event:
        """Return the entry's event; one that came as numbers becomes an object here."""
        payload = entry[0]
        if type(payload) is Tracked:
            return payload.event
        if type(payload) is not tuple:
            event: Event = payload
            return event
        type_id, intensity, timestamp = payload
        return Event(self.type_ids.table.name(type_id), intensity, timestamp)

    def wait_for_idleness(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until ``done()``, looked at when nothing is queued or running; False after real seconds."""
        return self.waiting.until_idle(done, timeout)

    def take_nowait(self, end: int = NO_END) -> Entry | None:
        """Take the most urgent entry, or None; with ``end`` it ends there, else it runs."""
        if self._tracks and end != NO_END:
            return self._take_tracked(end)
        entry = self._heap.pop(end)
        if entry is not None:
            self.announce()
        return entry

    def _take_tracked(self, end: int) -> Entry | None:
        """Take and end the most urgent entry that has not expired."""
        self.tracker.fire()
        while (entry := self._heap.pop(NO_END)) is not None:
            self.announce()
            tracked = type(entry[0]) is Tracked
            expired = tracked and entry[0].receipt.has_expired(self.clock.now_ns())
            self._heap.finish(Status.EXPIRED if expired else end)
            if tracked:
                self.tracker.end(entry, Status.EXPIRED if expired else Status(end))
            if not expired:
                break
        return entry

    def cancel_all(self) -> list[Entry]:
        """Cancel everything queued, in one atomic step, and everything that is still to come."""
        entries = self.tracker.give_up_deferred() + self._heap.drain(self.capacity, Status.CANCELLED, True)
        self.announce()
        return entries

    def wake(self) -> None:
        """Make every waiter look again at what it waits for."""
        self.waiting.wake()

    def _attach_parts(self) -> None:
        """Have the fast path serve what this queue is made of now."""
        how = self.overflows
        self._attach(
            self._heap, self.type_ids.table, Event, NO_METADATA, how.policies, how.raises, how.waits, how.coalesces
        )  # fmt: skip
        self._choose_path()

    def _choose_path(self) -> None:
        """Allow the fast path what it can do: it knows one clock and one order, and hands out no tracked event."""
        plain = self.waiting.in_heap and self.ranks_by_type and not self._closed
        self._use_fast_path(plain, plain and not self._tracks)

    # --- the slow path: each call for every event, clock and policy

    def _put_slowly(self, event: Event, timeout: float | None) -> bool:
        offer = self.offered(event)
        if not self.overflows.waits[offer[1]] or self._is_special(event, offer[1]):
            return self._put_offer(offer)
        type_id, seconds = self.type_ids.of(event), self._patience(offer[1], timeout)
        if self._admit(offer, type_id, event):
            return True
        if self.waiting.until(lambda: self._admit(offer, type_id, event), seconds):
            return True
        return self._put_nowait_slowly(event)  # the last look, which counts the refusal

    def _put_nowait_slowly(self, event: Event) -> bool:
        return self._put_offer(self.offered(event))

    def _put_offer(self, offer: Offer) -> bool:
        level, event = offer[1], offer[3]
        if self._is_special(event, level):
            return self._put_special(event)
        verdict = self._heap.offer(*offer, self.overflows.policies[level], self.type_ids.of(event), event.intensity)
        self.announce()
        self.hand_back(verdict)
        if verdict is REFUSED and self.overflows.policies[level] == REJECT:
            self._refuse(event)
        return verdict is not REFUSED

    def _put_special(self, event: Event) -> bool:
        self._begin_to_track()
        receipt = self.tracker.make(event)
        if not self.tracker.admit(receipt) and self.tracker.policy_for(event) == REJECT:
            raise QueueFull(receipt.reason)
        return bool(receipt)

    def _put_many_slowly(self, events: list[Event]) -> int:
        offers = [self.offered(event) for event in events]
        if any(self._is_special(event, offer[1]) for event, offer in zip(events, offers, strict=True)):
            return sum(map(self._put_quietly, events))
        numbers = [(self.type_ids.of(each), each.intensity) for each in events]
        verdicts = self._heap.offer_many(offers, self.overflows.policies, numbers)
        self.announce()
        for verdict in verdicts:
            self.hand_back(verdict)
        return sum(verdict is not REFUSED for verdict in verdicts)

    def _get_slowly(self, timeout: float | None) -> Event:
        taken: list[Entry] = []
        if not self._take_into(taken) and not self.waiting.until(lambda: self._take_into(taken), timeout):
            raise QueueEmpty(f"no event came within {timeout} s")
        return self.event_of(taken[0])

    def _get_nowait_slowly(self) -> Event:
        entry = self.take_nowait(_DELIVERED)
        if entry is None:
            raise QueueClosed("the queue is closed and empty") if self._closed else QueueEmpty("no event is queued")
        return self.event_of(entry)

    def offered(self, event: Event) -> Offer:
        """Return what is offered to the heap for an event that arrives now; QueueClosed, InvalidEvent."""
        if self._closed:
            raise QueueClosed("the queue is closed")
        if not isinstance(event, Event):
            raise InvalidEvent(f"a queue takes Event objects, not {type(event).__name__}")
        arrival_ns = self.clock.now_ns()
        key, level = self.rank(event, arrival_ns)
        if not self.ranks_by_type:
            key, level = checked_place(key, level)
        return Offer(key, level, arrival_ns, event)

    def _put_quietly(self, event: Event) -> bool:
        try:
            return self._put_nowait_slowly(event)
        except QueueFull:
            return False

    def _is_special(self, event: Event, level: int) -> bool:
        """Whether an event is treated by more than its level and its budget."""
        return self.overflows.coalesces[level] or not self.types.resolve(event).is_plain

    def _begin_to_track(self) -> None:
        if not self._tracks:
            self._tracks = True
            self._choose_path()

    def _due_ns(self, delay: float | None, at_ns: int | None) -> int | None:
        if delay is not None and at_ns is not None:
            raise InvalidEvent("an event comes after a delay or at an instant, not both")
        due_ns = at_ns if delay is None else self.clock.now_ns() + round(delay * NS_PER_SECOND)
        return None if due_ns is None or due_ns <= self.clock.now_ns() else due_ns

    def _patience(self, level: int, timeout: float | None) -> float | None:
        return self.overflows.seconds[level] if timeout is None else timeout

    def _admit(self, offer: Offer, type_id: int, event: Event) -> bool:
        if self._closed:
            raise QueueClosed("the queue is closed")
        if self._heap.offer(*offer, WAIT, type_id, event.intensity) is REFUSED:
            return False
        self.announce()
        return True

    def hand_back(self, verdict: Verdict | Entry) -> None:
        """Tell whom it concerns that an event was shed, if the verdict is one."""
        if isinstance(verdict, tuple):
            if type(verdict[0]) is Tracked:
                self.tracker.end(verdict, Status.SHED)
            elif self.on_shed is not None:
                self.on_shed(verdict)

    def announce(self) -> None:
        """Tell those who wait on a clock of their own that something changed."""
        self.waiting.announce()

    def _take_or_raise(self) -> Entry | None:
        entry = self.take_nowait(_DELIVERED)
        if entry is None and self._closed:
            raise QueueClosed("the queue is closed and empty")
        return entry

    def _take_into(self, out: list[Entry]) -> bool:
        entry = self._take_or_raise()
        out += () if entry is None else (entry,)
        return entry is not None

    def _refuse(self, event: Event) -> NoReturn:
        raise QueueFull(f"queue holds {len(self._heap)} of {self.capacity} events; {event.type!r} was refused")
