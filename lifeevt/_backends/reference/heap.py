"""EventHeap, the reference: a binary heap of (place, sequence) pairs, and a dict of what is queued."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from ..contract import (
    ADMITTED,
    DROP_LOWEST,
    DROP_OLDEST,
    MAX_ENDS,
    MAX_LEVELS,
    NO_END,
    NO_TYPE_ID,
    REFUSED,
    REJECT,
    SHED_END,
    WAIT,
    Counts,
    Entry,
    Head,
    Offer,
    Ticket,
    Verdict,
)
from .arrays import numbers_of
from .numbers import INT64_MAX, INT64_MIN, int64, saturated
from .queued import Queued
from .type_table import TypeTable
from .watch import Watched

SPARE_TOMBSTONES = 64  # fewer are not worth a compaction


class EventHeap(Watched):
    """A bounded priority heap that keeps the ledger; every call is one atomic step.

    The smallest key leaves first, equal keys in order of acceptance. Only ``wait`` blocks. O(log n)
    for offer and pop; shedding is O(1). A ticket is for one event for as long as that is queued.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = int64(capacity)
        if not 0 < self._capacity < 2**31:
            raise ValueError(f"capacity is {self._capacity}; it must lie in [1, 2**31)")
        super().__init__()
        self._queued: dict[int, Queued] = {}  # by sequence
        # An event stands in the order at its place. Removing one, or moving it, leaves the old pair as a tombstone: a
        # pair whose event is gone or stands elsewhere. Tombstones are dropped when they come first, or all at once.
        self._order: list[tuple[int, int]] = []
        self._levels: list[dict[int, Queued]] = [{} for _ in range(MAX_LEVELS)]  # by sequence, the oldest first
        self._paused_levels: set[int] = set()
        self._paused_types: set[int] = set()
        self._parked: dict[int, Queued] = {}  # those that came first while they were paused
        self._offsets: Sequence[int] = (0,) * MAX_LEVELS
        self._accepted = self._refused = self._running = self._high_water = 0
        self._ends = [0] * MAX_ENDS

    def __len__(self) -> int:
        """Return how many events are queued."""
        return len(self._queued)

    @property
    def capacity(self) -> int:
        """How many events fit."""
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
        """Take an event in: ADMITTED, REFUSED, or the entry that was shed to make room.

        REJECT refuses when full; so does WAIT, which does not count it. DROP_LOWEST sheds the newest,
        DROP_OLDEST the oldest event of the least important level, but never a more important one
        than the event offered. DROP_LOWEST also keeps what is queued when the levels are equal.
        ``type_id`` is that of the reactor's TypeTable.
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
        """Like offer, for an event that is handed to Python whatever its type: (verdict, its ticket or None).

        ``held``: it is queued, and cannot leave before ``bring_back``.
        """
        with self._mutex:
            event = Queued(payload, key, level, arrival_ns, self._accepted, type_id, intensity)
            event.tracked, event.held = True, held
            verdict = self._admit(event, policy)
            return verdict, None if verdict is REFUSED else Ticket(event.sequence, 0)

    def offer_many(
        self, offers: Sequence[Offer], policy: int | Sequence[int], numbers: Sequence[tuple[int, float]] | None = None
    ) -> list[Verdict | Entry]:
        """Offer each in turn, in one atomic step; the verdicts come back in the same order.

        ``numbers``: the type_id and the intensity of each. ``policy``: one for all, or one for each level.
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
        """Offer an event for each number of ``types`` and ``intensities``: (how many were taken in, who was shed).

        Buffers of 32-bit types and of doubles, of one length; ``timestamps`` a third, or None. ValueError,
        and nothing is taken in, for a type that is not in ``type_table`` or an intensity outside [-1, 1].
        No object is made for an event. In steps of a few hundred, each atomic; other Python threads run
        during long ones. ``policy``: one for all, or one for each level.
        """
        policies, verdicts = _by_level(policy), []
        for numbers in numbers_of(type_table, types, intensities, timestamps):
            with self._mutex:
                verdicts.append(self._admit_numbers(type_table, numbers, arrival_ns, policies))
        taken = sum(verdict is not REFUSED for verdict in verdicts)
        return taken, [verdict for verdict in verdicts if isinstance(verdict, Entry)]

    def book(self, end: int) -> int:
        """Count an event that was accepted and ended at once, without a place; return its sequence."""
        with self._mutex:
            self._ends[end] += 1
            self._accepted += 1
            self._announce()
            return self._accepted - 1

    # --- one that is queued

    def withdraw(self, ticket: Ticket, end: int) -> Entry | None:
        """Take out a queued event before its turn and end it; None when it is not queued any more. O(log n)."""
        with self._mutex:
            event = self._found(ticket)
            if event is None:
                return None
            self._remove(event, end)
            self._announce()
            return event.entry

    def replace(
        self, ticket: Ticket, key: int, level: int, payload: Any, type_id: int = NO_TYPE_ID, intensity: float = 0.0
    ) -> bool:
        """Let another tracked event stand where one is queued; False when that is not queued any more. O(log n).

        It takes over the arrival and the sequence, and the key and the level, but for what is more urgent in its own.
        """
        wanted = int64(key)  # made of seconds that a user named
        with self._mutex:
            event = self._found(ticket)
            if event is None:
                return False
            event.payload, payload = payload, event.payload  # the old one dies outside: its finalizer may use the heap
            event.type_id, event.intensity, event.tracked = type_id, intensity, True
            self._urge(event, min(wanted, event.key), min(level, event.level))
            self._announce()
            return True

    def bring_back(self, ticket: Ticket) -> bool:
        """Let a held event leave when its turn comes; False when it is not queued any more. O(log n)."""
        with self._mutex:
            event = self._found(ticket)
            if event is not None and event.held:
                event.held = False
                self._insert(event)
                self._announce()
            return event is not None

    def pause(self, level: int | None, type_id: int | None, paused: bool) -> None:
        """Let no event of a level (MAX_LEVELS: of any), and none of a type, leave, or let them again; None: none.

        They are queued meanwhile, and are counted and shed as ever. O(1) to pause; what is paused is set
        aside when it comes first. O(k log n) to go on, for k that wait.
        """
        with self._mutex:
            for pauses, one in ((self._paused_levels, level), (self._paused_types, type_id)):
                if one is not None:
                    pauses.add(one) if paused else pauses.discard(one)
            if not paused:
                self._unpark(*self._parked.values())
            self._announce()

    def shift(self, offsets: Sequence[int]) -> None:
        """Let each level stand behind its keys by its offset in ns (16 of them), what waits and what comes.

        One atomic step: nothing leaves, comes or changes its number meanwhile. Sums stop at 64 bits. O(n).
        """
        with self._mutex:
            self._offsets = tuple(offsets)
            self._arrange()
            self._announce()

    def postpone(self, before: int, by_ns: int, level: int) -> int:
        """Let what is behind its time wait longer: queued events of ``level`` and below with a key before ``before``.

        Each gets a key ``by_ns`` later, unless its key is that far from its arrival already: so at most once,
        if no budget is longer. One atomic step. Returns how many. O(n).
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

    # --- out

    def pop(self, end: int = NO_END) -> Entry | None:
        """Remove the most urgent event, or return None; it is running until ``finish``.

        With ``end`` it ends at once and never runs.
        """
        return self.pop_above(MAX_LEVELS, end)

    def pop_above(self, level: int, end: int = NO_END) -> Entry | None:
        """Like pop, but only when the most urgent event is of a more important level."""
        event = self._take(level, end)
        return None if event is None else event.entry

    def head(self) -> Head | None:
        """Return (key, level, type_id) of the event that would leave first, or None. Takes nothing out. O(log n)."""
        with self._mutex:
            event = self._first()
            return None if event is None else Head(event.key, event.level, event.type_id)

    def drain(self, limit: int, end: int, every: bool = False) -> list[Entry]:
        """Remove up to ``limit`` events in order, in one step, and end them; ``every``: also who may not leave."""
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

    def finish(self, end: int) -> None:
        """Move one running event to its end; ValueError when none is running."""
        with self._mutex:
            self._finish(end)
            self._announce()

    # --- what is told of it

    def counts(self) -> Counts:
        """Return (accepted, refused, queued, running, ends, high water), all of one instant."""
        with self._mutex:
            return Counts(
                self._accepted, self._refused, len(self._queued), self._running, tuple(self._ends), self._high_water
            )

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
        """Give an event a place, or refuse it; return the entry that was shed for it, if one was."""
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
        """Give an event that came as (type, intensity, timestamp) a place, if its type's limit lets it come."""
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
        """Return the event to shed for one of ``level``: of the least important level present, or none."""
        lowest = max(number for number, events in enumerate(self._levels) if events)
        if policy in (REJECT, WAIT) or lowest < level or (policy == DROP_LOWEST and lowest == level):
            return None
        events = self._levels[lowest].values()
        return next(iter(events) if policy == DROP_OLDEST else reversed(events))

    def _take(self, above: int, end: int = NO_END) -> Queued | None:
        """Take out the first event if it is of a level more important than ``above``. Not inside the mutex."""
        with self._mutex:
            event = self._first()
            if event is None or event.level >= above:
                return None
            self._leave(event, end)
            if self._watchers:
                self._announce()
            return event

    def _first(self) -> Queued | None:
        """Return the event that would leave next, after dropping tombstones and parking what is paused."""
        while self._order:
            place, sequence = self._order[0]
            event = self._queued.get(sequence)
            if event is not None and event.place == place:
                if not (self._paused_levels or self._paused_types) or not self._is_paused(event):
                    return event
                event.place, self._parked[sequence] = None, event
            heapq.heappop(self._order)
        return None

    def _leave(self, event: Queued, end: int) -> None:
        """Let the first event out: it runs, or ends at once."""
        heapq.heappop(self._order)
        del self._queued[event.sequence], self._levels[event.level][event.sequence]
        if end == NO_END:
            self._running += 1
        else:
            self._ends[end] += 1

    def _found(self, ticket: Ticket) -> Queued | None:
        sequence, _ = ticket
        return self._queued.get(sequence)

    def _remove(self, event: Queued, end: int) -> None:
        """Take out an event before its turn; its pair in the order becomes a tombstone."""
        del self._queued[event.sequence], self._levels[event.level][event.sequence]
        self._parked.pop(event.sequence, None)
        self._ends[end] += 1
        self._compact()

    def _finish(self, end: int) -> None:
        if not self._running:
            raise ValueError("no event is running")
        self._running -= 1
        self._ends[end] += 1

    def _urge(self, event: Queued, key: int, level: int) -> None:
        """Give a queued event an earlier key and a more important level, unless it would stand later by them."""
        stood = self._place(event.key, event.level)
        if self._place(key, level) > stood:
            key, level = event.key, event.level  # the offset of that level takes more than the key gives
        if level != event.level:
            del self._levels[event.level][event.sequence]
            self._levels[level][event.sequence] = event  # the newest one there
        event.key, event.level = key, level
        if event.sequence in self._parked:
            self._unpark(event)
        elif not event.held and self._place(key, level) < stood:
            self._insert(event)
            self._compact()

    def _unpark(self, *events: Queued) -> None:
        """Put events back that were set aside, as far as nothing pauses them any more."""
        for event in events:
            if not self._is_paused(event):
                del self._parked[event.sequence]
                self._insert(event)

    def _bring_all_back(self) -> None:
        """Put back everything that is set aside."""
        for event in self._queued.values():
            if event.place is None:
                event.held = False
                self._insert(event)
        self._parked.clear()

    def _is_paused(self, event: Queued) -> bool:
        level, levels = event.level, self._paused_levels
        return level in levels or MAX_LEVELS in levels or event.type_id in self._paused_types

    # --- the order, inside the mutex

    def _place(self, key: int, level: int) -> int:
        """Return where a key stands: behind itself by the offset of its level."""
        return min(max(key + self._offsets[level], INT64_MIN), INT64_MAX)

    def _insert(self, event: Queued) -> None:
        # The formula of _place, once more: this is done for every event.
        event.place = place = min(max(event.key + self._offsets[event.level], INT64_MIN), INT64_MAX)
        heapq.heappush(self._order, (place, event.sequence))

    def _arrange(self) -> None:
        """Put everything where it stands now; what is set aside has no place before it comes back."""
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
        """Return whether an event stands here, and this is no tombstone."""
        place, sequence = pair
        event = self._queued.get(sequence)
        return event is not None and event.place == place

    # --- for threads that wait

    def _may_give(self) -> bool:
        """Return whether something is queued that may leave. Not inside the mutex."""
        with self._mutex:
            return self._first() is not None

    def _is_idle(self) -> bool:
        return not self._queued and not self._running


def _by_level(policy: int | Sequence[int]) -> Sequence[int]:
    return [policy] * MAX_LEVELS if isinstance(policy, int) else policy
