"""Machines that walk several twins and an obviously right model through the same steps.

`heap_machine(twins)` and its siblings take the classes to walk, so that a broken one can be put in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lifeevt._backends.contract import (
    ADMITTED,
    DROP_OLDEST,
    MAX_ENDS,
    MAX_LEVELS,
    NO_END,
    REFUSED,
    REJECT,
    SHED_END,
    WAIT,
    Ticket,
)
from strategies import (
    INT64_MAX,
    INT64_MIN,
    cell_blocks,
    durations,
    ends,
    finite_floats,
    keys,
    levels,
    numbers,
    offers,
    policies,
    reflex_tables,
    shifts,
)

spans = st.integers(1, INT64_MAX)
bad_integers = st.sampled_from([None, "1", 2**63, -1, 99])


class HeapModel:
    """The heap as a sorted list: slow and obviously right."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.queued: list[Any] = []  # entries, by sequence
        self.accepted = self.refused = self.running = self.high_water = 0
        self.ends: Counter[int] = Counter()
        self.offsets = [0] * MAX_LEVELS
        self.held: set[int] = set()  # sequences
        self.paused: tuple[set[int], set[int]] = (set(), set())  # levels, type_table
        self.type_table: dict[int, int] = {}
        self.joined: dict[int, int] = {}  # when each came to the level that it is on
        self.moment = 0

    def offer_tracked(self, *given: Any) -> Any:
        *offer, type_id, _, held = given
        sequence = self.accepted
        verdict = self.offer(*offer)
        if verdict is not REFUSED:
            self.type_table[sequence] = type_id
            self.held |= {sequence} if held else set()
        return verdict, None if verdict is REFUSED else (sequence, 0)

    def _queued(self, ticket: Any) -> Any:
        return next((entry for entry in self.queued if entry[4] == ticket[0]), None)

    def withdraw(self, ticket: Any, end: int) -> Any:
        entry = self._queued(ticket)
        if entry is not None:
            self.queued.remove(entry)
            self.ends[end] += 1
        return entry

    def replace(self, ticket: Any, key: int, level: int, payload: Any, type_id: int) -> bool:
        entry = self._queued(ticket)
        if entry is not None:
            made = (payload, min(key, entry[1]), min(level, entry[2]), *entry[3:])
            if self.place(made) > self.place(entry):
                made = (payload, *entry[1:])
            self.queued[self.queued.index(entry)] = made
            self.type_table[entry[4]] = type_id
            if made[2] != entry[2]:
                self._join(entry[4])
        return entry is not None

    def bring_back(self, ticket: Any) -> bool:
        self.held.discard(ticket[0])
        return self._queued(ticket) is not None

    def pause(self, level: int | None, type_id: int | None, paused: bool) -> None:
        for ones, one in zip(self.paused, (level, type_id), strict=True):
            ones ^= ({one} - ones if paused else {one} & ones) - {None}

    def book(self, end: int) -> int:
        self.ends[end] += 1
        self.accepted += 1
        return self.accepted - 1

    def _join(self, sequence: int) -> None:
        self.moment += 1
        self.joined[sequence] = self.moment

    def _may_leave(self, entry: Any) -> bool:
        levels, type_table = self.paused
        if entry[4] in self.held or MAX_LEVELS in levels:
            return False
        return entry[2] not in levels and self.type_table.get(entry[4], -1) not in type_table

    def offer(self, key: int, level: int, arrival_ns: int, payload: Any, policy: int) -> Any:
        victim = None
        if len(self.queued) == self.capacity:
            victim = self._victim(level, policy)
            if victim is None:
                self.refused += policy != WAIT
                return REFUSED
            self.queued.remove(victim)
            self.ends[SHED_END] += 1
        self.queued.append((payload, key, level, arrival_ns, self.accepted))
        self._join(self.accepted)
        self.accepted += 1
        self.high_water = max(self.high_water, len(self.queued))
        return victim or ADMITTED

    def _victim(self, level: int, policy: int) -> Any:
        lowest = max(entry[2] for entry in self.queued)
        if policy in (REJECT, WAIT) or lowest < level:
            return None
        candidates = [entry for entry in self.queued if entry[2] == lowest]
        candidates.sort(key=lambda entry: self.joined[entry[4]])
        if policy == DROP_OLDEST:
            return candidates[0]
        return None if lowest == level else candidates[-1]

    def offer_many(self, offers: Any, policy: int) -> Any:
        return [self.offer(*offer, policy) for offer in offers]

    def pop(self, end: int) -> Any:
        return self.pop_above(MAX_LEVELS, end)

    def drain(self, limit: int, end: int, every: bool = False) -> Any:
        if every:
            paused, self.paused = self.paused, (set(), set())
            self.held.clear()
        left = sum(map(self._may_leave, self.queued))
        taken = [self.pop(end) for _ in range(min(max(limit, 0), left))]
        self.paused = paused if every else self.paused
        return taken

    def pop_above(self, level: int, end: int) -> Any:
        head = min(filter(self._may_leave, self.queued), key=lambda entry: (self.place(entry), entry[4]), default=None)
        if head is None or head[2] >= level:
            return None
        self.queued.remove(head)
        if end == NO_END:
            self.running += 1
        else:
            self.ends[end] += 1
        return head

    def place(self, entry: Any) -> int:
        return max(min(int(entry[1]) + self.offsets[entry[2]], INT64_MAX), INT64_MIN)

    def shift(self, offsets: Any) -> None:
        self.offsets = list(offsets)

    def postpone(self, before: int, by_ns: int, level: int) -> int:
        moved = [each for each in self.queued if each[2] >= level and each[1] < before and each[1] - each[3] < by_ns]
        for payload, key, height, arrival_ns, sequence in moved:
            place = next(place for place, each in enumerate(self.queued) if each[4] == sequence)
            self.queued[place] = (payload, min(key + by_ns, INT64_MAX), height, arrival_ns, sequence)
        return len(moved)

    def head(self) -> Any:
        leaving = [entry for entry in self.queued if self._may_leave(entry)]
        first = min(leaving, key=lambda entry: (self.place(entry), entry[4]), default=None)
        return first and (first[1], first[2], self.type_table.get(first[4], -1))

    def finish(self, end: int) -> None:
        if not self.running:
            raise ValueError("no event is running")
        self.running -= 1
        self.ends[end] += 1

    def counts(self) -> Any:
        counted = tuple(self.ends[end] for end in range(MAX_ENDS))
        return self.accepted, self.refused, len(self.queued), self.running, counted, self.high_water

    def depths(self) -> Any:
        return tuple(sum(entry[2] == level for entry in self.queued) for level in range(MAX_LEVELS))


def answer(ask: Callable[[Any], Any], one: Any) -> Any:
    """Return its result, or the type of the error that it raises."""
    try:
        return ask(one)
    except Exception as error:
        return type(error)


def exact(value: Any) -> Any:
    """The value with every float as its bits, so that -0.0 is not 0.0 and NaN is NaN."""
    if isinstance(value, float):
        return value.hex()
    return [exact(each) for each in value] if isinstance(value, (tuple, list)) else value


def agree(all_of_them: Sequence[Any], ask: Callable[[Any], Any]) -> Any:
    """Call each, require the same result of all, and return it."""
    first, *others = (exact(answer(ask, one)) for one in all_of_them)
    for other in others:
        assert other == first
    return first


def guarding(all_of_them: Sequence[Any]) -> list[Any]:
    """Return the native ones, which refuse arguments that would corrupt memory; the reference does not check these."""
    return [one for one in all_of_them if type(one).__module__.startswith("lifeevt._backends.native")]


def heap_machine(*twins: Callable[[int], Any]) -> type[RuleBasedStateMachine]:
    """Each step on every twin and on the model: the same results and ledgers, sound structures."""

    class HeapLockstep(RuleBasedStateMachine):
        @initialize(capacity=st.integers(1, 6))
        def make(self, capacity: int) -> None:
            self.heaps = [twin(capacity) for twin in twins]
            self.model = HeapModel(capacity)
            self.tickets: list[list[Any]] = []  # of each event, one a twin and one of the model
            self.participants = range(len(twins) + 1)

        def of_each(self, which: int) -> list[Any]:
            """Every twin and the model, each with its ticket of one of the tracked events."""
            unknown = [Ticket(99, 0)] * len(self.participants)
            found = self.tickets[which % len(self.tickets)] if self.tickets else unknown
            return list(zip([*self.heaps, self.model], found, strict=True))

        @rule(offer=offers, policy=policies, type_id=st.integers(-1, 2), held=st.booleans())
        def offer_tracked(self, offer: Any, policy: int, type_id: int, held: bool) -> None:
            said = [one.offer_tracked(*offer, policy, type_id, 0.5, held) for one in [*self.heaps, self.model]]
            agree(said, lambda each: (each[0], each[1] and each[1][0]))
            if said[0][1] is not None:
                self.tickets.append([ticket for _, ticket in said])

        @rule(which=st.integers(0, 20), end=ends)
        def withdraw(self, which: int, end: int) -> None:
            agree(self.of_each(which), lambda one: one[0].withdraw(one[1], end))

        @rule(which=st.integers(0, 20), key=keys, level=levels, type_id=st.integers(-1, 2))
        def replace(self, which: int, key: int, level: int, type_id: int) -> None:
            agree(self.of_each(which), lambda one: one[0].replace(one[1], key, level, "new", type_id))

        @rule(which=st.integers(0, 20))
        def bring_back(self, which: int) -> None:
            agree(self.of_each(which), lambda one: one[0].bring_back(one[1]))

        @rule(
            level=st.sampled_from([None, 0, 1, MAX_LEVELS]),
            type_id=st.sampled_from([None, 0, 2]),
            paused=st.booleans(),
        )
        def pause(self, level: int | None, type_id: int | None, paused: bool) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.pause(level, type_id, paused))

        @rule(end=ends)
        def book(self, end: int) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.book(end))

        @rule(bad=st.sampled_from([None, "1", 2**63, MAX_LEVELS + 1, 5_000]))
        def rubbish_for_what_is_queued(self, bad: Any) -> None:
            for ask in (
                lambda heap: heap.withdraw(bad, 0),
                lambda heap: heap.withdraw((bad, 0), 0),
                lambda heap: heap.pause(bad, bad, True),
                lambda heap: heap.replace((0, 0), bad, bad, None),
                lambda heap: heap.book(bad),
            ):
                for heap in guarding(self.heaps):
                    answer(ask, heap)

        @rule(offer=offers, policy=policies)
        def offer(self, offer: Any, policy: int) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.offer(*offer, policy))

        @rule(batch=st.lists(offers, max_size=8), policy=policies)
        def offer_many(self, batch: Any, policy: int) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.offer_many(batch, policy))

        @rule(end=ends | st.just(NO_END))
        def pop(self, end: int) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.pop(end))

        @rule(level=levels, end=ends | st.just(NO_END))
        def pop_above(self, level: int, end: int) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.pop_above(level, end))

        @rule(limit=st.integers(-1, 4) | st.just(INT64_MAX), end=ends, every=st.booleans())
        def drain(self, limit: int, end: int, every: bool) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.drain(limit, end, every))

        @rule(before=keys | st.just(INT64_MAX), by_ns=st.integers(1, 3) | spans, level=st.just(0) | levels)
        def postpone(self, before: int, by_ns: int, level: int) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.postpone(before, by_ns, level))

        @rule()
        def head(self) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.head())

        @rule(shift=shifts)
        def shift(self, shift: Any) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.shift(shift))

        @rule(end=ends)
        def finish(self, end: int) -> None:
            agree([*self.heaps, self.model], lambda heap: heap.finish(end))

        @rule(offer=offers, place=st.integers(0, 2), bad=bad_integers, policy=policies | bad_integers)
        def offer_rubbish(self, offer: Any, place: int, bad: Any, policy: Any) -> None:
            wrong = (*offer[:place], bad, *offer[place + 1 :])
            if place == 1 or not isinstance(bad, int) or bad.bit_length() > 63:  # -1 and 99 are good keys
                for heap in guarding(self.heaps):
                    assert isinstance(answer(lambda heap: heap.offer(*wrong, policy), heap), type)

        @rule(batch=st.lists(offers, min_size=1, max_size=4), bad=st.sampled_from([None, "1", 2**63]))
        def offer_a_batch_with_rubbish_at_its_end(self, batch: Any, bad: Any) -> None:
            wrong = [*batch, (bad, 0, 0, None)]
            for heap in guarding(self.heaps):
                assert isinstance(answer(lambda heap: heap.offer_many(wrong, REJECT), heap), type)

        @rule(end=st.sampled_from([None, "1", MAX_ENDS, 2**63, -2]))
        def end_rubbish(self, end: Any) -> None:
            for heap in guarding(self.heaps):
                for ask in (lambda heap: heap.pop(end), lambda heap: heap.drain(1, end), lambda heap: heap.finish(end)):
                    assert isinstance(answer(ask, heap), type)

        @invariant()
        def same_ledger(self) -> None:
            if hasattr(self, "model"):
                agree([*self.heaps, self.model], lambda heap: (heap.counts(), heap.depths()))
                assert agree(self.heaps, lambda heap: heap.check()) is None
                assert {len(heap) for heap in self.heaps} == {len(self.model.queued)}

    return HeapLockstep


def cells_machine(*twins: Callable[..., Any]) -> type[RuleBasedStateMachine]:
    """Each step on every twin and on a plain list: the same results and states, to the bit."""

    class CellsLockstep(RuleBasedStateMachine):
        @initialize(block=cell_blocks(), refusing=st.lists(st.booleans(), min_size=6, max_size=6))
        def make(self, block: Any, refusing: list[bool]) -> None:
            self.values, self.lows, self.highs, self.integers = [list(column) for column in block]
            self.refusing = refusing[: len(self.values)]
            self.cells = [twin(*block, [], self.refusing) for twin in twins]
            self.version = 0

        @rule(place=st.integers(0, 5), value=numbers | st.just(-0.0))
        def write(self, place: int, value: Any) -> None:
            place %= len(self.values)
            said = agree(self.cells, lambda each: each.write(place, value))
            if not isinstance(said, type):
                self.version += 1
                self.values[place] = self._whole(place, value)
                assert self.lows[place] <= self.values[place] <= self.highs[place]

        @rule(changes=st.lists(st.tuples(st.integers(0, 5), finite_floats | numbers), max_size=6))
        def add(self, changes: Any) -> None:
            places, deltas = [place % len(self.values) for place, _ in changes], [delta for _, delta in changes]
            said = agree(self.cells, lambda each: each.add(places, deltas))
            if said is ValueError:
                assert any(self.refusing[place] for place in places)
                return
            self.version += 1
            for place, delta in zip(places, deltas, strict=True):
                self.values[place] = self._clamped(place, self.values[place] + delta)
            assert said == self.version

        @rule(place=st.integers(0, 5))
        def read(self, place: int) -> None:
            place %= len(self.values)
            assert agree(self.cells, lambda each: each.read(place)) == exact(self.values[place])

        @rule(place=st.integers(-1, 6), value=st.sampled_from([float("nan"), float("inf"), None, "1"]))
        def rubbish(self, place: int, value: Any) -> None:
            for cells in guarding(self.cells):
                asked = [lambda each: each.write(place, value), lambda each: each.add([0, place], [1.0, value])]
                if not 0 <= place < len(self.values):
                    asked += [lambda each: each.read(place), lambda each: each.add([0, place], [1.0, 1.0])]
                assert all(isinstance(answer(ask, cells), type) for ask in asked)

        @invariant()
        def same_state(self) -> None:
            if hasattr(self, "version"):
                assert agree(self.cells, lambda each: each.read_all()) == exact([self.version, self.values])
                agree(self.cells, lambda each: each.counts())

        def _whole(self, place: int, number: float) -> float:
            return float(int(number)) if self.integers[place] else float(number)

        def _clamped(self, place: int, number: float) -> float:
            if self.lows[place] <= number <= self.highs[place]:
                return self._whole(place, number)
            return self._whole(place, self.lows[place] if number < self.lows[place] else self.highs[place])

    return CellsLockstep


def histogram_machine(*twins: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    """A histogram of each twin beside a plain list."""

    class HistogramLockstep(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.histograms = [twin() for twin in twins]
            self.found: list[int] = []

        @rule(duration=durations | st.integers(-5, 200))
        def record(self, duration: int) -> None:
            agree(self.histograms, lambda one: one.record(duration))
            self.found.append(max(duration, 0))

        @rule(percent=st.floats(0.0, 100.0) | st.sampled_from([50.0, 95.0, 99.0]))
        def percentile(self, percent: Any) -> None:
            agree(self.histograms, lambda one: one.percentile(percent))

        @invariant()
        def same_contents(self) -> None:
            found = self.found
            agree(self.histograms, lambda one: one.buckets())
            expected = [len(found), sum(found), min(found, default=0), max(found, default=0)]
            for one in self.histograms:
                assert [one.count, one.total, one.minimum, one.maximum] == expected
                assert _fits(one.buckets(), found)

    return HistogramLockstep


def _fits(buckets: list[tuple[int, int]], found: list[int]) -> bool:
    """Whether each duration is in a bucket that is at most a 64th longer."""
    placed = sorted(found)
    uppers = [upper for upper, count in buckets for _ in range(count)]
    return len(uppers) == len(placed) and all(
        0 <= upper - each <= each / 64 for upper, each in zip(uppers, placed, strict=True)
    )


def reflex_machine(*cores: Any) -> type[RuleBasedStateMachine]:
    """One random table on each twin: the same outcome and the same state, to the bit, event by event."""

    class ReflexLockstep(RuleBasedStateMachine):
        @initialize(data=st.data(), block=cell_blocks())
        def make(self, data: Any, block: Any) -> None:
            parts = data.draw(reflex_tables(len(block[0])))
            self.made = [(core.ReflexTable(*parts), core.StateCells(*block)) for core in cores]

        @rule(row=st.integers(0, 3), intensity=st.floats(-1.0, 1.0) | numbers, high=numbers, mean=numbers)
        def respond(self, row: int, intensity: float, high: float, mean: float) -> None:
            row %= len(self.made[0][0])
            agree(self.made, lambda made: made[0].respond(made[1], row, intensity, high, mean))

        @rule(row=st.integers(-1, 4), rubbish=st.sampled_from([None, "1"]))
        def respond_rubbish(self, row: int, rubbish: Any) -> None:
            for made in self.made:
                if guarding(made):
                    assert isinstance(answer(lambda made: made[0].respond(made[1], row, rubbish), made), type)

        @rule(place=st.integers(0, 5), delta=st.floats(-10.0, 10.0))
        def disturb(self, place: int, delta: float) -> None:
            place %= len(self.made[0][1])
            agree(self.made, lambda made: made[1].add([place], [delta]))

        @invariant()
        def same_state(self) -> None:
            if hasattr(self, "made"):
                agree(self.made, lambda made: (made[1].read_all(), made[1].counts()))

    return ReflexLockstep
