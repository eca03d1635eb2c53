"""Mutants of the reference; the suite's own tests must catch each. A test that cannot fail proves nothing."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import actors
import pytest
from _backends import (
    test_cells,
    test_cells_commit,
    test_heap,
    test_heap_places,
    test_histogram,
    test_reflex_table,
    test_rwlock,
    test_rwlock_fairness,
)
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from parity.lockstep import cells_machine, heap_machine, histogram_machine, reflex_machine

from lifeevt._backends import reference
from lifeevt._backends.contract import ADMITTED, DROP_OLDEST, NO_END, NO_PATTERN, REFUSED
from lifeevt.errors import LockTimeout

pytestmark = pytest.mark.reference  # the mutants derive from the reference

Check = Callable[..., None]


# heaps


class DropsTies(reference.EventHeap):
    """Equal keys leave in the order opposite to their arrival."""

    def _insert(self, event: Any) -> None:
        event.place = self._place(event.key, event.level)
        heapq.heappush(self._order, (event.place, -event.sequence))

    def _first(self) -> Any:
        self._queued = {-sequence: event for sequence, event in self._queued.items()}
        try:
            return super()._first()
        finally:
            self._queued = {-sequence: event for sequence, event in self._queued.items()}


class IgnoresUrgency(reference.EventHeap):
    """A queue, not a heap: first come, first served."""

    def _insert(self, event: Any) -> None:
        super()._insert(event)
        self._order.sort(key=lambda pair: pair[1])


class ForgetsAnEnd(reference.EventHeap):
    """A finished event leaves the running ones and ends nowhere."""

    def finish(self, end: int) -> None:
        super().finish(end)
        self._ends[end] -= 1


class ShedsCriticalEvents(reference.EventHeap):
    """Makes room for each event, at the expense of more important ones."""

    def _victim(self, level: int, policy: int) -> Any:
        return super()._victim(0, policy)


class ShedsInSilence(reference.EventHeap):
    """Sheds an event and does not report it."""

    def _admit(self, event: Any, policy: int) -> Any:
        verdict = super()._admit(event, policy)
        return ADMITTED if isinstance(verdict, tuple) else verdict


class AdmitsBatchesHalfway(reference.EventHeap):
    """Refuses the rest of a batch after the first refusal."""

    def offer_many(self, offers: Any, policy: int) -> Any:
        verdicts: list[Any] = []
        for offer in offers:
            verdicts.append(REFUSED if REFUSED in verdicts else self.offer(*offer, policy))
        return verdicts


class BringsBackByTheKey(reference.EventHeap):
    """Ignores the offsets for an event that was aside, or replaced."""

    def _insert(self, event: Any) -> None:
        offsets = self._offsets
        if event.sequence < self._accepted - 1:  # it was offered before
            self._offsets = (0,) * len(offsets)
        super()._insert(event)
        self._offsets = offsets


class LetsWhatIsAsideLeave(reference.EventHeap):
    """Orders all queued events, also those that may not leave."""

    def _arrange(self) -> None:
        self._bring_all_back()
        super()._arrange()


class PostponesOnlyWhatMayLeave(reference.EventHeap):
    """Does not postpone events that are aside."""

    def postpone(self, before: int, by_ns: int, level: int) -> int:
        everything = self._queued
        self._queued = {sequence: event for sequence, event in everything.items() if event.place is not None}
        try:
            return super().postpone(before, by_ns, level)
        finally:
            self._queued = everything


class KeepsPayloads(reference.EventHeap):
    """Keeps every offered event, where no collector finds it."""

    hoard: ClassVar[list[Any]] = []

    def _admit(self, event: Any, policy: int) -> Any:
        self.hoard.append(event)
        return super()._admit(event, policy)


class KeepsWhatIsWithdrawn(reference.EventHeap):
    """Reports an event as withdrawn, and lets it leave all the same."""

    def withdraw(self, ticket: Any, end: int) -> Any:
        event = self._queued.get(ticket[0])
        entry = super().withdraw(ticket, end)
        if event is not None:
            self._queued[event.sequence] = self._levels[event.level][event.sequence] = event
        return entry


class LetsAnyReplacementWait(reference.EventHeap):
    """Accepts a later key in a replacement."""

    def replace(self, ticket: Any, key: int, *rest: Any) -> bool:
        event = self._queued.get(ticket[0])
        if event is not None:
            event.key = max(key, event.key)
        return super().replace(ticket, key, *rest)


class ForgetsPausedTypes(reference.EventHeap):
    """Pauses levels alone."""

    def pause(self, level: Any, type_id: Any, paused: bool) -> None:
        super().pause(level, None, paused)


# locks


class AdmitsReadersWhileAWriterWaits(reference.RWLock):
    """Readers first: a writer may starve."""

    def _newcomer_may_enter(self, writing: bool) -> bool:
        return super()._newcomer_may_enter(True) if writing else self._writer is None

    def _may_enter(self, waiter: Any) -> bool:
        return super()._may_enter(waiter) if waiter.writing else self._writer is None


class ForgetsToWakeReaders(reference.RWLock):
    """A writer leaves without a wake-up. It leaves only once a thread waits, so that the loss shows."""

    def __init__(self) -> None:
        super().__init__()
        self._has_waiter = threading.Event()

    def _may_enter(self, waiter: Any) -> bool:
        may_enter = super()._may_enter(waiter)
        if not may_enter:
            self._has_waiter.set()
        return may_enter

    def _leave_queue(self, waiter: Any) -> None:
        self._has_waiter.clear()  # a thread that still waits is woken, and sets it again
        super()._leave_queue(waiter)

    def release_write(self) -> None:
        self._has_waiter.wait(30.0)
        with self._changed:
            self._writer = None


class AllowsReentry(reference.RWLock):
    """Lets a thread ask for a lock that it holds; in time it waits for itself."""

    def _refuse_reentry(self) -> None:
        self._since_ns.pop(threading.get_ident(), None)


class NeverTimesOut(reference.RWLock):
    """Takes the lock when the time is over."""

    def _acquire(self, writing: bool, timeout_ns: int | None, on_wait: Any) -> None:
        try:
            super()._acquire(writing, timeout_ns, on_wait)
        except LockTimeout:
            self._enter(writing, newcomer=True)


class StarvesReaders(reference.RWLock):
    """Lets every writer in line go first, however many there are."""

    def _enter(self, writing: bool, newcomer: bool) -> None:
        super()._enter(writing, newcomer)
        self._passed = 0


class LetsReadersJoinTheGroup(reference.RWLock):
    """Gives no tickets: while readers hold the lock, any reader may enter."""

    def _newcomer_may_enter(self, writing: bool) -> bool:
        return super()._newcomer_may_enter(writing) or (not writing and bool(self._since_ns))


class ForgetsTheLine(reference.RWLock):
    """Lets the writer that came last in first."""

    def _join(self, writing: bool) -> Any:
        waiter = super()._join(writing)
        if writing:
            self._writers.insert(0, self._writers.pop())
        return waiter


class LetsNewcomersPass(reference.RWLock):
    """Does not count the newcomers that pass a waiting thread."""

    def _newcomer_may_enter(self, writing: bool) -> bool:
        return self._is_empty()


# cells


class ForgetsToClamp(reference.StateCells):
    """Adds without looking at the bounds."""

    def _add(self, index: int, delta: float, cause: int) -> None:
        self._values[index] += delta


class TearsAnAdd(reference.StateCells):
    """Checks each delta only after the ones before it are applied."""

    def add(self, indices: Sequence[int], deltas: Sequence[float]) -> int:
        for index, delta in zip(indices, deltas, strict=False):
            super().add([index], [delta])
        return super().add([], deltas[len(indices) :])


class RoundsToNearest(reference.StateCells):
    """Rounds whole numbers where it should cut them."""

    def _add(self, index: int, delta: float, cause: int) -> None:
        whole = round(self._values[index] + delta) - self._values[index]
        super()._add(index, whole if self._integers[index] else delta, cause)


class CountsReadsAsWrites(reference.StateCells):
    """Makes a new version at every read."""

    def read(self, index: int) -> float:
        value = super().read(index)
        self._written()
        return value


# reflexes


class AppliesIgnoredPatterns(reference.ReflexTable):
    """Applies a pattern that ignores its event."""

    def respond(self, *arguments: Any, **named: Any) -> Any:
        patterns, self._patterns = self._patterns, [each._replace(ignores=False) for each in self._patterns]
        try:
            return super().respond(*arguments, **named)
        finally:
            self._patterns = patterns


class TakesTheLastDecision(reference.ReflexTable):
    """Lets a later rule overrule the first that matches."""

    def __init__(self, *arguments: Any, **parts: Any) -> None:
        super().__init__(*arguments, **parts)
        self._decisions.reverse()


class DecidesAtNoSignificance(reference.ReflexTable):
    """Gives an event without significance the first pattern."""

    def respond(self, *arguments: Any, **named: Any) -> Any:
        outcome = super().respond(*arguments, **named)
        return outcome._replace(pattern=0) if outcome.pattern == NO_PATTERN else outcome


# histograms


class OffByOneBucket(reference.Histogram):
    """Counts each duration one bucket too high."""

    def record(self, duration_ns: int) -> None:
        super().record(duration_ns)
        self._buckets = {bucket + 1: count for bucket, count in self._buckets.items()}


class RanksTooLow(reference.Histogram):
    """Takes the record before the one that the percentile names."""

    def percentile(self, percent: float) -> int:
        return super().percentile(max(percent - 1.0, 0.0))


class WrapsAt64Bits(reference.Histogram):
    """Keeps the total in 64 bits."""

    def record(self, duration_ns: int) -> None:
        super().record(duration_ns)
        self._total %= 2**64


READ, WRITE = ("read",), ("write",)
CAUGHT: list[tuple[type, Check, tuple[Any, ...]]] = [
    (DropsTies, test_heap.test_equal_keys_leave_in_order_of_arrival, ()),
    (IgnoresUrgency, test_heap.test_smallest_key_leaves_first, ()),
    (ForgetsAnEnd, test_heap.test_a_popped_event_runs_until_it_is_finished, ()),
    (ForgetsAnEnd, test_heap.test_every_end_has_its_own_count, ()),
    (ShedsCriticalEvents, test_heap.test_a_critical_event_is_never_shed_for_a_lesser_one, (DROP_OLDEST,)),
    (ShedsCriticalEvents, test_heap.test_no_policy_sheds_a_more_important_event_than_the_one_offered, ()),
    (ShedsInSilence, test_heap.test_drop_lowest_sheds_the_newest_of_the_least_important_level, ()),
    (ShedsInSilence, test_heap.test_drop_oldest_sheds_the_oldest_of_the_least_important_level, ()),
    (AdmitsBatchesHalfway, test_heap.test_offer_many_returns_a_verdict_for_each_offer_in_order, ()),
    (BringsBackByTheKey, test_heap_places.test_a_held_event_is_placed_by_the_offsets_at_its_return, (True,)),
    (LetsWhatIsAsideLeave, test_heap_places.test_a_shift_does_not_release_events_that_are_aside, ()),
    (PostponesOnlyWhatMayLeave, test_heap_places.test_a_postponement_reaches_held_and_paused_events, ()),
    (KeepsPayloads, test_heap.test_a_payload_is_released_once_it_is_out, ("shed",)),
    (KeepsPayloads, test_heap.test_a_cycle_through_the_heap_is_collected, ()),
    (AdmitsReadersWhileAWriterWaits, test_rwlock.test_a_waiting_writer_holds_back_a_new_reader, ()),
    (
        AdmitsReadersWhileAWriterWaits,
        test_rwlock.test_a_waiting_writer_holds_back_a_reader_however_long_it_waits,
        (None,),
    ),
    (ForgetsToWakeReaders, test_rwlock.test_a_waiting_reader_enters_when_the_writer_leaves, ()),
    (AllowsReentry, test_rwlock.test_a_thread_that_holds_the_lock_may_not_ask_again, ("read", "read")),
    (NeverTimesOut, test_rwlock.test_a_writer_keeps_all_others_out, ()),
    (StarvesReaders, test_rwlock_fairness.test_a_waiting_reader_is_passed_by_the_writers_allowed_and_by_no_other, ()),
    (StarvesReaders, test_rwlock_fairness.test_any_order_of_calls_follows_the_policy, ()),
    (LetsReadersJoinTheGroup, test_rwlock_fairness.test_a_reader_after_the_admitted_group_waits_for_the_next, ()),
    (ForgetsTheLine, test_rwlock_fairness.test_writers_enter_in_the_order_in_which_they_asked, ()),
    (LetsNewcomersPass, test_rwlock_fairness.test_newcomers_pass_a_waiting_thread_at_most_passes_times, READ),
    (LetsNewcomersPass, test_rwlock_fairness.test_newcomers_pass_a_waiting_thread_at_most_passes_times, WRITE),
    (ForgetsToClamp, test_cells.test_no_add_leaves_the_bounds, ()),
    (ForgetsToClamp, test_cells.test_a_cell_named_twice_is_clamped_after_each_delta, ()),
    (TearsAnAdd, test_cells_commit.test_a_refusing_number_refuses_a_delta_with_all_others, ()),
    (RoundsToNearest, test_cells.test_an_integer_cell_truncates_towards_zero, (1.9, 1.0)),
    (CountsReadsAsWrites, test_cells.test_the_version_counts_writes_and_not_reads, ()),
    (AppliesIgnoredPatterns, test_reflex_table.test_a_pattern_that_ignores_applies_nothing_and_writes_nothing, ()),
    (TakesTheLastDecision, test_reflex_table.test_the_first_matching_decision_chooses, ()),
    (DecidesAtNoSignificance, test_reflex_table.test_no_significance_means_no_pattern_under_any_rules, ()),
    (OffByOneBucket, test_histogram.test_a_bucket_is_at_most_a_64th_too_long, ()),
    (RanksTooLow, test_histogram.test_the_percentiles_of_a_known_load, ()),
    (WrapsAt64Bits, test_histogram.test_the_total_is_wider_than_64_bits, ()),
]
CASES = [pytest.param(*case, id=f"{case[0].__name__} by {case[1].__name__}") for case in CAUGHT]


def with_mutant(mutant: type, made: list[Any]) -> Any:
    """Return the reference with one class replaced; ``made`` collects the instances of that class."""

    def make(*arguments: Any, **parts: Any) -> Any:
        made.append(mutant(*arguments, **parts))
        return made[-1]

    return SimpleNamespace(**{**vars(reference), mutant.__mro__[1].__name__: make})


@pytest.fixture
def locks() -> Iterator[list[Any]]:
    """Collect the instances of mutants; force the locks among them open at the end, so that no thread stays in one."""
    made: list[Any] = []
    before = threading.active_count()
    yield made
    broken = [lock for lock in made if isinstance(lock, reference.RWLock)]
    actors.wait_until(lambda: forced_open(broken) and threading.active_count() <= before)


def forced_open(broken: list[Any]) -> bool:
    for lock in broken:
        with lock._changed:
            lock._since_ns.clear()
            lock._writer, lock._passed = None, 0
            lock._changed.notify_all()
    return True


def called(check: Check, core: Any, arguments: tuple[Any, ...]) -> None:
    inner = getattr(check, "hypothesis", None)
    if inner is None:
        check(core, *arguments)
    else:  # shrinking would find the smallest proof; any will do
        settings(database=None, phases=[Phase.explicit, Phase.generate])(check)(core=core)


@pytest.mark.parametrize(("mutant", "check", "arguments"), CASES)
def test_the_suite_catches_the_mutant(
    mutant: type, check: Check, arguments: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, locks: list[Any]
) -> None:
    called(check, reference, arguments)  # the control: the reference passes
    monkeypatch.setattr(actors, "PATIENCE", 1.0)  # seconds for a call that hangs
    with pytest.raises(BaseException) as caught:  # a failure of pytest is no Exception
        called(check, with_mutant(mutant, locks), arguments)
    assert isinstance(caught.value, (AssertionError, ValueError, TypeError)) or "DID NOT RAISE" in str(caught.value)


WALKED = [DropsTies, IgnoresUrgency, ForgetsAnEnd, ShedsCriticalEvents, ShedsInSilence, AdmitsBatchesHalfway,
          KeepsWhatIsWithdrawn, LetsAnyReplacementWait, ForgetsPausedTypes,
          BringsBackByTheKey, LetsWhatIsAsideLeave, PostponesOnlyWhatMayLeave,
          ForgetsToClamp, TearsAnAdd, CountsReadsAsWrites, AppliesIgnoredPatterns, TakesTheLastDecision,
          DecidesAtNoSignificance, OffByOneBucket, RanksTooLow, WrapsAt64Bits]  # fmt: skip


@pytest.mark.parametrize("mutant", WALKED)
def test_the_lockstep_catches_the_mutant(mutant: type) -> None:
    broken: Any = with_mutant(mutant, [])
    machine = {
        "EventHeap": lambda: heap_machine(broken.EventHeap, reference.EventHeap),
        "StateCells": lambda: cells_machine(broken.StateCells, reference.StateCells),
        "ReflexTable": lambda: reflex_machine(broken, reference),
        "Histogram": lambda: histogram_machine(broken.Histogram, reference.Histogram),
    }[mutant.__mro__[1].__name__]()
    budget = settings(max_examples=3000, stateful_step_count=30, phases=[Phase.generate], database=None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=budget)  # type: ignore[no-untyped-call]


def test_every_class_of_the_reference_has_a_mutant() -> None:
    broken = {mutant.__mro__[1].__name__ for mutant, _, _ in CAUGHT}
    assert broken == {"EventHeap", "RWLock", "StateCells", "ReflexTable", "Histogram"}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda heap: heap._levels[0].clear(), "disagree"),
        (lambda heap: heap._order.clear(), "disagree"),
        (lambda heap: vars(heap).update(_accepted=7), "does not balance"),
    ],
)
def test_a_damaged_heap_fails_its_own_check(damage: Callable[[Any], None], words: str) -> None:
    heap = reference.EventHeap(2)
    heap.offer(0, 0, 0, None, 0)
    heap.check()
    damage(heap)
    with pytest.raises(AssertionError, match=words):
        heap.check()


def test_mutant_heaps_work_apart_from_their_fault() -> None:
    for mutant in (DropsTies, ForgetsAnEnd, ShedsCriticalEvents):
        heap = mutant(4)
        heap.offer(1, 0, 0, "payload", 0)
        entry = heap.pop(NO_END)
        assert entry is not None and entry[0] == "payload"
