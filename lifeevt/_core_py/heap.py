"""EventHeap, the reference: a list of (key, sequence) pairs and a dict of what is alive."""

from __future__ import annotations

import heapq
import threading
import weakref
from collections.abc import Sequence
from typing import Any

from .._contract import (
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
    Verdict,
)
from .arrays import number_offers
from .kinds import KindTable
from .numbers import INT64_MAX, INT64_MIN, Rooted, finite, int64

# kind, intensity and, of an event that came without an object, timestamp
Numbers = tuple[int, float] | tuple[int, float, float]
LONGEST_WAIT_NS = 3600 * 10**9  # a condition cannot wait for centuries; its caller looks again and goes on


class EventHeap(Rooted):
    """A bounded priority heap that keeps the ledger; every call is one atomic step.

    The smallest key leaves first, equal keys in order of acceptance. Only ``wait`` blocks. O(log n)
    for offer and pop; shedding is O(1).
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = int64(capacity)
        if not 0 < self._capacity < 2**31:
            raise ValueError(f"capacity is {self._capacity}; it must lie in [1, 2**31)")
        self._mutex = threading.Lock()
        self._changed = threading.Condition(self._mutex)
        self._inside = _Stay(self)
        self._reactor: weakref.ref[Any] | None = None  # to whoever answers what is queued here
        self._epoch = self._watchers = self._idle_watchers = 0
        self._order: list[tuple[int, int]] = []  # (key, sequence); also of entries already shed
        self._entries: dict[int, Entry] = {}  # by sequence; what is not here any more is dead
        self._levels: list[dict[int, None]] = [{} for _ in range(MAX_LEVELS)]  # sequences by arrival
        self._accepted = self._refused = self._running = self._high_water = 0
        self._ends = [0] * MAX_ENDS
        self._offsets = (0,) * MAX_LEVELS
        self._numbers: dict[int, Numbers] = {}  # by sequence, of what is queued

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
        offer, policy = _checked_offer((key, level, arrival_ns, payload)), _checked_policy(policy)
        numbers = _checked_kind(kind, intensity)
        with self._inside:
            return self._offer(offer, policy, numbers)

    def offer_many(
        self, offers: Sequence[Offer], policy: int, numbers: Sequence[tuple[int, float]] | None = None
    ) -> list[Verdict | Entry]:
        """Offer each in turn, in one atomic step; the verdicts come back in the same order.

        ``numbers``: the kind and the intensity of each.
        """
        given, known = tuple(offers), tuple(() if numbers is None else numbers)
        checked, policy = [_checked_offer(offer) for offer in given], _checked_policy(policy)
        if numbers is not None and len(known) != len(checked):
            raise ValueError("offers and numbers differ in length")
        kinds: list[Numbers] = [_checked_kind(kind, intensity) for kind, intensity in known]
        if numbers is None:
            kinds = [_NO_NUMBERS] * len(checked)
        with self._inside:
            return [self._offer(offer, policy, pair) for offer, pair in zip(checked, kinds, strict=True)]

    def offer_numbers(
        self, kinds: KindTable, types: Any, intensities: Any, timestamps: Any, arrival_ns: int, policy: int
    ) -> tuple[int, list[Entry]]:
        """Offer an event for each number of ``types`` and ``intensities``: (how many were taken in, who was shed).

        Buffers of 32-bit kinds and of doubles, of one length; ``timestamps`` a third, or None. ValueError,
        and nothing is taken in, for a kind that is not in ``kinds`` or an intensity outside [-1, 1].
        No object is made for an event. In steps of a few hundred, each atomic; other Python threads run
        during long ones.
        """
        arrival, offers = int64(arrival_ns), number_offers(kinds, types, intensities, timestamps)
        policy, taken, shed = _checked_policy(policy), 0, []
        for kind, intensity, timestamp in offers:
            level, budget_ns, _, _ = kinds.describe(kind)
            offer = (arrival + budget_ns, level, arrival, (kind, intensity, timestamp))
            with self._inside:
                verdict = self._offer(offer, policy, (kind, intensity, timestamp))
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
        level, end = int64(level), _checked_end(end, NO_END)
        with self._inside:
            return self._pop(end) if self._leads(level) else None

    def drain(self, limit: int, end: int) -> list[Entry]:
        """Remove up to ``limit`` events in order, in one atomic step, and end them."""
        limit, end = int64(limit), _checked_end(end, 0)
        with self._inside:
            return [self._pop(end) for _ in range(min(max(limit, 0), len(self._entries)))]

    def finish(self, end: int) -> None:
        """Move one running event to its end; ValueError when none is running."""
        end = _checked_end(end, 0)
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
            found = sorted(pair for pair in self._order if pair[1] in self._entries)
            if live != found or sum(map(len, self._levels)) != len(live):
                raise AssertionError("the heap, its entries and its levels disagree")
            if self._accepted != len(live) + self._running + sum(self._ends):
                raise AssertionError("the ledger does not balance")

    def watch(self, idle: bool) -> int:
        """Begin to watch for changes, or for idleness alone, and return what to ``wait`` for."""
        only_idle = bool(idle)
        with self._mutex:
            self._idle_watchers += only_idle
            self._watchers += not only_idle
            return self._epoch

    def unwatch(self, idle: bool) -> None:
        """End a watch."""
        only_idle = bool(idle)
        with self._mutex:
            self._idle_watchers -= only_idle
            self._watchers -= not only_idle

    def wait(self, epoch: int, timeout_ns: int | None) -> int:
        """Block until something changed since ``epoch``, or for ``timeout_ns`` (None: no limit).

        May come back early. Returns what to wait for next.
        """
        seen = int64(epoch)
        wait_ns = LONGEST_WAIT_NS if timeout_ns is None else min(max(int64(timeout_ns), 0), LONGEST_WAIT_NS)
        with self._mutex:
            if self._epoch == seen:
                self._changed.wait(wait_ns / 1e9)
            return self._epoch

    def nudge(self) -> None:
        """Wake everybody who waits here, to look again."""
        with self._mutex:
            self._epoch += 1
            self._changed.notify_all()

    def _announce(self) -> None:
        """Tell those who watch, from inside."""
        idle = self._idle_watchers and not self._entries and not self._running
        if self._watchers or idle:
            self._epoch += 1
            self._changed.notify_all()

    def _offer(self, offer: Offer, policy: int, numbers: Numbers) -> Verdict | Entry:
        victim = None
        if len(self._entries) >= self._capacity:
            victim = self._victim(offer[1], policy)
            if victim is None:
                self._refused += policy != WAIT
                return REFUSED
            self._shed(victim)
        self._numbers[self._accepted] = numbers
        self._push(offer)
        return victim or ADMITTED

    def _take_above(self, level: int) -> tuple[Entry, Numbers] | None:
        """The head, if it is of a more important level, with its numbers; it runs."""
        with self._inside:
            if not self._leads(level):
                return None
            numbers = self._numbers[self._order[0][1]]
            return self._pop(NO_END), numbers

    def _leads(self, level: int) -> bool:
        """Whether the head is of a level more important than ``level``."""
        self._bury_dead()
        return bool(self._order) and self._entries[self._order[0][1]][2] < level

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
        heapq.heappush(self._order, (self._place(key, level), sequence))
        self._high_water = max(self._high_water, len(self._entries))

    def _arrange(self) -> None:
        """Put everything that waits where it stands now."""
        self._order = [(self._place(key, level), number) for number, (_, key, level, *_) in self._entries.items()]
        heapq.heapify(self._order)

    def _place(self, key: int, level: int) -> int:
        """Where an event stands: at its key, behind it by the offset of its level."""
        return min(max(key + self._offsets[level], INT64_MIN), INT64_MAX)

    def _pop(self, end: int) -> Entry:
        self._bury_dead()
        entry = self._entries.pop(heapq.heappop(self._order)[1])
        del self._levels[entry[2]][entry[4]]
        self._numbers.pop(entry[4], None)
        if end == NO_END:
            self._running += 1
        else:
            self._ends[end] += 1
        return entry

    def _shed(self, entry: Entry) -> None:
        del self._entries[entry[4]]
        self._numbers.pop(entry[4], None)
        del self._levels[entry[2]][entry[4]]
        self._ends[SHED_END] += 1
        if len(self._order) > 2 * len(self._entries) + 64:  # more graves than events: rebuild, O(1) a shed
            self._order = [pair for pair in self._order if pair[1] in self._entries]
            heapq.heapify(self._order)

    def _bury_dead(self) -> None:
        while self._order and self._order[0][1] not in self._entries:
            heapq.heappop(self._order)


class _Stay:
    """Inside the heap, as a context manager: who leaves tells those who watch."""

    def __init__(self, heap: EventHeap) -> None:
        self._heap = heap

    def __enter__(self) -> None:
        self._heap._mutex.acquire()

    def __exit__(self, *_: object) -> None:
        self._heap._announce()
        self._heap._mutex.release()


_NO_NUMBERS = (NO_KIND, 0.0)


def _is_behind(entry: Entry, before: int, by_ns: int, level: int) -> bool:
    """Whether ``postpone`` moves it; the distance from the arrival is looked at in 64 bits."""
    _, key, height, arrival_ns, _ = entry
    return height >= level and key < before and min(max(key - arrival_ns, INT64_MIN), INT64_MAX) < by_ns


def _checked_end(end: int, lowest: int) -> int:
    number = int64(end)
    if not lowest <= number < MAX_ENDS:
        raise ValueError(f"end is {number}; it must lie in [{lowest}, {MAX_ENDS})")
    return number


def _checked_kind(kind: int, intensity: float) -> tuple[int, float]:
    number, strength = int64(kind), finite(intensity)
    if not NO_KIND <= number < 2**31:
        raise ValueError(f"{number} is no kind")
    return number, strength


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
