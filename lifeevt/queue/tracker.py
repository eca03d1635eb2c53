"""Tracker: the way of events with a receipt into a queue: order by key, coalescing, timers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import NamedTuple, Protocol

from .._backends import EventHeap, fork
from .._backends.contract import REFUSED, REJECT, WAIT, Entry, Offer, Verdict
from ..clock import NS_PER_SECOND, Clock
from ..errors import InvalidEvent
from ..event import COALESCING, Event, EventTypes, Priority
from ..result import EventProcessingResult, Status, filled
from .key_order import KeyOrder
from .overflow import Overflow
from .rate_limit import RateLimiter
from .receipt import Admission, Merge, Receipt, Tracked
from .timers import PeriodicTimer, Timers
from .type_ids import TypeIds

__all__ = ["Tracker", "merged"]


class Home(Protocol):
    """The queue whose events are tracked."""

    capacity: int
    clock: Clock
    limiter: RateLimiter
    type_ids: TypeIds
    overflows: Overflow
    types: EventTypes
    rank: Callable[[Event, int], tuple[int, int]]

    def __len__(self) -> int: ...
    @property
    def heap(self) -> EventHeap: ...
    @property
    def closed(self) -> bool: ...
    def offered(self, event: Event) -> Offer: ...
    def announce(self) -> None: ...
    def hand_back(self, verdict: Verdict | Entry) -> None: ...


class Tracker:
    """Keeps the receipts of one queue: lines by key, what is due later, and what became of each. Thread-safe.

    Of the events of one key only the first may leave the queue, and it is as urgent as the most urgent of them;
    the next may once it has ended. Merges, ranks and makers of events run without the tracker's lock; whoever takes
    a receipt out of what is deferred alone decides what becomes of it.
    """

    def __init__(self, queue: Home) -> None:
        self._queue, self._heap = queue, queue.heap
        self._lock = threading.RLock()
        fork.renew_locks(self, "_lock")
        self._lines: dict[Hashable, KeyOrder[Receipt]] = {}
        self._deferred: set[Receipt] = set()
        self._periodic: set[PeriodicTimer] = set()
        self._came: dict[str, dict[Receipt, None]] = {}  # who waits, by type, where overflow coalesces
        self.limiter = queue.limiter
        self.timers = Timers()
        self.may_wait: Callable[[], None] = _nobody_minds
        self.mean_service_ns: Callable[[], float] = _unknown
        self.on_ended: Callable[[Entry, Status], None] | None = None

    # --- in

    def make(
        self,
        event: Event,
        key: Hashable = None,
        coalesce: str | Merge | None = None,
        ttl: float | None = None,
        deadline_ns: int | None = None,
    ) -> Receipt:
        """Return a receipt for an event that has not come yet; InvalidEvent for options that make no sense.

        Its type says how long it lives, and how it is coalesced, where the options do not.
        """
        if not isinstance(event, Event):
            raise InvalidEvent(f"a queue takes Event objects, not {type(event).__name__}")
        event_type = self._queue.types.resolve(event)
        ttl_ns = event_type.ttl_ns if ttl is None else round(ttl * NS_PER_SECOND)
        coalesce = event_type.coalesce if coalesce is None and key is not None else coalesce
        if coalesce is not None and not callable(coalesce) and coalesce not in COALESCING:
            raise InvalidEvent(f"unknown coalescing {coalesce!r}; choose {', '.join(COALESCING)} or a function")
        if coalesce is not None and key is None:
            raise InvalidEvent("events are coalesced by key; this one has none")
        ends = [] if deadline_ns is None else [deadline_ns]
        if ttl_ns is not None:
            ends.append(self._queue.clock.now_ns() + ttl_ns)
        return Receipt(self, event, key, coalesce, min(ends, default=None), len(self._heap))

    def admit(self, receipt: Receipt) -> bool:
        """Let the event in by the policy of its level or type; False, and why, when there is no room."""
        offer = self._queue.offered(receipt.event)
        if not self._may_come(receipt, offer[2]):
            return False
        overflow, level = self._overflow_of(receipt.event), offer[1]
        coalesces = overflow.coalesces[level]
        entered = self._enter(receipt, WAIT if coalesces else overflow.policies[level], offer)
        if coalesces and entered:
            self.note(receipt)
        if entered or (coalesces and self.stand_for_newest(receipt)):
            return True
        queue = self._queue
        receipt.reason = f"queue holds {len(queue)} of {queue.capacity} events; {receipt.event.type!r} was refused"
        return False

    def _may_come(self, receipt: Receipt, now_ns: int) -> bool:
        """Whether the limits of its type and source let the event come; asked once, however often it is let in."""
        event, event_type = receipt.event, self._queue.types.resolve(receipt.event)
        if receipt.may_come is None:
            receipt.may_come = self.limiter.admits(
                event_type.name, event.source, now_ns, event_type.rate_limit, event_type.source_limit
            )
        if not receipt.may_come:
            receipt.reason = f"{event.type!r} from {event.source!r} comes more often than its limit allows"
        return receipt.may_come

    def policy_for(self, event: Event) -> int:
        """Return what the heap does for an event when it is full."""
        return self._overflow_of(event).policies[self._queue.rank(event, 0)[1]]

    def _overflow_of(self, event: Event) -> Overflow:
        own = self._queue.types.resolve(event).overflow
        return self._queue.overflows if own is None else Overflow(own)

    def _enter(self, receipt: Receipt, policy: int, offer: Offer) -> bool:
        """Let the event in now, or into the one that stands for it; False when there is no room."""
        merge = self._merge(receipt)
        while (verdict := self._entered(receipt, policy, offer, merge)) is None:  # the other one has changed meanwhile
            merge = self._merge(receipt)
        if verdict is REFUSED:
            return False
        self._queue.announce()
        if isinstance(verdict, Receipt):
            self.end(self._booked(verdict, Status.COALESCED), Status.COALESCED)
        else:
            self._queue.hand_back(verdict)
        return True

    def _entered(
        self, receipt: Receipt, policy: int, offer: Offer, merge: Merging | None
    ) -> Verdict | Entry | Receipt | None:
        """Let the event in: what the heap says, or the receipt whose event another stands for.

        None, and nothing is done, when ``merge`` is not of the last event in its line.
        """
        key, level, arrival_ns, event = offer
        type_id = self._queue.type_ids.of(event)
        with self._lock:
            if not self._may_enter(receipt, event):
                return REFUSED
            line = None if receipt.key is None else self._lines.get(receipt.key)
            if line is not None and receipt.coalesce is not None:
                if callable(receipt.coalesce) and not (merge and merge.is_of(line.last)):
                    return None
                goes = self._coalesce(line, receipt, merge, key, level)
                if goes is not None:
                    self._deferred.discard(receipt)
                    return goes
            verdict, receipt.ticket = self._heap.offer_tracked(
                key, level, arrival_ns, Tracked(event, receipt), policy, type_id, event.intensity, line is not None
            )
            if verdict is not REFUSED:
                self._deferred.discard(receipt)
                receipt.admission = Admission.ACCEPTED
                self._join(line, receipt, key, level)
            return verdict

    def stand_for_newest(self, receipt: Receipt) -> bool:
        """Let the event in for the newest one of its type that came this way and waits; False when there is none."""
        key, level, _, event = self._queue.offered(receipt.event)
        tracked = Tracked(event, receipt)
        with self._lock:
            came = reversed(self._came.get(event.type, {}))
            older = next((each for each in came if self._put(each, tracked, key, level)), None)
            if older is None:
                return False
            receipt.ticket, older.ticket = older.ticket, None
            receipt.admission = Admission.ACCEPTED
            self.note(receipt)
        self.end(self._booked(older, Status.COALESCED), Status.COALESCED)
        return True

    def note(self, receipt: Receipt) -> None:
        """Remember an event that came where overflow coalesces, until it has ended."""
        with self._lock:
            self._came.setdefault(receipt.event.type, {})[receipt] = None
            if receipt.done:
                self._forget(receipt)

    def defer(self, receipt: Receipt, due_ns: int) -> None:
        """Let the event in once it is ``due_ns``; it arrives then."""
        receipt.admission = Admission.DEFERRED
        with self._lock:
            self._deferred.add(receipt)
            receipt.timer = self.timers.add(due_ns, lambda: self._come(receipt))

    def repeat(self, start_ns: int, period_ns: int, misfire: str, act: Callable[[], None]) -> PeriodicTimer:
        """Do something at every instant of a grid, until it is cancelled or the queue gives up what is to come."""
        made = PeriodicTimer(self.timers, start_ns, period_ns, misfire, self._queue.clock.now_ns, act)
        with self._lock:
            self._periodic.add(made)
        return made

    def fire(self) -> None:
        """Let in what is due. Does not block."""
        if self.timers.living:
            self.timers.fire(self._queue.clock.now_ns())

    @property
    def deferred(self) -> int:
        """How many events are still to come."""
        return len(self._deferred)

    # --- changes

    def cancel(self, receipt: Receipt) -> bool:
        """Take an event out; see :meth:`Receipt.cancel`."""
        entry = None
        with self._lock:  # a ticket may be handed on to another receipt, and what is due be on its way
            was_to_come = self._taken_from_deferred(receipt)
            if receipt.ticket is not None:
                entry = self._heap.withdraw(receipt.ticket, Status.CANCELLED)
        if was_to_come:
            entry = self._booked(receipt, Status.CANCELLED)
        if entry is None:
            return False
        self._queue.announce()
        self.end(entry, Status.CANCELLED)
        return True

    def replace(self, receipt: Receipt, event: Event) -> bool:
        """Put another event into its place; see :meth:`Receipt.replace`."""
        key, level, _, event = self._queue.offered(event)
        with self._lock:
            if receipt in self._deferred:
                receipt.event = event
                return True
            return self._put_into(receipt, Tracked(event, receipt), key, level)

    def boost(self, receipt: Receipt, priority: Priority | None, within_ns: int | None) -> bool:
        """Make it more urgent; see :meth:`Receipt.boost`."""
        key = NEVER if within_ns is None else self._queue.clock.now_ns() + within_ns
        level = LEAST_LEVEL if priority is None else int(Priority(priority))
        with self._lock:
            return self._put_into(receipt, Tracked(receipt.event, receipt), key, level)

    def give_up_deferred(self) -> list[Entry]:
        """Cancel everything that is still to come, and book it; the entries are the caller's to end."""
        with self._lock:
            periodic, self._periodic = self._periodic, set()
            given_up = [receipt for receipt in list(self._deferred) if self._taken_from_deferred(receipt)]
        for each in periodic:
            each.cancel()
        return [self._booked(receipt, Status.CANCELLED) for receipt in given_up]

    # --- out

    def end(self, entry: Entry, status: Status) -> None:
        """Say that a tracked event ended without being answered."""
        if self.on_ended is not None:
            self.on_ended(entry, status)
        receipt = entry[0].receipt
        if not receipt.done:
            self.ended(receipt, _unprocessed(entry, status, self._queue.clock.now_ns()))

    def ended(self, receipt: Receipt, result: EventProcessingResult) -> None:
        """Tell who waits for it, and let the next one of its key go."""
        if receipt.done:
            return
        if self._came:
            with self._lock:
                self._forget(receipt)
        receipt.event = result.event
        receipt.settle(result)
        if receipt.key is not None:
            self._leave_line(receipt)  # which waits for one that is just being put in

    def predict(self, depth: int) -> float:
        """Return how many seconds so many events take."""
        return depth * self.mean_service_ns() / NS_PER_SECOND

    def refuse_to_wait(self) -> None:
        """Raise LifeEventError where waiting would be for ever."""
        self.may_wait()

    def _forget(self, receipt: Receipt) -> None:
        came = self._came.get(receipt.event.type, {})
        came.pop(receipt, None)
        if not came:
            self._came.pop(receipt.event.type, None)

    # --- lines

    def _join(self, line: KeyOrder[Receipt] | None, receipt: Receipt, key: int, level: int) -> None:
        if receipt.key is None or receipt.ticket is None:
            return
        if line is None:
            line = self._lines[receipt.key] = KeyOrder()
        line.join(receipt.ticket[0], receipt, key, level)
        self._urge(line)

    def _leave_line(self, receipt: Receipt) -> None:
        with self._lock:
            line = self._lines.get(receipt.key)
            if line is None or receipt.ticket is None or line.members.get(receipt.ticket[0]) is not receipt:
                return
            was_first = line.leave(receipt.ticket[0])
            if not line.members:
                del self._lines[receipt.key]
            elif was_first and line.head.ticket is not None:
                self._heap.bring_back(line.head.ticket)
                self._urge(line)
        self._queue.announce()

    def _urge(self, line: KeyOrder[Receipt]) -> None:
        """Let the first be as urgent as the most urgent one behind it."""
        self._put(line.head, Tracked(line.head.event, line.head), *line.urgency())

    def _put_into(self, receipt: Receipt, tracked: Tracked, key: int, level: int) -> bool:
        """Let another event, or urgency, into the place of one that waits; whether it does."""
        line = None if receipt.key is None else self._lines.get(receipt.key)
        if not self._put(receipt, tracked, key, level):
            return False
        noted = receipt in self._came.get(receipt.event.type, {})
        if noted:
            self._forget(receipt)
        receipt.event = tracked.event
        if noted:
            self.note(receipt)
        if line is not None and receipt.ticket is not None:
            line.join(receipt.ticket[0], receipt, key, level)
            self._urge(line)
        return True

    def _put(self, receipt: Receipt, tracked: Tracked, key: int, level: int) -> bool:
        if receipt.ticket is None or receipt.done:
            return False
        type_id = self._queue.type_ids.of(tracked.event)
        return self._heap.replace(receipt.ticket, key, level, tracked, type_id, tracked.event.intensity)

    def _merge(self, receipt: Receipt) -> Merging | None:
        """Ask a function of the user's for one event instead of two, the last in line and this one."""
        if not callable(receipt.coalesce):
            return None
        with self._lock:
            line = self._lines.get(receipt.key)
            older = None if line is None else line.last
        return None if older is None else Merging(older, older.event, receipt.coalesce(older.event, receipt.event))

    def _coalesce(
        self, line: KeyOrder[Receipt], receipt: Receipt, merge: Merging | None, key: int, level: int
    ) -> Receipt | None:
        """Let one of two stand for both: the receipt of the other, or None when there is none that waits."""
        older = line.last
        if receipt.coalesce == "first":
            stays, event = older, older.event
        else:
            stays, event = receipt, self._of_both(older.event, receipt) if merge is None else merge.event
        if not self._put(older, Tracked(event, stays), key, level):
            return None
        goes = receipt if stays is older else older
        if stays is receipt:
            receipt.ticket, older.ticket = older.ticket, None
            receipt.event, receipt.admission = event, Admission.ACCEPTED
        else:
            receipt.admission = Admission.COALESCED
        if stays.ticket is not None:
            line.join(stays.ticket[0], stays, key, level)
            self._urge(line)
        return goes

    def _of_both(self, older: Event, receipt: Receipt) -> Event:
        return receipt.event if receipt.coalesce == "last" else merged(older, receipt.event)

    # --- time

    def _come(self, receipt: Receipt) -> None:
        """Let in a deferred event; one for which there is no room is accepted, and shed."""
        try:
            status = self._came_to(receipt)
        except Exception:  # of a rank or a merge of the user's own
            self._end_deferred(receipt, Status.DEAD_LETTERED)
            raise
        if status is not None:
            self._end_deferred(receipt, status)

    def _came_to(self, receipt: Receipt) -> Status | None:
        """Let in what is due: the end of what cannot come in, or None."""
        while True:
            event = receipt.event
            if receipt.has_expired(self._queue.clock.now_ns()):
                return Status.EXPIRED
            if self._queue.closed:
                return Status.CANCELLED
            policy = self.policy_for(event)
            if self._enter(receipt, WAIT if policy == REJECT else policy, self._queue.offered(event)):
                return None
            if receipt.event is event:  # else it was replaced on its way
                return Status.SHED

    def _may_enter(self, receipt: Receipt, event: Event) -> bool:
        """Whether what comes late is still to come, and is this event, from inside."""
        if receipt.admission is not Admission.DEFERRED:
            return True
        return receipt in self._deferred and receipt.event is event

    def _end_deferred(self, receipt: Receipt, status: Status) -> None:
        """End what was to come, unless it has come, or somebody else ended it."""
        with self._lock:
            was_to_come = self._taken_from_deferred(receipt)
        if was_to_come:
            self.end(self._booked(receipt, status), status)

    def _taken_from_deferred(self, receipt: Receipt) -> bool:
        """Take out what is still to come, from inside; False when it has come, or somebody else took it."""
        if receipt not in self._deferred:
            return False
        self._deferred.remove(receipt)
        if receipt.timer is not None:
            receipt.timer.cancel()
        return True

    def _booked(self, receipt: Receipt, status: Status) -> Entry:
        """Count an event as accepted and ended; its entry. A rank of the user's own may be what it died of."""
        now_ns = self._queue.clock.now_ns()
        rank = self._queue.types.rank if status is Status.DEAD_LETTERED else self._queue.rank
        key, level = rank(receipt.event, now_ns)
        return Entry(Tracked(receipt.event, receipt), key, level, now_ns, self._heap.book(status))


class Merging(NamedTuple):
    """What a merge made of the event that ``older`` had then, and of a newer one."""

    older: Receipt
    seen: Event
    event: Event

    def is_of(self, last: Receipt) -> bool:
        """Whether that is still the last in line, and its event the same."""
        return self.older is last and self.seen is last.event


NEVER = 2**63 - 1
LEAST_LEVEL = 15


def merged(older: Event, newer: Event) -> Event:
    """Return one event for both: the newer one with the metadata of both, and the stronger intensity."""
    stronger = max(older.intensity, newer.intensity, key=abs)
    return Event(
        newer.type, stronger, newer.timestamp, {**older.metadata, **newer.metadata}, newer.source,
        priority=newer.priority, urgency=max(older.urgency, newer.urgency),
    )  # fmt: skip


def _unprocessed(entry: Entry, status: Status, now_ns: int) -> EventProcessingResult:
    tracked, _, level, queued_ns, sequence = entry
    return filled(
        tracked.event, status, Priority(level), None, None, None, 0, None, sequence, queued_ns, now_ns, now_ns, 0, 0
    )


def _nobody_minds() -> None:
    """Let everybody wait."""


def _unknown() -> float:
    return 0.0
