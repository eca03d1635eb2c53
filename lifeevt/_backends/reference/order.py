"""HeapOrder, the reference: a binary heap of (place, sequence) pairs, and the events that are set aside."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from ..contract import MAX_LEVELS, Head
from .ledger import Ledger
from .numbers import INT64_MAX, INT64_MIN, saturated
from .queued import Queued

SPARE_TOMBSTONES = 64  # fewer are not worth a compaction


class HeapOrder(Ledger):
    """The order of the queued events: the smallest place leaves first, equal places in order of acceptance.

    An event stands in the order at its place. Removing an event, or moving it, leaves the old pair as a tombstone: a
    pair whose event is gone or stands elsewhere. Tombstones are dropped when they come first, or all at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._order: list[tuple[int, int]] = []
        self._offsets: Sequence[int] = (0,) * MAX_LEVELS
        self._paused_levels: set[int] = set()
        self._paused_types: set[int] = set()
        self._parked: dict[int, Queued] = {}  # the events that came first while they were paused

    def head(self) -> Head | None:
        """Return the event that would leave first, or None; it stays. O(log n)."""
        with self._mutex:
            event = self._first()
            return None if event is None else Head(event.key, event.level, event.type_id)

    def pause(self, level: int | None, type_id: int | None, paused: bool) -> None:
        """Keep the events of a level (MAX_LEVELS: of all) and of a type from leaving, or stop that; None: of none.

        Paused events are queued, counted and shed as before. Pausing is O(1): a paused event is set aside when it
        comes first. Resuming is O(k log n) for k events that are set aside.
        """
        with self._mutex:
            for pauses, one in ((self._paused_levels, level), (self._paused_types, type_id)):
                if one is not None:
                    pauses.add(one) if paused else pauses.discard(one)
            if not paused:
                self._unpark(*self._parked.values())
            self._announce()

    def shift(self, offsets: Sequence[int]) -> None:
        """Place each level behind its keys by its offset in ns (16 of them): queued events and later ones.

        One atomic step: no event leaves, comes or changes its sequence meanwhile. Sums stop at 64 bits. O(n).
        """
        with self._mutex:
            self._offsets = tuple(offsets)
            self._arrange()
            self._announce()

    def postpone(self, before: int, by_ns: int, level: int) -> int:
        """Postpone the queued events of ``level`` and below whose key lies before ``before``; return their number.

        Each gets a key ``by_ns`` later, unless its key is that far from its arrival already: so at most once, if no
        budget is longer. One atomic step. O(n).
        """
        with self._mutex:
            late = [
                event for event in self._queued.values()
                if event.level >= level and event.key < before and saturated(event.key - event.arrival_ns) < by_ns
            ]  # fmt: skip
            for event in late:
                event.key = saturated(event.key + by_ns)
            self._arrange()
            self._announce()
            return len(late)

    def _may_give(self) -> bool:
        """Return whether an event may leave. Not inside the mutex."""
        with self._mutex:
            return self._first() is not None

    # --- inside the mutex

    def _first(self) -> Queued | None:
        """Return the event that would leave next, after dropping tombstones and setting paused events aside."""
        while self._order:
            place, sequence = self._order[0]
            event = self._queued.get(sequence)
            if event is not None and event.place == place:
                if not (self._paused_levels or self._paused_types) or not self._is_paused(event):
                    return event
                event.place, self._parked[sequence] = None, event
            heapq.heappop(self._order)
        return None

    def _place(self, key: int, level: int) -> int:
        """Return the place of a key: behind it by the offset of its level."""
        return min(max(key + self._offsets[level], INT64_MIN), INT64_MAX)

    def _insert(self, event: Queued) -> None:
        # The formula of _place, once more: this is done for every event.
        event.place = place = min(max(event.key + self._offsets[event.level], INT64_MIN), INT64_MAX)
        heapq.heappush(self._order, (place, event.sequence))

    def _arrange(self) -> None:
        """Place every event anew; an event that is set aside has no place before it comes back."""
        for event in self._queued.values():
            if event.place is not None:
                event.place = self._place(event.key, event.level)
        self._order = [(event.place, event.sequence) for event in self._queued.values() if event.place is not None]
        heapq.heapify(self._order)

    def _compact(self) -> None:
        """Drop all tombstones once they are the greater part of the order: O(1) for each that was made."""
        if len(self._order) > 2 * len(self._queued) + SPARE_TOMBSTONES:
            self._order = list(filter(self._is_alive, self._order))
            heapq.heapify(self._order)

    def _is_alive(self, pair: tuple[int, int]) -> bool:
        """Return whether an event stands here: a tombstone is not alive."""
        place, sequence = pair
        event = self._queued.get(sequence)
        return event is not None and event.place == place

    def _is_paused(self, event: Queued) -> bool:
        level, levels = event.level, self._paused_levels
        return level in levels or MAX_LEVELS in levels or event.type_id in self._paused_types

    def _unpark(self, *events: Queued) -> None:
        """Put events back that were set aside, unless they are still paused."""
        for event in events:
            if not self._is_paused(event):
                del self._parked[event.sequence]
                self._insert(event)

    def _bring_all_back(self) -> None:
        """Put back every event that is set aside."""
        for event in self._queued.values():
            if event.place is None:
                event.held = False
                self._insert(event)
        self._parked.clear()
