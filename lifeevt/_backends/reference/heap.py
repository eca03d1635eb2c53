"""EventHeap, the reference: the calls by which events enter and leave a queue."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from ..contract import (
    ADMITTED,
    DROP_LOWEST,
    DROP_OLDEST,
    MAX_LEVELS,
    NO_END,
    NO_TYPE_ID,
    REFUSED,
    REJECT,
    SHED_END,
    WAIT,
    Entry,
    Offer,
    Ticket,
    Verdict,
)
from .arrays import numbers_of
from .numbers import int64
from .order import HeapOrder
from .queued import Queued
from .type_table import TypeTable


class EventHeap(HeapOrder):
    """A bounded priority heap that keeps the ledger; every call is one atomic step.

    The smallest key leaves first, equal keys in order of acceptance. Only ``wait`` blocks. O(log n) for offer and pop;
    shedding is O(1). A ticket is valid while its event is queued.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = int64(capacity)
        if not 0 < self._capacity < 2**31:
            raise ValueError(f"capacity is {self._capacity}; it must lie in [1, 2**31)")
        super().__init__()
        self._levels: list[dict[int, Queued]] = [{} for _ in range(MAX_LEVELS)]  # by sequence, the oldest first

    @property
    def capacity(self) -> int:
        """The number of events that fit."""
        return self._capacity

    # --- in

    def offer(
        self,
        key: int,
        level: int,
        arrival_ns: int,
        payload: Any,
        policy: int,
        type_id: int = NO_TYPE_ID,
        intensity: float = 0.0,
    ) -> Verdict | Entry:
        """Queue an event and return ADMITTED, REFUSED, or the entry that was shed to make room.

        REJECT refuses when full; WAIT does, too, and does not count the refusal. DROP_LOWEST sheds the newest,
        DROP_OLDEST the oldest event of the least important level, but none that is more important than the new event.
        DROP_LOWEST sheds none of the same level either. ``type_id`` is an id of the reactor's TypeTable.
        """
        with self._mutex:
            return self._admit(Queued(payload, key, level, arrival_ns, self._accepted, type_id, intensity), policy)

    def offer_tracked(
        self,
        key: int,
        level: int,
        arrival_ns: int,
        payload: Any,
        policy: int,
        type_id: int = NO_TYPE_ID,
        intensity: float = 0.0,
        held: bool = False,
    ) -> tuple[Verdict | Entry, Ticket | None]:
        """Offer an event that Python handles, of any type; return the verdict, and its ticket or None.

        ``held``: the event is queued and cannot leave before ``bring_back``.
        """
        with self._mutex:
            event = Queued(payload, key, level, arrival_ns, self._accepted, type_id, intensity)
            event.tracked, event.held = True, held
            verdict = self._admit(event, policy)
            return verdict, None if verdict is REFUSED else Ticket(event.sequence, 0)

    def offer_many(
        self, offers: Sequence[Offer], policy: int | Sequence[int], numbers: Sequence[tuple[int, float]] | None = None
    ) -> list[Verdict | Entry]:
        """Offer events in turn, in one atomic step, and return the verdicts in the same order.

        ``numbers``: the type_id and the intensity of each event. ``policy``: one for all, or one for each level.
        """
        policies = _by_level(policy)
        if numbers is None:
            numbers = [(NO_TYPE_ID, 0.0)] * len(offers)
        verdicts = []
        with self._mutex:
            for (key, level, arrival_ns, payload), (type_id, intensity) in zip(offers, numbers, strict=True):
                event = Queued(payload, key, level, arrival_ns, self._accepted, type_id, intensity)
                verdicts.append(self._admit(event, policies[level]))
        return verdicts

    def offer_numbers(
        self,
        type_table: TypeTable,
        types: Any,
        intensities: Any,
        timestamps: Any,
        arrival_ns: int,
        policy: int | Sequence[int],
    ) -> tuple[int, list[Entry]]:
        """Offer an event for each number of ``types`` and ``intensities``: (number accepted, entries shed).

        No object is made for an event. The offers are made in steps of a few hundred, each atomic; other Python
        threads run between them.

        Args:
            types: a buffer of 32-bit ids of ``type_table``.
            intensities: a buffer of doubles in [-1, 1], as long.
            timestamps: a buffer of doubles, as long, or None.
            policy: one for all, or one for each level.

        Raises:
            ValueError: a number or a buffer is invalid; no event is accepted.
        """
        policies, verdicts = _by_level(policy), []
        for numbers in numbers_of(type_table, types, intensities, timestamps):
            with self._mutex:
                verdicts.append(self._admit_numbers(type_table, numbers, arrival_ns, policies))
        taken = sum(verdict is not REFUSED for verdict in verdicts)
        return taken, [verdict for verdict in verdicts if isinstance(verdict, Entry)]

    # --- one that is queued

    def withdraw(self, ticket: Ticket, end: int) -> Entry | None:
        """Remove a queued event before its turn and end it; None when it is not queued any more. O(log n)."""
        with self._mutex:
            event = self._queued.get(ticket.sequence)
            if event is None:
                return None
            self._remove(event, end)
            self._announce()
            return event.entry

    def replace(
        self, ticket: Ticket, key: int, level: int, payload: Any, type_id: int = NO_TYPE_ID, intensity: float = 0.0
    ) -> bool:
        """Put another tracked event in the place of a queued one; False when that is not queued any more. O(log n).

        It takes over the arrival and the sequence, and the key and the level unless its own are more urgent.
        """
        wanted = int64(key)  # made of seconds that a user named
        with self._mutex:
            event = self._queued.get(ticket.sequence)
            if event is None:
                return False
            event.payload, payload = payload, event.payload  # the old one dies outside: its finalizer may use the heap
            event.type_id, event.intensity, event.tracked = type_id, intensity, True
            self._urge(event, min(wanted, event.key), min(level, event.level))
            self._announce()
            return True

    def bring_back(self, ticket: Ticket) -> bool:
        """Allow a held event to leave in its turn; False when it is not queued any more. O(log n)."""
        with self._mutex:
            event = self._queued.get(ticket.sequence)
            if event is not None and event.held:
                event.held = False
                self._insert(event)
                self._announce()
            return event is not None

    # --- out

    def pop(self, end: int = NO_END) -> Entry | None:
        """Remove and return the most urgent event, or None; it runs until ``finish``.

        With ``end`` it ends at once and never runs.
        """
        return self.pop_above(MAX_LEVELS, end)

    def pop_above(self, level: int, end: int = NO_END) -> Entry | None:
        """Pop the most urgent event if it is of a more important level than ``level``."""
        event = self._take(level, end)
        return None if event is None else event.entry

    def drain(self, limit: int, end: int, every: bool = False) -> list[Entry]:
        """Remove and end up to ``limit`` events in order, in one step; ``every``: paused and held ones, too."""
        most = int64(limit)
        taken: list[Entry] = []
        with self._mutex:
            paused = self._paused_levels, self._paused_types
            if every:
                self._paused_levels, self._paused_types = set(), set()
                self._bring_all_back()
            while len(taken) < most and (event := self._first()) is not None:
                self._leave(event, end)
                taken.append(event.entry)
            self._paused_levels, self._paused_types = paused
            self._announce()
            return taken

    # --- statistics

    def depths(self) -> tuple[int, ...]:
        """Return how many events are queued on each level."""
        with self._mutex:
            return tuple(map(len, self._levels))

    def check(self) -> None:
        """Raise AssertionError unless the structure is sound. O(n)."""
        with self._mutex:
            here = [event for event in self._queued.values() if not event.held and event.sequence not in self._parked]
            expected = sorted((self._place(event.key, event.level), event.sequence) for event in here)
            if sorted(filter(self._is_alive, self._order)) != expected or sum(map(len, self._levels)) != len(self):
                raise AssertionError("the heap, its entries and its levels disagree")
            if self._accepted != len(self) + self._running + sum(self._ends):
                raise AssertionError("the ledger does not balance")

    # --- inside the mutex

    def _admit(self, event: Queued, policy: int) -> Verdict | Entry:
        """Queue an event, or refuse it; return the entry that was shed for it, if one was."""
        shed = None
        if len(self._queued) >= self._capacity:
            shed = self._victim(event.level, policy)
            if shed is None:
                self._refused += policy != WAIT
                return REFUSED
            self._remove(shed, SHED_END)
        self._accepted += 1
        self._queued[event.sequence] = self._levels[event.level][event.sequence] = event
        if not event.held:
            self._insert(event)
        self._high_water = max(self._high_water, len(self._queued))
        if self._watchers:
            self._announce()  # not of a refusal: threads that wait for room would keep waking each other
        return ADMITTED if shed is None else shed.entry

    def _admit_numbers(
        self, types: TypeTable, numbers: tuple[int, float, float], arrival_ns: int, policies: Sequence[int]
    ) -> Verdict | Entry:
        """Queue an event that came as (type_id, intensity, timestamp), if the limit of its type admits it."""
        type_id, intensity, timestamp = numbers
        if not types._admits(type_id, arrival_ns):
            self._limited += 1
            return REFUSED
        level, budget_ns, _, _ = types._rows[type_id]
        event = Queued(
            numbers, arrival_ns + budget_ns, level, arrival_ns, self._accepted, type_id, intensity, timestamp
        )
        return self._admit(event, policies[level])

    def _victim(self, level: int, policy: int) -> Queued | None:
        """Return the event of the least important level to shed for one of ``level``, or None."""
        lowest = max(number for number, events in enumerate(self._levels) if events)
        if policy in (REJECT, WAIT) or lowest < level or (policy == DROP_LOWEST and lowest == level):
            return None
        events = self._levels[lowest].values()
        return next(iter(events) if policy == DROP_OLDEST else reversed(events))

    def _take(self, above: int, end: int = NO_END) -> Queued | None:
        """Remove the first event if it is of a level more important than ``above``. Not inside the mutex."""
        with self._mutex:
            event = self._first()
            if event is None or event.level >= above:
                return None
            self._leave(event, end)
            if self._watchers:
                self._announce()
            return event

    def _leave(self, event: Queued, end: int) -> None:
        """Remove the first event, which runs or ends at once."""
        heapq.heappop(self._order)
        del self._queued[event.sequence], self._levels[event.level][event.sequence]
        if end == NO_END:
            self._running += 1
        else:
            self._ends[end] += 1

    def _remove(self, event: Queued, end: int) -> None:
        """Remove an event before its turn; its pair in the order becomes a tombstone."""
        del self._queued[event.sequence], self._levels[event.level][event.sequence]
        self._parked.pop(event.sequence, None)
        self._ends[end] += 1
        self._compact()

    def _urge(self, event: Queued, key: int, level: int) -> None:
        """Give a queued event an earlier key and a more important level, unless its place would be later."""
        stood = self._place(event.key, event.level)
        if self._place(key, level) > stood:
            key, level = event.key, event.level  # the offset of the level outweighs the earlier key
        if level != event.level:
            del self._levels[event.level][event.sequence]
            self._levels[level][event.sequence] = event  # the newest one there
        event.key, event.level = key, level
        if event.sequence in self._parked:
            self._unpark(event)
        elif not event.held and self._place(key, level) < stood:
            self._insert(event)
            self._compact()


def _by_level(policy: int | Sequence[int]) -> Sequence[int]:
    return [policy] * MAX_LEVELS if isinstance(policy, int) else policy
