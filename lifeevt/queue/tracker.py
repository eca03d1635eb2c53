"""Tracker: puts tracked events into a queue, now or later, and changes them while they are queued."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from .._backends import EventHeap
from .._backends.contract import MAX_LEVELS, REFUSED, REJECT, WAIT, Entry, Offer, Verdict
from ..clock import NS_PER_SECOND, Clock
from ..errors import InvalidEvent, QueueFull
from ..event import COALESCING, Event, Priority
from ..result import Status
from .discipline import Discipline
from .key_order import Merging
from .receipt import Admission, Merge, Receipt, Tracked
from .settlement import Settlement
from .timers import PeriodicTimer, Timer
from .waiting import Waiting

__all__ = ["Tracker"]

NEVER = 2**63 - 1


class Tracker:
    """Puts the events with a receipt into the heap, and cancels, replaces and boosts them. Thread-safe.

    Functions of the user (merge, rank, maker of events) run without the tracker's lock. ``on_first()`` is called before
    the first event is tracked.
    """

    def __init__(
        self, heap: EventHeap, clock: Clock, discipline: Discipline, waiting: Waiting, on_first: Callable[[], None]
    ) -> None:
        self._heap, self._clock, self._discipline, self._waiting = heap, clock, discipline, waiting
        self._on_first, self.has_tracked = on_first, False
        self.timers = waiting.timers
        self.settlement = Settlement(heap, clock, discipline, waiting)
        self._lock, self._keys, self._newest = self.settlement.lock, self.settlement.keys, self.settlement.newest
        self.deferred: dict[Receipt, Timer] = {}  # the events that arrive later, under the lock, too
        self._periodic: list[PeriodicTimer] = []

    # --- putting

    def put(self, receipt: Receipt, timeout: float | None, delay: float | None, at_ns: int | None) -> Receipt:
        """Put the event of a new receipt into the queue, now or later; wait for room under ``block``."""
        if delay is not None and at_ns is not None:
            raise InvalidEvent("an event comes after a delay or at an instant, not both")
        due_ns = at_ns if delay is None else self._clock.now_ns() + round(delay * NS_PER_SECOND)
        if due_ns is not None and due_ns > self._clock.now_ns():
            self._discipline.offer(receipt.event)  # refused now, if at all
            receipt.admission = Admission.DEFERRED
            with self._lock:
                self.deferred[receipt] = self.timers.add(due_ns, lambda: self._arrive(receipt))
        elif not self.admit(receipt):
            overflow, level = self._discipline.overflow, self._discipline.level_of(receipt.event)
            if overflow.waits[level] and receipt.may_come:
                seconds = overflow.seconds[level] if timeout is None else timeout
                self._waiting.until(lambda: self.admit(receipt), seconds)
        return receipt

    def put_special(self, event: Event) -> bool:
        """Put an event whose type asks for more than a level and a budget; QueueFull under ``reject``."""
        receipt = self.make(event)
        if not self.admit(receipt) and self._discipline.policy_for(event) == REJECT:
            raise QueueFull(receipt.reason)
        return bool(receipt)

    def begin(self) -> None:
        """Begin to track events: the fast path hands out none of them."""
        if not self.has_tracked:
            self.has_tracked = True
            self._on_first()

    def make(
        self, event: Event, key: Hashable = None, coalesce: str | Merge | None = None, ttl: float | None = None,
        deadline_ns: int | None = None,
    ) -> Receipt:  # fmt: skip
        """Return a receipt for an event that has not come yet; InvalidEvent for options that make no sense."""
        if not isinstance(event, Event):
            raise InvalidEvent(f"a queue takes Event objects, not {type(event).__name__}")
        self.begin()
        event_type = self._discipline.types.resolve(event)
        ttl_ns = event_type.ttl_ns if ttl is None else round(ttl * NS_PER_SECOND)
        coalesce = event_type.coalesce if coalesce is None and key is not None else coalesce
        if coalesce is not None and not callable(coalesce) and coalesce not in COALESCING:
            raise InvalidEvent(f"unknown coalescing {coalesce!r}; choose {', '.join(COALESCING)} or a function")
        if coalesce is not None and key is None:
            raise InvalidEvent("events are coalesced by key; this one has none")
        ends = [] if deadline_ns is None else [deadline_ns]
        if ttl_ns is not None:
            ends.append(self._clock.now_ns() + ttl_ns)
        return Receipt(self, event, key, coalesce, min(ends, default=None), len(self._heap))

    def admit(self, receipt: Receipt) -> bool:
        """Let the event in by the policy of its level or type; False, with a reason, when there is no room."""
        offer, event = self._discipline.offer(receipt.event), receipt.event
        if receipt.may_come is None:  # the limits are asked once for each receipt
            receipt.may_come = self._discipline.admits(event, offer.arrival_ns)
        if not receipt.may_come:
            receipt.reason = f"{event.type!r} from {event.source!r} comes more often than its limit allows"
            return False
        overflow = self._discipline.overflow_of(event)
        coalesces = overflow.coalesces[offer.level]
        entered = self._enter(receipt, WAIT if coalesces else overflow.policies[offer.level], offer)
        if coalesces and entered:
            with self._lock:
                self._newest.add(receipt)
        if entered or (coalesces and self._replace_newest(receipt)):
            return True
        receipt.reason = self._discipline.refusal(event)
        return False

    def _enter(self, receipt: Receipt, policy: int, offer: Offer) -> bool:
        """Let the event in, or coalesce it with the last of its key; False when there is no room."""
        while (verdict := self._entered(receipt, policy, offer, self._merge(receipt))) is None:
            continue  # the last of the key has changed
        if verdict is REFUSED:
            return False
        self._waiting.announce()
        if isinstance(verdict, Receipt):
            self.settlement.end_booked(verdict, Status.COALESCED)
        else:
            self.settlement.hand_back(verdict)
        return True

    def _entered(
        self, receipt: Receipt, policy: int, offer: Offer, merging: Merging | None
    ) -> Verdict | Entry | Receipt | None:
        """Return the heap's verdict, or the receipt that coalescing ended; None when ``merging`` is out of date."""
        with self._lock:
            still_deferred = receipt in self.deferred and receipt.event is offer.payload
            if receipt.admission is Admission.DEFERRED and not still_deferred:
                return REFUSED  # cancelled or replaced while it arrives
            older = None if receipt.coalesce is None else self._keys.last(receipt.key)
            goes = None
            if older is not None:
                up_to_date = merging and merging.older is older and merging.seen is older.event
                if callable(receipt.coalesce) and not up_to_date:
                    return None
                goes = self._keys.coalesce(older, receipt, merging, offer.key, offer.level)
            verdict = self._keys.enter(receipt, offer, policy) if goes is None else goes
            if verdict is not REFUSED:
                self.deferred.pop(receipt, None)
            return verdict

    def _merge(self, receipt: Receipt) -> Merging | None:
        """Call the user's function, if there is one, for one event instead of the last of the key and this one."""
        if not callable(receipt.coalesce):
            return None
        with self._lock:
            older = self._keys.last(receipt.key)
        return None if older is None else Merging(older, older.event, receipt.coalesce(older.event, receipt.event))

    def _replace_newest(self, receipt: Receipt) -> bool:
        """Let the event take the place of the newest of its type; False when none is queued."""
        offer = self._discipline.offer(receipt.event)
        tracked = Tracked(receipt.event, receipt)
        with self._lock:
            came = self._newest.of(receipt.event.type)
            older = next((each for each in came if self._keys.put(each, tracked, offer.key, offer.level)), None)
            if older is None:
                return False
            receipt.ticket, older.ticket = older.ticket, None
            receipt.admission = Admission.ACCEPTED
            self._newest.add(receipt)
        self.settlement.end_booked(older, Status.COALESCED)
        return True

    # --- later

    def repeat(self, seconds: float, misfire: str, act: Callable[[], object]) -> PeriodicTimer:
        """Call ``act()`` every so many seconds, first after as many, until it is cancelled or the queue is closed."""
        self.begin()
        period_ns, now_ns = round(seconds * NS_PER_SECOND), self._clock.now_ns
        timer = PeriodicTimer(self.timers, now_ns() + period_ns, period_ns, misfire, now_ns, act)
        with self._lock:
            self._periodic.append(timer)
        return timer

    def fire(self) -> None:
        """Let in the events that are due. Does not block."""
        if self.timers.living:
            self.timers.fire(self._clock.now_ns())

    def give_up_deferred(self) -> list[Entry]:
        """Cancel and count the events that arrive later, and return their entries, which the caller ends."""
        with self._lock:
            deferred, self.deferred = self.deferred, {}
            periodic, self._periodic = self._periodic, []
        timers: list[Timer | PeriodicTimer] = [*deferred.values(), *periodic]
        for timer in timers:
            timer.cancel()
        return [self.settlement.book(receipt, Status.CANCELLED) for receipt in deferred]

    def _arrive(self, receipt: Receipt) -> None:
        """Let in a deferred event; one without room is accepted, and shed."""
        status: Status | None = Status.DEAD_LETTERED  # when a rank or a merge of the user's own raises
        try:
            status = self._arrived(receipt)
        finally:
            if status is not None and self._take_deferred(receipt):  # it has not arrived or ended meanwhile
                self.settlement.end_booked(receipt, status)

    def _arrived(self, receipt: Receipt) -> Status | None:
        """Let in a deferred event; return None, or how it ends instead."""
        while True:
            event = receipt.event
            if receipt.has_expired(self._clock.now_ns()):
                return Status.EXPIRED
            if self._discipline.closed:
                return Status.CANCELLED
            policy = self._discipline.policy_for(event)
            if self._enter(receipt, WAIT if policy == REJECT else policy, self._discipline.offer(event)):
                return None
            if receipt.event is event:  # else it was replaced meanwhile
                return Status.SHED

    def _take_deferred(self, receipt: Receipt) -> bool:
        """Take out an event before it arrives; False when it does not arrive later any more."""
        with self._lock:
            timer = self.deferred.pop(receipt, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    # --- changes

    def cancel(self, receipt: Receipt) -> bool:
        """Remove the event; see :meth:`Receipt.cancel`."""
        with self._lock:  # another thread may hand the ticket to another receipt, or let a deferred event in
            was_deferred = self._take_deferred(receipt)
            entry = None if receipt.ticket is None else self._heap.withdraw(receipt.ticket, Status.CANCELLED)
        if was_deferred:
            entry = self.settlement.book(receipt, Status.CANCELLED)
        if entry is None:
            return False
        self._waiting.announce()
        self.settlement.end(entry, Status.CANCELLED)
        return True

    def replace(self, receipt: Receipt, event: Event) -> bool:
        """Put another event into its place; see :meth:`Receipt.replace`."""
        offer = self._discipline.offer(event)
        with self._lock:
            if receipt in self.deferred:
                receipt.event = event
                return True
            return self._put_into(receipt, event, offer.key, offer.level)

    def boost(self, receipt: Receipt, priority: Priority | None, within_ns: int | None) -> bool:
        """Make it more urgent; see :meth:`Receipt.boost`."""
        key = NEVER if within_ns is None else self._clock.now_ns() + within_ns
        level = MAX_LEVELS - 1 if priority is None else int(Priority(priority))
        with self._lock:
            return self._put_into(receipt, receipt.event, key, level)

    def _put_into(self, receipt: Receipt, event: Event, key: int, level: int) -> bool:
        """Put another event, or urgency, into the place of a queued one; False when it is not queued any more."""
        came = self._newest.remove(receipt)  # since its type may change
        replaced = self._keys.replace(receipt, event, key, level)
        if came:
            self._newest.add(receipt)
        return replaced
