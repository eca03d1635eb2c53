"""EventHeap, the reference: a list of (key, sequence) pairs and a dict of what is alive."""

from __future__ import annotations

import heapq
import weakref
from collections.abc import Sequence
from typing import Any

from ..contract import (
    ADMITTED,
    DROP_LOWEST,
    DROP_OLDEST,
    MAX_ENDS,
    MAX_LEVELS,
    NO_END,
    NO_KIND,
    REFUSED,
    REJECT,
    SHED_END,
    WAIT,
    Counts,
    Entry,
    Offer,
    Ticket,
    Verdict,
)
from .arrays import number_offers
from .kinds import KindTable
from .numbers import INT64_MAX, INT64_MIN, int64
from .offers import (
    NO_NUMBERS,
    Numbers,
    checked_end,
    checked_kind,
    checked_offer,
    checked_pause,
    checked_policies,
    checked_policy,
    checked_ticket,
)
from .watch import Watched


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
        self._reactor: weakref.ref[Any] | None = None  # to whoever answers what is queued here
        self._order: list[tuple[int, int]] = []  # (key, sequence); also of entries that have moved on
        self._entries: dict[int, Entry] = {}  # by sequence; what is not here any more is dead
        self._levels: list[dict[int, None]] = [{} for _ in range(MAX_LEVELS)]  # sequences by arrival
        self._accepted = self._refused = self._running = self._high_water = 0
        self._ends = [0] * MAX_ENDS
        self._offsets = (0,) * MAX_LEVELS
        self._numbers: dict[int, Numbers] = {}  # by sequence, of what is queued
        self._tracked: set[int] = set()  # sequences of what is handed to Python whatever its kind
        self._held: set[int] = set()  # sequences of what waits for ``bring_back``
        self._parked: set[int] = set()  # and of what came first while it was paused
        self._paused: tuple[set[int], set[int]] = (set(), set())  # levels and kinds

    def __len__(self) -> int:
        """Return how many events are queued."""
        return len(self._entries)

    @property
    def capacity(self) -> int:
        """How many events fit."""
        return self._capacity

    def offer(
        self,
        key: int,
        level: int,
        arrival_ns: int,
        payload: Any,
        policy: int,
        kind: int = NO_KIND,
        intensity: float = 0.0,
    ) -> Verdict | Entry:
        """Take an event in: ADMITTED, REFUSED, or the entry that was shed to make room.

        REJECT refuses when full; so does WAIT, which does not count it. DROP_LOWEST sheds the newest,
        DROP_OLDEST the oldest event of the least important level, but never a more important one
        than the event offered. DROP_LOWEST also keeps what is queued when the levels are equal.
        ``kind`` is the event's number in the KindTable of whoever answers it.
        """
        offer, policy = checked_offer((key, level, arrival_ns, payload)), checked_policy(policy)
        numbers = checked_kind(kind, intensity)
        with self._inside:
            return self._offer(offer, policy, numbers)

    def offer_tracked(
        self,
        key: int,
        level: int,
        arrival_ns: int,
        payload: Any,
        policy: int,
        kind: int = NO_KIND,
        intensity: float = 0.0,
        held: bool = False,
    ) -> tuple[Verdict | Entry, Ticket | None]:
        """Like offer, for an event that is handed to Python whatever its kind: (verdict, its ticket or None).

        ``held``: it is queued, and cannot leave before ``bring_back``.
        """
        offer, policy = checked_offer((key, level, arrival_ns, payload)), checked_policy(policy)
        numbers, waits = checked_kind(kind, intensity), bool(held)
        with self._inside:
            sequence = self._accepted
            self._held.update([sequence] if waits else ())
            verdict = self._offer(offer, policy, numbers)
            if verdict is REFUSED:
                self._held.discard(sequence)
                return verdict, None
            self._tracked.add(sequence)
            return verdict, (sequence, 0)

    def withdraw(self, ticket: Ticket, end: int) -> Entry | None:
        """Take out a queued event before its turn and end it; None when it is not queued any more. O(log n)."""
        sequence, end = checked_ticket(ticket), checked_end(end, 0)
        with self._inside:
            entry = self._entries.get(sequence)
            if entry is not None:
                self._remove(entry, end)
            return entry

    def replace(
        self, ticket: Ticket, key: int, level: int, payload: Any, kind: int = NO_KIND, intensity: float = 0.0
    ) -> bool:
        """Let another tracked event stand where one is queued; False when that is not queued any more. O(log n).

        It takes over the arrival and the sequence, and the key and the level, but for what is more urgent in its own.
        """
        sequence = checked_ticket(ticket)
        key, level, _, _ = checked_offer((key, level, 0, payload))
        numbers = checked_kind(kind, intensity)
        with self._inside:
            before = self._entries.get(sequence)
            if before is not None:
                self._stand_in(before, key, level, payload, numbers)
            return before is not None

    def bring_back(self, ticket: Ticket) -> bool:
        """Let a held event leave when its turn comes; False when it is not queued any more. O(log n)."""
        sequence = checked_ticket(ticket)
        with self._inside:
            if sequence in self._held:
                self._held.remove(sequence)
                self._push_again(sequence)
            return sequence in self._entries

    def pause(self, level: int | None, kind: int | None, paused: bool) -> None:
        """Let no event of a level (MAX_LEVELS: of any), and none of a kind, leave, or let them again; None: none.

        They are queued meanwhile, and are counted and shed as ever. O(1) to pause; what is paused is set
        aside when it comes first. O(k log n) to go on, for k that wait.
        """
        height, number = checked_pause(level, kind)
        add = bool(paused)
        with self._inside:
            for paused_ones, one in zip(self._paused, (height, number), strict=True):
                if one is not None and one >= 0:
                    (paused_ones.add if add else paused_ones.discard)(one)
            if not add:
                self._unpark()

    def book(self, end: int) -> int:
        """Count an event that was accepted and ended at once, without a place; return its sequence."""
        end = checked_end(end, 0)
        with self._inside:
            self._ends[end] += 1
            self._accepted += 1
            return self._accepted - 1

    def offer_many(
        self, offers: Sequence[Offer], policy: int | Sequence[int], numbers: Sequence[tuple[int, float]] | None = None
    ) -> list[Verdict | Entry]:
        """Offer each in turn, in one atomic step; the verdicts come back in the same order.

        ``numbers``: the kind and the intensity of each. ``policy``: one for all, or one for each level.
        """
        given, known = tuple(offers), tuple(() if numbers is None else numbers)
        checked, policies = [checked_offer(offer) for offer in given], checked_policies(policy)
        if numbers is not None and len(known) != len(checked):
            raise ValueError("offers and numbers differ in length")
        kinds: list[Numbers] = [checked_kind(kind, intensity) for kind, intensity in known]
        if numbers is None:
            kinds = [NO_NUMBERS] * len(checked)
        with self._inside:
            return [self._offer(offer, policies[offer[1]], pair) for offer, pair in zip(checked, kinds, strict=True)]

    def offer_numbers(
        self,
        kinds: KindTable,
        types: Any,
        intensities: Any,
        timestamps: Any,
        arrival_ns: int,
        policy: int | Sequence[int],
    ) -> tuple[int, list[Entry]]:
        """Offer an event for each number of ``types`` and ``intensities``: (how many were taken in, who was shed).

        Buffers of 32-bit kinds and of doubles, of one length; ``timestamps`` a third, or None. ValueError,
        and nothing is taken in, for a kind that is not in ``kinds`` or an intensity outside [-1, 1].
        No object is made for an event. In steps of a few hundred, each atomic; other Python threads run
        during long ones. ``policy``: one for all, or one for each level.
        """
        arrival, offers = int64(arrival_ns), number_offers(kinds, types, intensities, timestamps)
        policies, taken, shed = checked_policies(policy), 0, []
        for kind, intensity, timestamp in offers:
            level, budget_ns, _, _ = kinds.describe(kind)
            offer = (arrival + budget_ns, level, arrival, (kind, intensity, timestamp))
            with self._inside:
                comes = self._lets_come(kinds, kind, arrival)
                verdict = self._offer(offer, policies[level], (kind, intensity, timestamp)) if comes else REFUSED
            taken += verdict is not REFUSED
            if isinstance(verdict, tuple):
                shed.append(verdict)
        return taken, shed

    def pop(self, end: int = NO_END) -> Entry | None:
        """Remove the most urgent event, or return None; it is running until ``finish``.

        With ``end`` it ends at once and never runs.
        """
        return self.pop_above(MAX_LEVELS, end)

    def pop_above(self, level: int, end: int = NO_END) -> Entry | None:
        """Like pop, but only when the most urgent event is of a more important level."""
        level, end = int64(level), checked_end(end, NO_END)
        with self._inside:
            return self._pop(end) if self._leads(level) else None

    def head(self) -> tuple[int, int, int] | None:
        """Return (key, level, kind) of the event that would leave first, or None. Takes nothing out. O(log n)."""
        with self._mutex:
            self._settle()
            if not self._order:
                return None
            _, key, level, _, sequence = self._entries[self._order[0][1]]
            return key, level, self._numbers[sequence][0]

    def drain(self, limit: int, end: int, every: bool = False) -> list[Entry]:
        """Remove up to ``limit`` events in order, in one step, and end them; ``every``: also who may not leave."""
        limit, end = int64(limit), checked_end(end, 0)
        with self._inside:
            if every:
                paused, self._paused = self._paused, (set(), set())
                self._parked, self._held = self._parked | self._held, set()
                self._unpark()
            taken = [self._pop(end) for _ in range(min(max(limit, 0), len(self._entries))) if self._leads(MAX_LEVELS)]
            self._paused = paused if every else self._paused
            return taken

    def finish(self, end: int) -> None:
        """Move one running event to its end; ValueError when none is running."""
        end = checked_end(end, 0)
        with self._inside:
            self._finish(end)

    def counts(self) -> Counts:
        """Return (accepted, refused, queued, running, ends, high water), all of one instant."""
        with self._inside:
            queued = len(self._entries)
            return self._accepted, self._refused, queued, self._running, tuple(self._ends), self._high_water

    def depths(self) -> tuple[int, ...]:
        """Return how many events are queued on each level."""
        with self._inside:
            return tuple(len(level) for level in self._levels)

    def shift(self, offsets: Sequence[int]) -> None:
        """Let each level stand behind its keys by its offset in ns (16 of them), what waits and what comes.

        One atomic step: nothing leaves, comes or changes its number meanwhile. Sums stop at 64 bits. O(n).
        """
        given = tuple(offsets)
        if len(given) != MAX_LEVELS:
            raise ValueError(f"{len(given)} offsets; there must be {MAX_LEVELS}, one a level")
        wanted = tuple(map(int64, given))
        with self._inside:
            self._offsets = wanted
            self._arrange()

    def postpone(self, before: int, by_ns: int, level: int) -> int:
        """Let what is behind its time wait longer: queued events of ``level`` and below with a key before ``before``.

        Each gets a key ``by_ns`` later, unless its key is that far from its arrival already: so at most once,
        if no budget is longer. One atomic step. Returns how many. O(n).
        """
        limit, span_ns, first = int64(before), int64(by_ns), int64(level)
        if not 0 <= first < MAX_LEVELS:
            raise ValueError(f"level is {first}; it must lie in [0, {MAX_LEVELS})")
        if span_ns <= 0:
            raise ValueError(f"by_ns is {span_ns}; it must be above 0")
        with self._inside:
            moved = [each for each in self._entries.values() if _is_behind(each, limit, span_ns, first)]
            for payload, key, height, arrival_ns, sequence in moved:
                self._entries[sequence] = (payload, min(key + span_ns, INT64_MAX), height, arrival_ns, sequence)
            self._arrange()
            return len(moved)

    def check(self) -> None:
        """Raise AssertionError unless the structure is sound. O(n)."""
        with self._inside:
            live = sorted((self._place(entry[1], entry[2]), number) for number, entry in self._entries.items())
            aside = [(self._place_of(sequence), sequence) for sequence in self._held | self._parked]
            found = sorted([pair for pair in self._order if self._lives(pair)] + aside)
            if live != found or sum(map(len, self._levels)) != len(live):
                raise AssertionError("the heap, its entries and its levels disagree")
            if self._accepted != len(live) + self._running + sum(self._ends):
                raise AssertionError("the ledger does not balance")

    def _offer(self, offer: Offer, policy: int, numbers: Numbers) -> Verdict | Entry:
        victim = None
        if len(self._entries) >= self._capacity:
            victim = self._victim(offer[1], policy)
            if victim is None:
                self._refused += policy != WAIT
                return REFUSED
            self._remove(victim, SHED_END)
        self._numbers[self._accepted] = numbers
        self._push(offer)
        return victim or ADMITTED

    def _take_above(self, level: int) -> tuple[Entry, Numbers, bool] | None:
        """The head, if it is of a more important level, with its numbers, and whether it is tracked; it runs."""
        with self._inside:
            if not self._leads(level):
                return None
            sequence = self._order[0][1]
            numbers, tracked = self._numbers[sequence], sequence in self._tracked
            return self._pop(NO_END), numbers, tracked

    def _leads(self, level: int) -> bool:
        """Whether the head is of a level more important than ``level``."""
        self._settle()
        return bool(self._order) and self._entries[self._order[0][1]][2] < level

    def _lets_come(self, kinds: KindTable, kind: int, now_ns: int) -> bool:
        """Whether the limit of its kind lets an event come now; counted, if not."""
        comes = kinds._admits(kind, now_ns)
        self._limited += not comes
        return comes

    def _may_give(self) -> bool:
        """Whether something is queued that may leave."""
        with self._mutex:
            return self._leads(MAX_LEVELS)

    def _is_idle(self) -> bool:
        return not self._entries and not self._running

    def _finish(self, end: int) -> None:
        if not self._running:
            raise ValueError("no event is running")
        self._running -= 1
        self._ends[end] += 1

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
        if sequence not in self._held:
            heapq.heappush(self._order, (self._place(key, level), sequence))
        self._high_water = max(self._high_water, len(self._entries))

    def _arrange(self) -> None:
        """Put everything where it stands now; what is aside has no place before it comes back."""
        aside = self._held | self._parked
        self._order = [(self._place_of(number), number) for number in self._entries if number not in aside]
        heapq.heapify(self._order)

    def _place(self, key: int, level: int) -> int:
        """Where an event stands: at its key, behind it by the offset of its level."""
        return min(max(key + self._offsets[level], INT64_MIN), INT64_MAX)

    def _pop(self, end: int) -> Entry:
        entry = self._entries[heapq.heappop(self._order)[1]]
        self._forget(entry)
        if end == NO_END:
            self._running += 1
        else:
            self._ends[end] += 1
        return entry

    def _remove(self, entry: Entry, end: int) -> None:
        """Take out an event before its turn."""
        self._forget(entry)
        self._ends[end] += 1
        self._thin()

    def _forget(self, entry: Entry) -> None:
        sequence = entry[4]
        del self._entries[sequence]
        del self._levels[entry[2]][sequence]
        self._numbers.pop(sequence, None)
        for ones in (self._tracked, self._held, self._parked):
            ones.discard(sequence)

    def _stand_in(self, before: Entry, key: int, level: int, payload: Any, numbers: Numbers) -> None:
        _, old_key, old_level, arrival_ns, sequence = before
        stood = self._place(old_key, old_level)
        key, level = min(key, old_key), min(level, old_level)
        if self._place(key, level) > stood:
            key, level = old_key, old_level
        self._entries[sequence] = (payload, key, level, arrival_ns, sequence)
        self._numbers[sequence] = numbers
        self._tracked.add(sequence)
        if level != old_level:  # the newest one of its level now
            del self._levels[old_level][sequence]
            self._levels[level][sequence] = None
        if self._place(key, level) < stood and sequence not in self._held | self._parked:
            self._push_again(sequence)
            self._thin()
        elif sequence in self._parked and not self._is_paused(sequence):
            self._parked.remove(sequence)
            self._push_again(sequence)

    def _push_again(self, *sequences: int) -> None:
        for sequence in sequences:
            heapq.heappush(self._order, (self._place_of(sequence), sequence))

    def _place_of(self, sequence: int) -> int:
        entry = self._entries[sequence]
        return self._place(entry[1], entry[2])

    def _thin(self) -> None:
        if len(self._order) > 2 * len(self._entries) + 64:  # more graves than events: rebuild, O(1) each
            self._order = [pair for pair in self._order if self._lives(pair)]
            heapq.heapify(self._order)

    def _lives(self, pair: tuple[int, int]) -> bool:
        """Whether this is where an event stands in the order."""
        sequence = pair[1]
        if sequence not in self._entries or sequence in self._held or sequence in self._parked:
            return False
        return self._place_of(sequence) == pair[0]

    def _settle(self) -> None:
        """Bury the dead before the head, and set aside what is paused."""
        while self._order:
            sequence = self._order[0][1]
            alive = self._lives(self._order[0])
            if alive and not self._is_paused(sequence):
                return
            heapq.heappop(self._order)
            if alive:
                self._parked.add(sequence)

    def _is_paused(self, sequence: int) -> bool:
        levels, kinds = self._paused
        if not levels and not kinds:
            return False
        paused = self._entries[sequence][2] in levels or MAX_LEVELS in levels
        return paused or self._numbers[sequence][0] in kinds

    def _unpark(self) -> None:
        back = {sequence for sequence in self._parked if not self._is_paused(sequence)}
        self._parked -= back
        self._push_again(*back)


def _is_behind(entry: Entry, before: int, by_ns: int, level: int) -> bool:
    """Whether ``postpone`` moves it; the distance from the arrival is looked at in 64 bits."""
    _, key, height, arrival_ns, _ = entry
    return height >= level and key < before and min(max(key - arrival_ns, INT64_MIN), INT64_MAX) < by_ns
