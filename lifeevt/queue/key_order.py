"""KeyOrders: the events of each key in order of arrival, and how two of one key become one."""

from __future__ import annotations

import heapq
from collections import OrderedDict, defaultdict
from collections.abc import Hashable
from typing import NamedTuple

from .._backends import EventHeap
from .._backends.contract import REFUSED, Entry, Offer, Verdict
from ..event import Event
from .receipt import Admission, Receipt, Tracked
from .type_ids import TypeIds

__all__ = ["KeyOrders", "Merging"]


class KeyOrder:
    """The queued and running events of one key, by sequence, and the urgency of the most urgent one.

    Urgency is a key and a level; less is more urgent. Removing a member leaves its urgency in the heaps until that
    comes first. O(log n) a call, amortised.
    """

    __slots__ = ("_keys", "_levels", "members")

    def __init__(self) -> None:
        self.members: OrderedDict[int, Receipt] = OrderedDict()
        self._keys: list[tuple[int, int]] = []  # with the sequence; also of members that have left
        self._levels: list[tuple[int, int]] = []

    @property
    def head(self) -> Receipt:
        """The first; there must be one."""
        return next(iter(self.members.values()))

    def join(self, sequence: int, member: Receipt, key: int, level: int) -> None:
        """Append a member, or make one more urgent."""
        self.members[sequence] = member
        heapq.heappush(self._keys, (key, sequence))
        heapq.heappush(self._levels, (level, sequence))

    def urgency(self) -> tuple[int, int]:
        """Return the least key and the least level; there must be a member."""
        return self._least(self._keys), self._least(self._levels)

    def _least(self, heap: list[tuple[int, int]]) -> int:
        least, sequence = heap[0]
        while sequence not in self.members:
            heapq.heappop(heap)
            least, sequence = heap[0]
        return least


class Merging(NamedTuple):
    """The event that a user's function made of ``seen``, which ``older`` had then, and of a newer one."""

    older: Receipt
    seen: Event
    event: Event


class KeyOrders:
    """The tracked events of a heap, by key. Of one key only the first may leave the heap, the next once it has ended.

    The first is as urgent as the most urgent behind it. One thread at a time. O(log n) a call, amortised.
    """

    def __init__(self, heap: EventHeap, type_ids: TypeIds) -> None:
        self._heap, self._type_ids = heap, type_ids
        self._orders: defaultdict[Hashable, KeyOrder] = defaultdict(KeyOrder)

    def last(self, key: Hashable) -> Receipt | None:
        """Return the last receipt of a key."""
        order = None if key is None else self._orders.get(key)
        return None if order is None else next(reversed(order.members.values()))

    def enter(self, receipt: Receipt, offer: Offer, policy: int) -> Verdict | Entry:
        """Offer the event of a receipt to the heap; it joins the order of its key."""
        key, level, arrival_ns, event = offer
        held = receipt.key is not None and receipt.key in self._orders
        tracked, type_id = Tracked(event, receipt), self._type_ids.find(event).type_id
        verdict, receipt.ticket = self._heap.offer_tracked(
            key, level, arrival_ns, tracked, policy, type_id, event.intensity, held
        )
        if verdict is not REFUSED:
            receipt.admission = Admission.ACCEPTED
            self._join(receipt, key, level)
        return verdict

    def coalesce(
        self, older: Receipt, receipt: Receipt, merging: Merging | None, key: int, level: int
    ) -> Receipt | None:
        """Let one event stand for two; return the receipt of the one that goes, None when ``older`` is not queued."""
        stays = older if receipt.coalesce == "first" else receipt
        event = stays.event if merging is None else merging.event
        if receipt.coalesce == "merge":
            event = _merged(older.event, receipt.event)
        if not self.put(older, Tracked(event, stays), key, level):
            return None
        if stays is receipt:
            stays.ticket, older.ticket = older.ticket, None
            stays.event, stays.admission = event, Admission.ACCEPTED
        else:
            receipt.admission = Admission.COALESCED
        self._join(stays, key, level)
        return receipt if stays is older else older

    def replace(self, receipt: Receipt, event: Event, key: int, level: int) -> bool:
        """Put another event, or urgency, into the place of a queued one; False when it is not queued any more."""
        if not self.put(receipt, Tracked(event, receipt), key, level):
            return False
        receipt.event = event
        self._join(receipt, key, level)
        return True

    def put(self, receipt: Receipt, tracked: Tracked, key: int, level: int) -> bool:
        """Put ``tracked`` into the place of a queued receipt, never less urgent; False when it is not queued."""
        if receipt.ticket is None or receipt.done:
            return False
        type_id = self._type_ids.find(tracked.event).type_id
        return self._heap.replace(receipt.ticket, key, level, tracked, type_id, tracked.event.intensity)

    def leave(self, receipt: Receipt) -> bool:
        """Remove an event that ended, and let the next of its key go; False when it was not in the order."""
        order = self._orders.get(receipt.key)
        sequence, _ = receipt.ticket or (None, None)
        if order is None or sequence is None or order.members.get(sequence) is not receipt:
            return False
        was_first = order.head is receipt
        del order.members[sequence]
        if not order.members:
            del self._orders[receipt.key]
        elif was_first and order.head.ticket is not None:
            self._heap.bring_back(order.head.ticket)
            self._urge(order)
        return True

    def _join(self, receipt: Receipt, key: int, level: int) -> None:
        """Append a receipt to the order of its key, if it has one, or note that it is more urgent."""
        if receipt.key is not None and receipt.ticket is not None:
            sequence, _ = receipt.ticket
            order = self._orders[receipt.key]
            order.join(sequence, receipt, key, level)
            self._urge(order)

    def _urge(self, order: KeyOrder) -> None:
        """Make the first event as urgent as the most urgent one behind it."""
        self.put(order.head, Tracked(order.head.event, order.head), *order.urgency())


def _merged(older: Event, newer: Event) -> Event:
    """Return one event for both: the newer one with the metadata of both, and the stronger intensity."""
    stronger = max(older.intensity, newer.intensity, key=abs)
    return Event(
        newer.type, stronger, newer.timestamp, {**older.metadata, **newer.metadata}, newer.source,
        priority=newer.priority, urgency=max(older.urgency, newer.urgency),
    )  # fmt: skip
