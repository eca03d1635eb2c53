"""Mutants of the worker's classes; the suite must catch each, as in `test_mutants`."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from _backends import (
    test_account,
    test_arrays,
    test_bucket,
    test_codel,
    test_lock_entry,
    test_reactor,
    test_reactor_shedding,
    test_results,
    test_stages,
    test_submitter,
    test_type_table,
)
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from parity.reactor_lockstep import reactor_machine, type_table_machine
from parity.test_mutants import CAUGHT as CAUGHT_ELSEWHERE, with_mutant
from reactors import HIT, STRANGER

from lifeevt._backends import reference
from lifeevt._backends.contract import DROP_OLDEST, MAX_LEVELS, NO_TYPE_ID, REFUSED, SHED_END, UNSET, Record

pytestmark = pytest.mark.reference  # the mutants derive from the reference

# reactors


class ForgetsToFinish(reference.Reactor):
    """A processed event never finishes."""

    def _record(self, record: Any, finishes: bool) -> None:
        super()._record(record, False)


class FinishesTwice(reference.Reactor):
    """A processed event ends twice, at the expense of another one."""

    def _record(self, record: Any, finishes: bool) -> None:
        super()._record(record, finishes)
        self._heap._running += finishes
        self._heap._finish(record.status) if finishes else None


class AnswersOutOfOrder(reference.Reactor):
    """The newest result comes first."""

    def _record(self, record: Any, finishes: bool) -> None:
        super()._record(record, finishes)
        self._results.rotate(1)


class KeepsTheSlot(reference.Reactor):
    """Keeps the results that it handed out."""

    hoard: ClassVar[list[Any]] = []

    def take(self, limit: Any) -> Any:
        taken = super().take(limit)
        self.hoard.append(taken)
        return taken


class WritesTheStateTwice(reference.Reactor):
    """Runs the reflex twice."""

    def __init__(self, heap: Any, types: Any, table: Any, *rest: Any) -> None:
        def respond(*arguments: Any, **named: Any) -> Any:
            table.respond(*arguments, **named)
            return table.respond(*arguments, **named)

        super().__init__(heap, types, SimpleNamespace(respond=respond), *rest)


class IgnoresAbove(reference.Reactor):
    """Processes the head, at any level."""

    def _process_next(self, above: int, raises: bool) -> Any:
        return super()._process_next(MAX_LEVELS, raises)


class LosesAnOverwrittenCount(reference.Reactor):
    """Overwrites a result without counting it."""

    def _record(self, record: Any, finishes: bool) -> None:
        before = self._overwritten
        super()._record(record, finishes)
        self._overwritten = before


class OverwritesTheNewest(reference.Reactor):
    """Overwrites the newest result when the ring is full."""

    def _record(self, record: Any, finishes: bool) -> None:
        if len(self._results) == self._capacity:
            self._results.rotate(1)
        super()._record(record, finishes)


class TakesEventsOfPythonItself(reference.Reactor):
    """Processes events that need Python itself."""

    def _process_next(self, above: int, raises: bool) -> Any:
        processed, task = super()._process_next(above, raises)
        if task is None:
            return processed, None
        payload, _, level, queued_ns, sequence, type_id, started_ns, outcome = task
        record = Record(payload, sequence, level, type_id, 0, 0.0, 0.0, queued_ns, started_ns, started_ns,
                        outcome or self._no_outcome())  # fmt: skip
        self._record(record, True)
        return True, None


class ProcessesWhenSwitchedOff(reference.Reactor):
    """Processes events although ``processes`` is off."""

    def __init__(self, *arguments: Any, **parts: Any) -> None:
        super().__init__(*arguments, **parts)
        self._processes = True


class OverrunsItsLimit(reference.Reactor):
    """Processes one event more than the limit."""

    def run_pending(self, limit: int, above: int = MAX_LEVELS) -> Any:
        return super().run_pending(limit + 1, above)


class ForgetsTheAccount(reference.Reactor):
    """Counts all on one level."""

    def __init__(self, *arguments: Any, **parts: Any) -> None:
        super().__init__(*arguments, **parts)
        self._accounts = self._accounts[:1] * MAX_LEVELS


class DiesOfAStage(reference.Reactor):
    """Lets the error of a stage escape."""

    def _run_stages(self, *given: Any) -> None:
        super()._run_stages(*given)
        if self._results[-1].payload[-1] is not None:
            raise LookupError("a stage failed")


class SkipsADecision(reference.Reactor):
    """Gives the action the value of the meaning stage."""

    def _record(self, record: Any, finishes: bool) -> None:
        if isinstance(record.payload, list):
            record.payload[2] = UNSET
        super()._record(record, finishes)


# type table, accounts, single submits, arrays


class GivesANumberTwice(reference.TypeTable):
    """The second type_id of a level gets the number of the first."""

    def add(self, name: str, level: int, budget_ns: int, exact: bool = True) -> int:
        code = super().add(name, level, budget_ns, exact)
        return max(code - 1, 0) if code != NO_TYPE_ID else code


class ForgetsWhatNeedsPython(reference.TypeTable):
    """Clears ``needs_python`` for every new type."""

    def add(self, name: str, level: int, budget_ns: int, exact: bool = True) -> int:
        known = name in self._type_ids
        code = super().add(name, level, budget_ns, exact)
        if not known and code != NO_TYPE_ID:
            self._rows[code] = self._rows[code]._replace(needs_python=False)
        return code


class IsLateAtTheBudget(reference.Account):
    """Counts an event as late that took exactly its budget."""

    def record(self, budget_ns: int, wait_ns: int, service_ns: int) -> None:
        super().record(budget_ns - 1 if budget_ns > -(2**62) else budget_ns, wait_ns, service_ns)


class ChargesTheRefused(reference.Bucket):
    """Takes a token for a refused event, too."""

    def _admits(self, now_ns: int) -> bool:
        comes = super()._admits(now_ns)
        self._full_at = (self._full_at or 0) + self._period * (not comes)
        return comes


class ShedsForASingleSubmit(reference.Submitter):
    """Sheds an event where it should refuse the new one."""

    def submit(self, type_id: int, intensity: float, timestamp: float = 0.0) -> bool:
        if len(self._heap) == self._heap.capacity:
            self._heap.drain(1, 2)
        return super().submit(type_id, intensity, timestamp)


class TakesNumbersUntilTheFirstWrongOne(reference.EventHeap):
    """Checks each number only when it is its place in the array."""

    def offer_numbers(self, type_table: Any, types: Any, intensities: Any, timestamps: Any, *rest: Any) -> Any:
        taken, shed = 0, []
        columns = [memoryview(column) for column in (types, intensities, timestamps or types)]
        for place in range(len(columns[0])):
            one = [column[place : place + 1] for column in columns]
            some, given_up = super().offer_numbers(type_table, *one[:2], timestamps and one[2], *rest)
            taken, shed = taken + some, shed + given_up
        return taken, shed


class ForgetsNumbersVictims(reference.EventHeap):
    """Does not hand back the events that an array sheds."""

    def offer_numbers(self, *arguments: Any, **named: Any) -> Any:
        return super().offer_numbers(*arguments, **named)[0], []


# delay


class ShedsTheLast(reference.CoDel):
    """Sheds the last queued event."""

    def admits(self, level: int, now_ns: int, waited_ns: int, last: bool = False) -> bool:
        return super().admits(level, now_ns, waited_ns, False)


class HasOneDelayForAll(reference.CoDel):
    """Shares one delay between all levels but the first."""

    def __init__(self, interval_ns: int, targets_ns: Any) -> None:
        super().__init__(interval_ns, targets_ns)
        self._levels = [self._levels[0], *self._levels[1:2] * (MAX_LEVELS - 1)]


class RootsInFloats(reference.CoDel):
    """Loses the last digits of a long interval."""

    def __init__(self, interval_ns: int, targets_ns: Any) -> None:
        super().__init__(interval_ns, targets_ns)
        for level in self._levels:
            level._control_law = (  # type: ignore
                lambda from_ns, law=level: from_ns + int(law._interval_ns / law._count**0.5)
            )


class AsksTwice(reference.Reactor):
    """Passes each event to the control law twice."""

    def admits(self, level: int, queued_ns: int, now_ns: int) -> bool:
        super().admits(level, queued_ns, now_ns)
        return super().admits(level, queued_ns, now_ns)


class ShedsInSilence(reference.Reactor):
    """Counts for no account what it sheds."""

    def _end(self, event: Any, row: Any, payload: Any, status: int, *rest: Any) -> None:
        kept = self._accounts
        if status == SHED_END:
            self._accounts = [reference.Account()] * MAX_LEVELS
        super()._end(event, row, payload, status, *rest)
        self._accounts = kept


class HoldsWhileItWaits(reference.LockEntry):
    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.enter()


class FailsWhenRungTwice(reference.LockEntry):
    def ring(self) -> None:
        if self.bell is not None:
            self.bell.release()


CAUGHT: list[tuple[type, Callable[..., None], tuple[Any, ...]]] = [
    (ForgetsToFinish, test_reactor.test_every_processed_event_ends_in_the_ledger, ()),
    (FinishesTwice, test_reactor.test_every_processed_event_ends_in_the_ledger, ()),
    (AnswersOutOfOrder, test_reactor.test_results_are_in_the_order_of_urgency, ()),
    (KeepsTheSlot, test_results.test_a_result_keeps_its_payload_until_it_is_gone, ("take",)),
    (WritesTheStateTwice, test_reactor.test_an_event_is_processed_by_the_reflex_of_its_type, ()),
    (IgnoresAbove, test_reactor.test_above_limits_processing_to_more_important_levels, ()),
    (IgnoresAbove, test_stages.test_more_important_events_pass_between_two_stages, ()),
    (LosesAnOverwrittenCount, test_results.test_a_full_ring_overwrites_the_oldest_and_counts, ()),
    (OverwritesTheNewest, test_results.test_a_full_ring_overwrites_the_oldest_and_counts, ()),
    (TakesEventsOfPythonItself, test_reactor.test_an_event_that_needs_python_becomes_a_task_with_its_outcome, ()),
    (TakesEventsOfPythonItself, test_reactor.test_an_event_of_no_known_type_is_for_python_alone, (NO_TYPE_ID,)),
    (ProcessesWhenSwitchedOff, test_reactor.test_a_reactor_with_processing_off_leaves_all_events_to_python, ()),
    (OverrunsItsLimit, test_reactor.test_a_limit_is_kept, ()),
    (ForgetsTheAccount, test_reactor.test_each_event_is_recorded_in_the_account_of_its_level, ()),
    (DiesOfAStage, test_stages.test_a_stage_that_raises_ends_its_event_and_not_the_reactor, (1, "decision")),
    (SkipsADecision, test_stages.test_each_stage_is_given_the_value_of_the_one_before_it, ()),
    (GivesANumberTwice, test_type_table.test_a_new_name_gets_the_next_number, ()),
    (ForgetsWhatNeedsPython, test_type_table.test_a_new_type_needs_python_and_has_no_row, ()),
    (IsLateAtTheBudget, test_account.test_an_event_is_late_when_it_took_longer_than_its_budget, (70, 0)),
    (ChargesTheRefused, test_bucket.test_tokens_come_with_the_time_of_arrival, ()),
    (ShedsForASingleSubmit, test_submitter.test_a_full_heap_refuses_and_sheds_no_event, ()),
    (TakesNumbersUntilTheFirstWrongOne, test_arrays.test_wrong_numbers_keep_all_of_them_out, ("a type too high",)),
    (ForgetsNumbersVictims, test_arrays.test_victims_among_the_numbers_are_handed_back, (5,)),
    (ShedsTheLast, test_codel.test_the_last_one_is_never_shed, ()),
    (HasOneDelayForAll, test_codel.test_each_level_has_a_delay_of_its_own, ()),
    (RootsInFloats, test_codel.test_the_next_event_is_shed_at_the_nanosecond_of_the_control_law, (10**18,)),
    (HoldsWhileItWaits, test_lock_entry.test_an_entry_holds_nothing_before_its_thread_is_inside, ()),
    (FailsWhenRungTwice, test_lock_entry.test_a_bell_may_be_rung_before_its_thread_waits_and_twice, ()),
    (AsksTwice, test_reactor_shedding.test_the_shedding_of_tracked_events_is_left_to_python, ()),
    (ShedsInSilence, test_reactor_shedding.test_accounts_count_shed_events_without_latency, ()),
]
CASES = [pytest.param(*case, id=f"{case[0].__name__} by {case[1].__name__}") for case in CAUGHT]


@pytest.mark.parametrize(("mutant", "check", "arguments"), CASES)
def test_the_suite_catches_the_mutant(mutant: type, check: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    check(reference, *arguments)  # the control: the reference passes
    with pytest.raises(BaseException) as caught:
        check(with_mutant(mutant, []), *arguments)
    raised = (AssertionError, LookupError, RuntimeError, TypeError, ValueError)
    assert isinstance(caught.value, raised) or "DID NOT RAISE" in str(caught.value)


WALKED = [mutant for mutant in dict.fromkeys(case[0] for case in CAUGHT)
          if mutant not in (KeepsTheSlot, DiesOfAStage, SkipsADecision, ShedsForASingleSubmit, IsLateAtTheBudget,
                              TakesNumbersUntilTheFirstWrongOne, RootsInFloats, HoldsWhileItWaits,
                              FailsWhenRungTwice)]  # fmt: skip


@pytest.mark.parametrize("mutant", WALKED)
def test_the_lockstep_catches_the_mutant(mutant: type) -> None:
    broken: Any = with_mutant(mutant, [])
    is_table = issubclass(mutant, reference.TypeTable)
    tables = broken.TypeTable, reference.TypeTable
    machine = type_table_machine(*tables) if is_table else reactor_machine(broken, reference)
    budget = settings(max_examples=3000, stateful_step_count=30, phases=[Phase.generate], database=None)
    with pytest.raises((AssertionError, LookupError, TypeError, ValueError)):
        run_state_machine_as_test(machine, settings=budget)  # type: ignore[no-untyped-call]


def test_every_class_of_the_worker_has_a_mutant() -> None:
    broken = {mutant.__mro__[1].__name__ for mutant, _, _ in [*CAUGHT, *CAUGHT_ELSEWHERE]}
    others = {"FORM", "TRACED", "LockGuard", *(name for name in reference.__all__ if name.endswith("Base"))}
    assert broken == set(reference.__all__) - others


def test_mutant_reactors_work_apart_from_their_fault() -> None:
    for mutant in (ForgetsToFinish, IgnoresAbove, LosesAnOverwrittenCount):
        run_loop = test_reactor.RunLoop(with_mutant(mutant, []))
        assert [result["type_id"] for result in run_loop.process(HIT, STRANGER)] == [HIT, STRANGER]
        assert run_loop.heap.offer(0, 0, 0, None, DROP_OLDEST) is not REFUSED
