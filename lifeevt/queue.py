"""AsyncEventQueue: bounded, by urgency, stable among equals; what it sheds, it counts."""

from __future__ import annotations

import math
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from . import _backend
from ._contract import (
    DROP_LOWEST,
    DROP_OLDEST,
    NO_END,
    NO_KIND,
    REFUSED,
    REJECT,
    WAIT,
    Entry,
    EventHeap,
    KindTable,
    Offer,
    Verdict,
)
from ._front import Fronted
from .clock import NS_PER_SECOND, Clock, SystemClock
from .errors import InvalidEvent, QueueClosed, QueueEmpty, QueueFull
from .event import NO_METADATA, Event, Priority
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


class AsyncEventQueue(Fronted):
    """A bounded queue of events, most urgent first. Thread-safe; always true, even when empty.

    ``capacity`` events at most; ``overflow`` says what a full queue does with one more:

    * ``reject``: QueueFull at once;
    * ``drop_oldest``: shed the oldest event of the least important level present;
    * ``drop_lowest``: shed the newest of the least important level, if that is below the newcomer's;
    * ``block``: wait for room.

    The dropping policies never shed an event for a less important one: they refuse the newcomer
    (``put`` returns False). Order: virtual deadline (see EventTypes.rank), then arrival. O(log n).
    """

    _FRONT = "QueueFront"

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
        self.on_shed: Callable[[Entry], None] | None = None
        self.on_kind: Callable[[str, int], None] | None = None
        core = _backend.load(backend)
        self._policy = _POLICIES[overflow]
        self._heap = core.EventHeap(capacity)
        self._make_kinds = core.KindTable
        self._kinds = core.KindTable()
        self._waits_in_heap = type(self.clock) is SystemClock  # another clock may stand still: wait for it, too
        self.rank: Rank = rank or EventTypes.life().rank
        self.types, self.ranks_by_type = _types_behind(self.rank), rank is None
        self.types.follow(self._describe_anew)
        self._changed = threading.Condition()
        self._waiting = 0  # threads in _changed; read without its lock, see _announce
        self._closed = False
        self._face()

    # --- for those who bring events

    def put(self, event: Event, timeout: float | None = None) -> bool:
        """Queue an event; False when a dropping policy refused it.

        Blocks only under ``block``, up to ``timeout`` seconds of the clock, then QueueFull.
        QueueClosed after close. O(log n).
        """
        if self.overflow != BLOCK:
            return self.put_nowait(event)
        offer = self._offered(event)
        kind = self._kind(event)
        if self._admit(offer, kind, event) or self._wait_until(lambda: self._admit(offer, kind, event), timeout):
            return True
        return self.put_nowait(event)  # the last look, which counts the refusal

    def put_nowait(self, event: Event) -> bool:
        """Queue an event without waiting; QueueFull under ``reject`` and ``block``, else as put."""
        verdict = self._offer(event)
        if verdict is REFUSED and self._policy == REJECT:
            self._refuse(event)
        return verdict is not REFUSED

    def put_many(self, events: Iterable[Event]) -> int:
        """Queue events in one atomic step and return how many were taken in. O(k log n).

        Those that do not fit are refused or shed by the policy; nothing is raised for them and
        nothing waits. QueueClosed after close.
        """
        given = list(events)
        offers = [self._offered(event) for event in given]
        verdicts = self._heap.offer_many(offers, self._policy, [(self._kind(each), each.intensity) for each in given])
        self.announce()
        for verdict in verdicts:
            self._hand_back(verdict)
        return sum(verdict is not REFUSED for verdict in verdicts)

    def put_arrays(self, types: Any, intensities: Any, timestamps: Any = None) -> int:
        """Queue an event for each number, without an object for any; return how many were taken in.

        ``types`` is a buffer of 32-bit numbers from :meth:`type_code`, ``intensities`` one of doubles in
        [-1, 1], ``timestamps`` one of wall seconds, or None for now. InvalidEvent when one of them is
        wrong: then none is taken in. Those that do not fit are refused or shed by the policy. All arrive
        now. Does not block; other threads run during long ones. O(k) in order of arrival.
        """
        if self._closed:
            raise QueueClosed("the queue is closed")
        try:
            seconds = _repeated(self.clock.wall_time(), len(types)) if timestamps is None else timestamps
            taken, shed = self._heap.offer_numbers(
                self._kinds, types, intensities, seconds, self.clock.now_ns(), self._policy
            )
        except (TypeError, ValueError) as error:
            raise InvalidEvent(str(error)) from None
        self.announce()
        for entry in shed:
            self._hand_back(entry)
        return taken

    def type_code(self, name: str) -> int:
        """Return the number of an event type for :meth:`put_arrays`; it stays the same for this queue.

        QueueFull once 4096 types have one. O(1).
        """
        code = self._learned(name)
        if code == NO_KIND:
            raise QueueFull(f"this queue knows {len(self._kinds)} event types; {name!r} does not fit")
        return code

    # --- for those who take them

    def get(self, timeout: float | None = None) -> Event:
        """Take the most urgent event; blocks up to ``timeout`` seconds of the clock, then QueueEmpty.

        QueueClosed once the queue is closed and empty. O(log n).
        """
        taken: list[Entry] = []
        if not self._take_into(taken) and not self._wait_until(lambda: self._take_into(taken), timeout):
            raise QueueEmpty(f"no event came within {timeout} s")
        return self.event_of(taken[0])

    def get_nowait(self) -> Event:
        """Take the most urgent event; QueueEmpty when there is none, QueueClosed also when closed."""
        entry = self.take_nowait(_DELIVERED)
        if entry is None:
            raise QueueClosed("the queue is closed and empty") if self._closed else QueueEmpty("no event is queued")
        return self.event_of(entry)

    def drain(self, limit: int | None = None) -> list[Event]:
        """Take up to ``limit`` events (all when None), most urgent first, in one atomic step."""
        if limit is not None and limit < 0:
            raise ValueError(f"limit is {limit}; it must not be negative")
        entries = self._heap.drain(self.capacity if limit is None else limit, _DELIVERED)
        self.announce()
        return [self.event_of(entry) for entry in entries]

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
        self._be_swift(False)
        self.wake()

    def ledger(self) -> Ledger:
        """Return where every event is, of one instant."""
        return Ledger.of(self._heap.counts())

    def statistics(self) -> QueueStatistics:
        """Return a frozen snapshot. O(levels)."""
        counts = self._heap.counts()
        depths = {Priority(level): depth for level, depth in enumerate(self._heap.depths())}
        shown = MappingProxyType({level: depth for level, depth in depths.items() if depth or level <= Priority.LOW})
        return QueueStatistics(self.capacity, counts[2], shown, counts[5], Ledger.of(counts))

    # --- for the engine

    def adopt(self, rank: Rank, types: EventTypes, stock: bool) -> None:
        """Take what gives events key and level: ``stock`` when ``rank`` does as ``types`` alone would.

        Types keep the numbers they have. For one thread, before others bring events of new types.
        """
        self.rank, self.types, self.ranks_by_type = rank, types, stock
        types.follow(self._describe_anew)
        known, self._kinds = self._kinds, self._make_kinds()
        for code in range(len(known)):
            self._learned(known.name(code))
        self._face()

    @property
    def heap(self) -> EventHeap:
        """The twin's heap: for what answers the events of this queue."""
        return self._heap

    @property
    def kinds(self) -> KindTable:
        """The numbers of the event types seen here."""
        return self._kinds

    def event_of(self, entry: Entry) -> Event:
        """Return the entry's event; one that came as numbers becomes an object here."""
        payload = entry[0]
        if type(payload) is not tuple:
            event: Event = payload
            return event
        kind, intensity, timestamp = payload
        return Event(self._kinds.name(kind), intensity, timestamp)

    def wait_for_idleness(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until ``done()``, looked at when nothing is queued or running; False after real seconds."""
        endless = timeout is None or timeout == math.inf
        return self._watch(done, None if endless else _seconds_from_now(timeout or 0.0), idle=True)

    def take_nowait(self, end: int = NO_END) -> Entry | None:
        """Take the most urgent entry, or None; with ``end`` it ends there, else it runs."""
        entry = self._heap.pop(end)
        if entry is not None:
            self.announce()
        return entry

    def cancel_all(self) -> list[Entry]:
        """Take out everything queued and end it as cancelled, in one atomic step."""
        entries = self._heap.drain(self.capacity, Status.CANCELLED)
        self.announce()
        return entries

    def wake(self) -> None:
        """Make every waiter look again at what it waits for."""
        self._heap.nudge()
        with self._changed:
            self._changed.notify_all()

    def _face(self) -> None:
        """Have the front serve what this queue is made of now."""
        raises, waits = self._policy == REJECT, self.overflow == BLOCK
        self._attach(self._heap, self._kinds, Event, NO_METADATA, self._policy, raises, waits)
        self._be_swift(self._is_stock())

    def _attach(self, *_: object) -> None:
        """Let the twin's front serve this queue; the reference has none."""

    def _be_swift(self, swift: bool) -> None:
        """Let the front answer, or leave all to this class."""

    def _is_stock(self) -> bool:
        """Whether time and order are those that the twin knows by itself."""
        return self._waits_in_heap and self.ranks_by_type and not self._closed

    def _offered(self, event: Event) -> Offer:
        if self._closed:
            raise QueueClosed("the queue is closed")
        if not isinstance(event, Event):
            raise InvalidEvent(f"a queue takes Event objects, not {type(event).__name__}")
        arrival_ns = self.clock.now_ns()
        key, level = self.rank(event, arrival_ns)
        return key, level, arrival_ns, event

    def _offer(self, event: Event) -> Verdict | Entry:
        offer = self._offered(event)
        verdict = self._heap.offer(*offer, self._policy, self._kind(event), event.intensity)
        self.announce()
        self._hand_back(verdict)
        return verdict

    def _kind(self, event: Event) -> int:
        """The event's number, or NO_KIND when its type alone does not say how it is treated."""
        code = self._kinds.code(event.type)
        if code == NO_KIND:
            code = self._learned(event.type)
        inexact = event.metadata.get("internal") is True and self.types.named(event.type) is None
        return NO_KIND if inexact else code

    def _learned(self, name: str) -> int:
        """Give a type its number, with the level and budget its name has."""
        code = self._kinds.add(name, *self._described(name))
        if code != NO_KIND and self.on_kind is not None:
            self.on_kind(name, code)
        return code

    def _described(self, name: str) -> tuple[int, int, bool]:
        """The level and budget of a type, and whether its name alone decides them."""
        event_type = self.types.named(name)
        kind = event_type or self.types.default
        return int(kind.priority), kind.budget_ns, event_type is not None

    def _describe_anew(self) -> None:
        """Follow a change of the table of types; what is queued keeps its place."""
        for code in range(len(self._kinds)):
            self._kinds.change(code, *self._described(self._kinds.name(code)))

    def _admit(self, offer: Offer, kind: int, event: Event) -> bool:
        if self._closed:
            raise QueueClosed("the queue is closed")
        if self._heap.offer(*offer, WAIT, kind, event.intensity) is REFUSED:
            return False
        self.announce()
        return True

    def _hand_back(self, verdict: Verdict | Entry) -> None:
        if isinstance(verdict, tuple) and self.on_shed is not None:
            self.on_shed(verdict)

    def announce(self) -> None:
        """Tell those who wait on a clock of their own that something changed."""
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
        if self._waits_in_heap:
            return self._watch(done, deadline_ns, idle=False)
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

    def _watch(self, done: Callable[[], bool], until_ns: int | None, idle: bool) -> bool:
        """Wait for a change of the heap, which the worker can tell without the GIL."""
        epoch = self._heap.watch(idle)
        try:
            while not done():
                left_ns = None if until_ns is None else until_ns - time.monotonic_ns()
                if left_ns is not None and left_ns <= 0:
                    return False
                epoch = self._heap.wait(epoch, left_ns)
            return True
        finally:
            self._heap.unwatch(idle)

    def _deadline_ns(self, timeout: float | None) -> int | None:
        if timeout is None or timeout == math.inf:
            return None
        if math.isnan(timeout):
            raise ValueError("timeout is nan; it must be a number of seconds")
        return self.clock.now_ns() + round(timeout * NS_PER_SECOND)

    def _refuse(self, event: Event) -> NoReturn:
        raise QueueFull(f"queue holds {len(self._heap)} of {self.capacity} events; {event.type!r} was refused")


def _repeated(seconds: float, count: int) -> array[float]:
    return array("d", [seconds]) * count


def _types_behind(rank: Rank | None) -> EventTypes:
    owner = getattr(rank, "__self__", None)
    return owner if isinstance(owner, EventTypes) else EventTypes.life()


def _seconds_from_now(seconds: float) -> int:
    return time.monotonic_ns() + round(seconds * NS_PER_SECOND)
