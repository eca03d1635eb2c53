"""Machines that walk several twins and an obviously right model through the same steps.

`heap_machine(twins)` and its siblings take the classes to walk, so that a broken one can be put in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from strategies import INT64_MAX, cell_blocks, durations, ends, finite_floats, levels, numbers, offers, policies, reflex_tables

from lifeevt._contract import ADMITTED, DROP_OLDEST, MAX_ENDS, MAX_LEVELS, NO_END, REFUSED, REJECT, SHED_END, WAIT

bad_integers = st.sampled_from([None, "1", 0.5, 2**63, -1, 99])


class HeapModel:
    """The heap as a sorted list: slow and obviously right."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.queued: list[Any] = []  # entries, by sequence
        self.accepted = self.refused = self.running = self.high_water = 0
        self.ends: Counter[int] = Counter()

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
        self.accepted += 1
        self.high_water = max(self.high_water, len(self.queued))
        return victim or ADMITTED

    def _victim(self, level: int, policy: int) -> Any:
        lowest = max(entry[2] for entry in self.queued)
        if policy in (REJECT, WAIT) or lowest < level:
            return None
        candidates = [entry for entry in self.queued if entry[2] == lowest]
        if policy == DROP_OLDEST:
            return candidates[0]
        return None if lowest == level else candidates[-1]

    def pop_above(self, level: int, end: int) -> Any:
        head = min(self.queued, key=lambda entry: (entry[1], entry[4]), default=None)
        if head is None or head[2] >= level:
            return None
        self.queued.remove(head)
        if end == NO_END:
            self.running += 1
        else:
            self.ends[end] += 1
        return head

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


def answers(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each call answers, or the type of error it raises."""
    found: list[Any] = []
    for call in calls:
        try:
            found.append(call())
        except Exception as error:
            found.append(type(error))
    return found


def exact(value: Any) -> Any:
    """The value with every float as its bits, so that -0.0 is not 0.0 and NaN is NaN."""
    if isinstance(value, float):
        return value.hex()
    return [exact(each) for each in value] if isinstance(value, (tuple, list)) else value


def agree(calls: Sequence[Callable[[], Any]]) -> Any:
    """Make every call, require one answer of all, and return it."""
    first, *others = (exact(answer) for answer in answers(calls))
    for other in others:
        assert other == first
    return first


def heap_machine(*twins: Callable[[int], Any]) -> type[RuleBasedStateMachine]:
    """Each step on every twin and on the model: one answer, one ledger, a sound structure."""

    class HeapLockstep(RuleBasedStateMachine):
        @initialize(capacity=st.integers(1, 6))
        def make(self, capacity: int) -> None:
            self.heaps = [twin(capacity) for twin in twins]
            self.model = HeapModel(capacity)

        @rule(offer=offers, policy=policies)
        def offer(self, offer: Any, policy: int) -> None:
            agree([lambda heap=heap: heap.offer(*offer, policy) for heap in [*self.heaps, self.model]])

        @rule(batch=st.lists(offers, max_size=8), policy=policies)
        def offer_many(self, batch: Any, policy: int) -> None:
            model = [lambda: [self.model.offer(*offer, policy) for offer in batch]]
            agree([lambda heap=heap: heap.offer_many(batch, policy) for heap in self.heaps] + model)

        @rule(end=ends | st.just(NO_END))
        def pop(self, end: int) -> None:
            model = [lambda: self.model.pop_above(MAX_LEVELS, end)]
            agree([lambda heap=heap: heap.pop(end) for heap in self.heaps] + model)

        @rule(level=levels, end=ends | st.just(NO_END))
        def pop_above(self, level: int, end: int) -> None:
            agree([lambda heap=heap: heap.pop_above(level, end) for heap in [*self.heaps, self.model]])

        @rule(limit=st.integers(-1, 4) | st.just(INT64_MAX), end=ends)
        def drain(self, limit: int, end: int) -> None:
            count = min(max(limit, 0), len(self.model.queued))
            model = [lambda: [self.model.pop_above(MAX_LEVELS, end) for _ in range(count)]]
            agree([lambda heap=heap: heap.drain(limit, end) for heap in self.heaps] + model)

        @rule(end=ends)
        def finish(self, end: int) -> None:
            agree([lambda heap=heap: heap.finish(end) for heap in [*self.heaps, self.model]])

        @rule(offer=offers, place=st.integers(0, 2), bad=bad_integers, policy=policies | bad_integers)
        def offer_rubbish(self, offer: Any, place: int, bad: Any, policy: Any) -> None:
            wrong = (*offer[:place], bad, *offer[place + 1 :])
            if place == 1 or not isinstance(bad, int) or bad.bit_length() > 63:  # -1 and 99 are good keys
                said = agree([lambda heap=heap: heap.offer(*wrong, policy) for heap in self.heaps])
                assert isinstance(said, type)

        @rule(batch=st.lists(offers, min_size=1, max_size=4), bad=st.sampled_from([None, "1", 0.5, 2**63]))
        def offer_a_batch_with_rubbish_at_its_end(self, batch: Any, bad: Any) -> None:
            wrong = [*batch, (bad, 0, 0, None)]
            assert isinstance(agree([lambda heap=heap: heap.offer_many(wrong, REJECT) for heap in self.heaps]), type)

        @rule(end=st.sampled_from([None, "1", 0.5, MAX_ENDS, 2**63, -2]))
        def end_rubbish(self, end: Any) -> None:
            for name, arguments in (("pop", (end,)), ("drain", (1, end)), ("finish", (end,))):
                said = agree([lambda heap=heap: getattr(heap, name)(*arguments) for heap in self.heaps])
                assert isinstance(said, type)

        @invariant()
        def same_ledger(self) -> None:
            if hasattr(self, "model"):
                agree([lambda heap=heap: (heap.counts(), heap.depths()) for heap in [*self.heaps, self.model]])
                agree([heap.check for heap in self.heaps])
                assert {len(heap) for heap in self.heaps} == {len(self.model.queued)}

    return HeapLockstep


def cells_machine(*twins: Callable[..., Any]) -> type[RuleBasedStateMachine]:
    """Each step on every twin and on a plain list: one answer and one state, to the bit."""

    class CellsLockstep(RuleBasedStateMachine):
        @initialize(block=cell_blocks())
        def make(self, block: Any) -> None:
            self.values, self.lows, self.highs, self.integers = [list(column) for column in block]
            self.cells = [twin(*block) for twin in twins]
            self.version = 0

        @rule(place=st.integers(-1, 6), value=numbers | st.sampled_from([-0.0, float("nan"), float("inf"), None, "1"]))
        def write(self, place: int, value: Any) -> None:
            said = agree([lambda each=each: each.write(place, value) for each in self.cells])
            if not isinstance(said, type):
                self.version += 1
                self.values[place] = self._whole(place, value)
                assert self.lows[place] <= self.values[place] <= self.highs[place]

        @rule(changes=st.lists(st.tuples(st.integers(-1, 6), finite_floats | numbers), max_size=6))
        def add(self, changes: Any) -> None:
            places, deltas = [place for place, _ in changes], [delta for _, delta in changes]
            said = agree([lambda each=each: each.add(places, deltas) for each in self.cells])
            if all(0 <= place < len(self.values) for place in places):
                self.version += 1
                for place, delta in changes:
                    self.values[place] = self._clamped(place, self.values[place] + delta)
                assert said == self.version

        @rule(place=st.integers(-1, 6))
        def read(self, place: int) -> None:
            expected: Any = exact(self.values[place]) if 0 <= place < len(self.values) else IndexError
            assert agree([lambda each=each: each.read(place) for each in self.cells]) == expected

        @invariant()
        def same_state(self) -> None:
            if hasattr(self, "version"):
                assert agree([each.read_all for each in self.cells]) == exact([self.version, self.values])
                agree([each.counts for each in self.cells])

        def _whole(self, place: int, number: float) -> float:
            return float(int(number)) if self.integers[place] else float(number)

        def _clamped(self, place: int, number: float) -> float:
            if self.lows[place] <= number <= self.highs[place]:
                return self._whole(place, number)
            return self._whole(place, self.lows[place] if number < self.lows[place] else self.highs[place])

    return CellsLockstep


def histogram_machine(*twins: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    """Two histograms of each twin, recorded and merged, beside two plain lists."""

    class HistogramLockstep(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.pairs = [(twin(), twin()) for twin in twins]
            self.found: tuple[list[int], list[int]] = ([], [])

        @rule(which=st.integers(0, 1), duration=durations | st.integers(-5, 200))
        def record(self, which: int, duration: int) -> None:
            agree([lambda pair=pair: pair[which].record(duration) for pair in self.pairs])
            self.found[which].append(max(duration, 0))

        @precondition(lambda self: sum(map(len, self.found)) < 200)
        @rule(into=st.integers(0, 1), of=st.integers(0, 1))
        def merge(self, into: int, of: int) -> None:
            agree([lambda pair=pair: pair[into].merge(pair[of]) for pair in self.pairs])
            self.found[into].extend(list(self.found[of]))

        @rule(which=st.integers(0, 1), percent=st.floats(-1.0, 101.0) | st.sampled_from([50.0, 95.0, 99.0, "1", None]))
        def percentile(self, which: int, percent: Any) -> None:
            agree([lambda pair=pair: pair[which].percentile(percent) for pair in self.pairs])

        @invariant()
        def same_contents(self) -> None:
            for which, found in enumerate(self.found):
                agree([lambda pair=pair: pair[which].buckets() for pair in self.pairs])
                expected = [len(found), sum(found), min(found, default=0), max(found, default=0)]
                for pair in self.pairs:
                    one = pair[which]
                    assert [one.count, one.total, one.minimum, one.maximum] == expected
                    assert _fits(one.buckets(), found)

    return HistogramLockstep


def _fits(buckets: list[tuple[int, int]], found: list[int]) -> bool:
    """Whether each duration stands in a bucket that is at most a 64th longer."""
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

        @rule(row=st.integers(-1, 4), intensity=st.floats(-1.0, 1.0) | numbers, high=numbers, mean=numbers)
        def respond(self, row: int, intensity: float, high: float, mean: float) -> None:
            agree([lambda made=made: made[0].respond(made[1], row, intensity, high, mean) for made in self.made])

        @rule(row=st.integers(0, 1), rubbish=st.sampled_from([float("nan"), float("inf"), None, "1"]))
        def respond_rubbish(self, row: int, rubbish: Any) -> None:
            said = agree([lambda made=made: made[0].respond(made[1], row, rubbish) for made in self.made])
            assert isinstance(said, type)

        @rule(place=st.integers(0, 5), delta=st.floats(-10.0, 10.0))
        def disturb(self, place: int, delta: float) -> None:
            agree([lambda made=made: made[1].add([place], [delta]) for made in self.made])

        @invariant()
        def same_state(self) -> None:
            if hasattr(self, "made"):
                agree([lambda made=made: (made[1].read_all(), made[1].counts()) for made in self.made])

    return ReflexLockstep
