"""Settlement: the end of the events of a queue that the engine does not process."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .._backends import EventHeap, fork
from .._backends.contract import Entry, Verdict
from ..clock import Clock
from ..event import Priority
from ..result import EventProcessingResult, Status, filled
from .discipline import Discipline
from .key_order import KeyOrders
from .overflow import NewestByType
from .receipt import Receipt, Tracked
from .waiting import Waiting

__all__ = ["Settlement"]


class Settlement:
    """Ends events: tells the engine, sets the result of the receipt, and lets the next event of its key go.

    ``lock`` guards ``keys`` and ``newest``. Thread-safe; calls nothing of the engine's under the lock.
    """

    def __init__(self, heap: EventHeap, clock: Clock, discipline: Discipline, waiting: Waiting) -> None:
        self._heap, self._clock, self._discipline, self._waiting = heap, clock, discipline, waiting
        self.keys, self.newest = KeyOrders(heap, discipline.type_ids), NewestByType()
        self.lock = threading.RLock()
        fork.renew_locks(self, "lock")
        self.on_ended: Callable[[Entry, Status], None] | None = None
        self.refuse_to_wait: Callable[[], None] = lambda: None  # without an engine, every thread may wait
        self.mean_service_ns: Callable[[], float] = float

    def follow(
        self, on_ended: Callable[[Entry, Status], None], refuse_to_wait: Callable[[], None],
        mean_service_ns: Callable[[], float],
    ) -> None:  # fmt: skip
        """Tell an engine of each event that the queue ends unprocessed.

        ``refuse_to_wait()`` raises LifeEventError in a thread whose wait for a result would never end.
        """
        self.on_ended, self.refuse_to_wait, self.mean_service_ns = on_ended, refuse_to_wait, mean_service_ns

    def hand_back(self, verdict: Verdict | Entry) -> None:
        """End the event that an offer shed, if the verdict is one."""
        if isinstance(verdict, tuple):
            self.end(verdict, Status.SHED)

    def end(self, entry: Entry, status: Status) -> None:
        """End an event that was not processed."""
        if self.on_ended is not None:
            self.on_ended(entry, status)
        tracked, _, level, queued_ns, sequence = entry
        if type(tracked) is Tracked and not tracked.receipt.done:
            now_ns = self._clock.now_ns()
            result = filled(
                tracked.event, status, Priority(level), None, None, None, 0, None, sequence, queued_ns, now_ns, now_ns,
                0, 0,
            )  # fmt: skip
            self.settle(tracked.receipt, result)

    def settle(self, receipt: Receipt, result: EventProcessingResult) -> None:
        """Give a receipt its result, once, and let the next event of its key go."""
        if receipt.done:
            return
        if self.newest:
            with self.lock:
                self.newest.remove(receipt)
        receipt.event = result.event
        receipt.settle(result)
        if receipt.key is not None:
            with self.lock:  # an event of the key may just be entering
                left = self.keys.leave(receipt)
            if left:
                self._waiting.announce()

    def book(self, receipt: Receipt, status: Status) -> Entry:
        """Count an event that is not in the heap as accepted and ended, and return its entry."""
        now_ns = self._clock.now_ns()
        failed = status is Status.DEAD_LETTERED  # perhaps in a rank of the user's own
        rank = self._discipline.types.rank if failed else self._discipline.rank
        key, level = rank(receipt.event, now_ns)
        return Entry(Tracked(receipt.event, receipt), key, level, now_ns, self._heap.book(status))

    def end_booked(self, receipt: Receipt, status: Status) -> None:
        """Count an event that is not in the heap as accepted, and end it."""
        self.end(self.book(receipt, status), status)
