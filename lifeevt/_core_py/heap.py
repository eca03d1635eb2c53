"""EventHeap, the reference: a list of (key, sequence) pairs and a dict of what is alive."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Sequence
from typing import Any

from .._contract import (
    ADMITTED,
    DROP_LOWEST,
    DROP_OLDEST,
    MAX_ENDS,
    MAX_LEVELS,
    NO_END,
    REFUSED,
    REJECT,
    SHED_END,
    WAIT,
    Counts,
    Entry,
    Offer,
    Verdict,
)
from .numbers import Rooted, int64


class EventHeap(Rooted):
    """A bounded priority heap that keeps the ledger; every call is one atomic step.

    The smallest key leaves first, equal keys in order of acceptance. Never blocks. O(log n) for
    offer and pop; shedding is O(1).
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = int64(capacity)
        if not 0 < self._capacity < 2**31:
            raise ValueError(f"capacity is {self._capacity}; it must lie in [1, 2**31)")
        self._mutex = threading.Lock()
        self._order: list[tuple[int, int]] = []  # (key, sequence); also of entries already shed
        self._entries: dict[int, Entry] = {}  # by sequence; what is not here any more is dead
        self._levels: list[dict[int, None]] = [{} for _ in range(MAX_LEVELS)]  # sequences by arrival
        self._accepted = self._refused = self._running = self._high_water = 0
        self._ends = [0] * MAX_ENDS

    def __len__(self) -> int:
        """Return how many events are queued."""
        return len(self._entries)

    @property
    def capacity(self) -> int:
        """How many events fit."""
        return self._capacity

    def offer(self, key: int, level: int, arrival_ns: int, payload: Any, policy: int) -> Verdict | Entry:
        """Take an event in: ADMITTED, REFUSED, or the entry that was shed to make room.

        REJECT refuses when full; so does WAIT, which does not count it. DROP_LOWEST sheds the newest,
        DROP_OLDEST the oldest event of the least important level, but never a more important one
        than the event offered. DROP_LOWEST also keeps what is queued when the levels are equal.
        """
        offer, policy = _checked_offer((key, level, arrival_ns, payload)), _checked_policy(policy)
        with self._mutex:
            return self._offer(offer, policy)

    def offer_many(self, offers: Sequence[Offer], policy: int) -> list[Verdict | Entry]:
        """Offer each in turn, in one atomic step; the verdicts come back in the same order."""
        checked, policy = [_checked_offer(offer) for offer in offers], _checked_policy(policy)
        with self._mutex:
            return [self._offer(offer, policy) for offer in checked]

    def pop(self, end: int = NO_END) -> Entry | None:
        """Remove the most urgent event, or return None; it is running until ``finish``.

        With ``end`` it ends at once and never runs.
        """
        return self.pop_above(MAX_LEVELS, end)

    def pop_above(self, level: int, end: int = NO_END) -> Entry | None:
        """Like pop, but only when the most urgent event is of a more important level."""
        level, end = int64(level), _checked_end(end, NO_END)
        with self._mutex:
            self._bury_dead()
            if not self._order or self._entries[self._order[0][1]][2] >= level:
                return None
            return self._pop(end)

    def drain(self, limit: int, end: int) -> list[Entry]:
        """Remove up to ``limit`` events in order, in one atomic step, and end them."""
        limit, end = int64(limit), _checked_end(end, 0)
        with self._mutex:
            return [self._pop(end) for _ in range(min(max(limit, 0), len(self._entries)))]

    def finish(self, end: int) -> None:
        """Move one running event to its end; ValueError when none is running."""
        end = _checked_end(end, 0)
        with self._mutex:
            if not self._running:
                raise ValueError("no event is running")
            self._running -= 1
            self._ends[end] += 1

    def counts(self) -> Counts:
        """Return (accepted, refused, queued, running, ends, high water), all of one instant."""
        with self._mutex:
            queued = len(self._entries)
            return self._accepted, self._refused, queued, self._running, tuple(self._ends), self._high_water

    def depths(self) -> tuple[int, ...]:
        """Return how many events are queued on each level."""
        with self._mutex:
            return tuple(len(level) for level in self._levels)

    def check(self) -> None:
        """Raise AssertionError unless the structure is sound. O(n)."""
        with self._mutex:
            live = sorted((entry[1], sequence) for sequence, entry in self._entries.items())
            found = sorted(pair for pair in self._order if pair[1] in self._entries)
            if live != found or sum(map(len, self._levels)) != len(live):
                raise AssertionError("the heap, its entries and its levels disagree")
            if self._accepted != len(live) + self._running + sum(self._ends):
                raise AssertionError("the ledger does not balance")

    def _offer(self, offer: Offer, policy: int) -> Verdict | Entry:
        victim = None
        if len(self._entries) >= self._capacity:
            victim = self._victim(offer[1], policy)
            if victim is None:
                self._refused += policy != WAIT
                return REFUSED
            self._shed(victim)
        self._push(offer)
        return victim or ADMITTED

    def _victim(self, level: int, policy: int) -> Entry | None:
        lowest = max(number for number, queued in enumerate(self._levels) if queued)
        if policy in (REJECT, WAIT) or lowest < level or (policy == DROP_LOWEST and lowest == level):
            return None
        queued = self._levels[lowest]
        return self._entries[next(iter(queued) if policy == DROP_OLDEST else reversed(queued))]

    def _push(self, offer: Offer) -> None:
        key, level, arrival_ns, payload = offer
        sequence = self._accepted
        self._accepted += 1
        self._entries[sequence] = (payload, key, level, arrival_ns, sequence)
        self._levels[level][sequence] = None
        heapq.heappush(self._order, (key, sequence))
        self._high_water = max(self._high_water, len(self._entries))

    def _pop(self, end: int) -> Entry:
        self._bury_dead()
        entry = self._entries.pop(heapq.heappop(self._order)[1])
        del self._levels[entry[2]][entry[4]]
        if end == NO_END:
            self._running += 1
        else:
            self._ends[end] += 1
        return entry

    def _shed(self, entry: Entry) -> None:
        del self._entries[entry[4]]
        del self._levels[entry[2]][entry[4]]
        self._ends[SHED_END] += 1
        if len(self._order) > 2 * len(self._entries) + 64:  # more graves than events: rebuild, O(1) a shed
            self._order = [pair for pair in self._order if pair[1] in self._entries]
            heapq.heapify(self._order)

    def _bury_dead(self) -> None:
        while self._order and self._order[0][1] not in self._entries:
            heapq.heappop(self._order)


def _checked_end(end: int, lowest: int) -> int:
    number = int64(end)
    if not lowest <= number < MAX_ENDS:
        raise ValueError(f"end is {number}; it must lie in [{lowest}, {MAX_ENDS})")
    return number


def _checked_policy(policy: int) -> int:
    number = int64(policy)
    if number not in (REJECT, DROP_OLDEST, DROP_LOWEST, WAIT):
        raise ValueError(f"{number} is no policy")
    return number


def _checked_offer(offer: Offer) -> Offer:
    key, level, arrival_ns, payload = offer
    checked = int64(key), int64(level), int64(arrival_ns), payload
    if not 0 <= checked[1] < MAX_LEVELS:
        raise ValueError(f"level is {checked[1]}; it must lie in [0, {MAX_LEVELS})")
    return checked
