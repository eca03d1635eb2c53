"""Reactor: the events that it processes itself, those that it hands to Python, and the ledger of both."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from array import array
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from actors import Actor, wait_until
from reactors import ASKED, HIT, IGNORED, NAMES, PROCESSED, SHRUG, STRANGER, RunLoop, timeless

from lifeevt._backends.contract import DROP_OLDEST, MAX_LEVELS, NO_PATTERN, NO_ROW, NO_TYPE_ID, REJECT


class Payload:
    """Something a weak reference can watch."""


# events that it processes itself


def test_an_event_is_processed_by_the_reflex_of_its_type(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    (result,) = run_loop.process(HIT)
    assert timeless(result) == {
        "payload": 0, "sequence": 0, "level": 0, "type_id": HIT, "status": PROCESSED, "intensity": 0.5,
        "timestamp": 0.0,
        "queued_ns": 7, "outcome": (0.5, 1, (-10.0,), (-10.0,), 0, 1),
    }  # fmt: skip
    assert run_loop.cells.read_all() == (1, (90.0,))


def test_its_outcome_equals_the_table_s(core: ModuleType) -> None:
    run_loop, other = RunLoop(core), RunLoop(core)
    said = [result["outcome"] for result in run_loop.process(HIT, SHRUG, HIT, intensity=-0.75)]
    assert said == [other.table.respond(other.cells, type_id, -0.75) for type_id in (HIT, SHRUG, HIT)]


@pytest.mark.parametrize(("type_id", "intensity"), [(SHRUG, 0.5), (STRANGER, 0.5), (HIT, 0.0)])
def test_an_event_without_significance_changes_nothing(core: ModuleType, type_id: int, intensity: float) -> None:
    run_loop = RunLoop(core)
    (result,) = run_loop.process(type_id, intensity=intensity)
    assert (result["status"], run_loop.cells.version) == (IGNORED, 0)


def test_a_type_without_a_reflex_has_an_outcome_of_nothing(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    first, second = run_loop.process(HIT, STRANGER)
    assert second["outcome"] == (0.0, NO_PATTERN, (), (), 1, 1)
    assert first["finished_ns"] <= second["finished_ns"]


@pytest.mark.native
def test_a_row_outside_the_table_processes_nothing(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.type_table.set_reflex(HIT, 2**31 - 1, False)
    assert run_loop.process(HIT)[0]["status"] == IGNORED


def test_results_are_in_the_order_of_urgency(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    for key in (5, 1, 3):
        run_loop.heap.offer(key, 3, 0, key, REJECT, HIT, 0.5)
    run_loop.reactor.run_pending(9)
    assert [result["payload"] for result in run_loop.taken()] == [1, 3, 5]


def test_times_follow_one_another(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    results = run_loop.process(*[HIT] * 40)
    times = [time for result in results for time in (result["started_ns"], result["finished_ns"])]
    assert times == sorted(times) and times[0] > 0


def test_every_processed_event_ends_in_the_ledger(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT, SHRUG, HIT, STRANGER)
    assert run_loop.ledger() == (4, 4, 0, (0, 0, 0, 0))
    run_loop.reactor.run_pending(3)
    assert run_loop.ledger() == (4, 1, 0, (2, 1, 0, 0))
    run_loop.reactor.run_pending(3)
    assert run_loop.ledger() == (4, 0, 0, (2, 2, 0, 0))
    run_loop.heap.check()


def test_each_event_is_recorded_in_the_account_of_its_level(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    results = run_loop.process(HIT, SHRUG, SHRUG)
    assert [account.latency.count for account in run_loop.accounts] == [1, 2, 0, 0]
    assert run_loop.accounts[0].latency.total == results[0]["finished_ns"] - 7
    assert run_loop.accounts[0].service.total == results[0]["finished_ns"] - results[0]["started_ns"]
    assert run_loop.accounts[1].late == 2, "they arrived when the machine was started"


def test_levels_without_an_account_share_the_last(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.heap.offer(0, MAX_LEVELS - 1, 0, None, REJECT, HIT, 0.5)
    run_loop.reactor.run_pending(1)
    assert run_loop.accounts[-1].latency.count == 1


# how many events it processes


def test_a_limit_is_kept(core: ModuleType) -> None:
    run_loop = RunLoop(core, capacity=200, results=200)
    run_loop.offer(*[HIT] * 100)
    assert [run_loop.reactor.run_pending(limit)[0] for limit in (-3, 0, 1, 40, 100)] == [0, 0, 1, 40, 59]
    assert run_loop.reactor.run_pending(2**62) == (0, None)


def test_above_limits_processing_to_more_important_levels(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT, SHRUG, STRANGER)  # levels 0, 1, 2
    assert run_loop.reactor.run_pending(9, 0) == (0, None)
    assert run_loop.reactor.run_pending(9, above=2) == (2, None)
    assert run_loop.reactor.run_pending(9, above=2) == (0, None)
    assert run_loop.reactor.run_pending(9, above=MAX_LEVELS) == (1, None)


def test_an_urgent_event_behind_a_lesser_one_does_not_go_first(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(STRANGER, HIT)
    assert run_loop.reactor.run_pending(9, above=1) == (0, None)


# events that it hands to Python


def test_an_event_that_needs_python_becomes_a_task_with_its_outcome(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(ASKED)
    processed, task = run_loop.reactor.run_pending(9)
    assert processed == 0 and task[:6] == (0, 0, 3, 7, 0, ASKED) and task[6] > 0
    assert task[7] == (0.5, 1, (-10.0,), (-10.0,), 0, 1)
    assert (run_loop.ledger(), len(run_loop.reactor)) == ((1, 0, 1, (0, 0, 0, 0)), 0)


def test_events_before_one_that_needs_python_are_processed_first(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT, SHRUG, ASKED, HIT)
    processed, task = run_loop.reactor.run_pending(9)
    assert (processed, task[0], run_loop.cells.version) == (2, 2, 2)
    assert run_loop.reactor.run_pending(9) == (1, None)


def test_a_limit_may_end_before_an_event_that_needs_python(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT, ASKED)
    assert run_loop.reactor.run_pending(1) == (1, None)
    assert run_loop.reactor.run_pending(1)[1][0] == 1


@pytest.mark.parametrize(
    "type_id", [NO_TYPE_ID, *(pytest.param(type_id, marks=pytest.mark.native) for type_id in (len(NAMES), 2**31 - 1))]
)
def test_an_event_of_no_known_type_is_for_python_alone(core: ModuleType, type_id: int) -> None:
    run_loop = RunLoop(core)
    run_loop.heap.offer(0, 0, 0, "p", REJECT, type_id)
    _, task = run_loop.reactor.run_pending(9)
    assert (task[0], task[5], task[7], run_loop.cells.version) == ("p", type_id, None, 0)


def test_a_type_that_needs_python_without_a_reflex_has_no_outcome(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.type_table.set_reflex(ASKED, NO_ROW, True)
    run_loop.offer(ASKED)
    assert run_loop.reactor.run_pending(9)[1][7] is None


def test_a_new_type_without_a_reflex_needs_python(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    new = run_loop.type_table.add("new", 0, 1)
    run_loop.offer(new)
    assert run_loop.reactor.run_pending(9)[1][5] == new


def test_a_reactor_with_processing_off_leaves_all_events_to_python(core: ModuleType) -> None:
    run_loop = RunLoop(core, processes=False)
    run_loop.offer(HIT, STRANGER)
    for number, type_id in enumerate((HIT, STRANGER)):
        assert run_loop.reactor.run_pending(9) == (0, (number, number, type_id, 7, number, type_id, 0, None))
    assert (run_loop.cells.version, len(run_loop.reactor), run_loop.ledger()[2]) == (0, 0, 2)


def test_a_task_of_an_event_without_an_object_holds_its_numbers(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    numbers = array("i", [ASKED]), array("d", [0.25]), array("d", [12.5])
    run_loop.heap.offer_numbers(run_loop.type_table, *numbers, 7, REJECT)
    assert run_loop.reactor.run_pending(1)[1][0] == (ASKED, 0.25, 12.5)


def test_an_outcome_tells_whether_the_reflex_acted_also_for_a_late_type(core: ModuleType) -> None:
    """The worker may have looked for the row just before another thread names it, and waits for the GIL then."""
    for _ in range(50):
        run_loop = RunLoop(core)
        new = run_loop.type_table.add("new", 0, 1)
        with Actor() as worker:
            running = worker.begin(run_loop.reactor.run)
            run_loop.offer(new)
            for _ in range(1000):
                if not len(run_loop.heap):
                    break
            run_loop.type_table.set_reflex(new, HIT, True)
            task = running.result()
        assert (task[7] is None) == (run_loop.cells.version == 0)


def test_stages_run_for_no_event_that_came_before_its_reflex_was_named(core: ModuleType) -> None:
    for _ in range(50):
        run_loop = RunLoop(core)
        new = run_loop.type_table.add("new", 0, 1)
        with Actor() as worker:
            running = worker.begin(run_loop.reactor.run)
            run_loop.offer(new)
            for _ in range(1000):
                if not len(run_loop.heap):
                    break
            run_loop.type_table.set_reflex(new, HIT, True)
            run_loop.reactor.set_stages(new, lambda event, state: "seen", None, None, False)
            wait_until(lambda: running.ended or len(run_loop.reactor) > 0)  # noqa: B023
            run_loop.reactor.halt(True)
            task = running.result()
        if task is None:  # handled: then its reflex has acted
            assert (run_loop.cells.version, run_loop.taken()[0]["outcome"][0]) == (1, 0.5)


# running and halting


def test_run_processes_events_until_python_is_needed(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT, HIT, ASKED, HIT)
    assert run_loop.reactor.run()[0] == 2
    assert (len(run_loop.reactor), len(run_loop.heap)) == (2, 1)


def test_run_waits_for_an_event(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    with Actor() as worker:
        running = worker.begin(run_loop.reactor.run)
        run_loop.offer(HIT)
        wait_until(lambda: len(run_loop.reactor) == 1)
        assert not running.ended
        run_loop.offer(ASKED)
        assert running.result()[5] == ASKED


def test_a_halted_reactor_returns_and_can_run_again(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    with Actor() as worker:
        running = worker.begin(run_loop.reactor.run)
        run_loop.offer(*[HIT] * 50)
        wait_until(lambda: len(run_loop.reactor) == 50)
        run_loop.reactor.halt(True)
        assert running.result() is None
        assert worker.do(run_loop.reactor.run) is None, "it stays halted"
        run_loop.reactor.halt(False)
        running = worker.begin(run_loop.reactor.run)
        run_loop.offer(ASKED)
        assert running.result()[5] == ASKED


def test_a_halted_reactor_still_processes_pending_events_on_request(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.reactor.halt(True)
    run_loop.offer(HIT)
    assert run_loop.reactor.run() is None and len(run_loop.heap) == 1
    assert run_loop.reactor.run_pending(9) == (1, None)


def test_the_gil_is_not_yielded_when_no_event_waits(core: ModuleType) -> None:
    assert RunLoop(core).reactor.yield_gil(10**9) is False


# its parts


def test_a_reactor_gives_its_heap(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    assert run_loop.reactor.heap is run_loop.heap and run_loop.reactor.gil_wait.count == 0


@pytest.mark.native
def test_a_second_reactor_on_a_heap_is_refused_while_the_first_lives(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    parts = run_loop.heap, run_loop.type_table, run_loop.table, run_loop.cells, run_loop.accounts, 4, True
    with pytest.raises(ValueError, match="has a reactor already"):
        core.Reactor(*parts)
    del run_loop.reactor
    gc.collect()
    assert core.Reactor(*parts).heap is run_loop.heap


def wrong(core: ModuleType, **parts: Any) -> Callable[[], object]:
    run_loop = RunLoop(core)
    given = {"heap": core.EventHeap(1), "type_table": run_loop.type_table, "table": run_loop.table,
             "cells": run_loop.cells, "accounts": run_loop.accounts, "capacity": 4, "processes": True}  # fmt: skip
    return lambda: core.Reactor(**(given | parts))


@pytest.mark.native
@pytest.mark.parametrize("name", ["heap", "type_table", "table", "cells"])
@pytest.mark.parametrize("value", [None, SimpleNamespace()])
def test_a_part_of_another_type_is_refused(core: ModuleType, name: str, value: object) -> None:
    with pytest.raises(TypeError):
        wrong(core, **{name: value})()


@pytest.mark.native
def test_the_table_must_fit_the_cells(core: ModuleType) -> None:
    with pytest.raises(ValueError, match="the table is for 1 cells, the state has 2"):
        wrong(core, cells=core.StateCells([1.0] * 2, [0.0] * 2, [9.0] * 2, [False] * 2))()


@pytest.mark.native
def test_there_is_an_account(core: ModuleType) -> None:
    with pytest.raises(ValueError, match="accounts"):
        wrong(core, accounts=[])()
    with pytest.raises(TypeError):
        wrong(core, accounts=[object()])()


@pytest.mark.parametrize("capacity", [0, -1, 2**31])
def test_a_ring_of_no_size_is_refused(core: ModuleType, capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity is"):
        wrong(core, capacity=capacity)()


@pytest.mark.native
def test_a_refused_reactor_leaves_the_heap_free(core: ModuleType) -> None:
    heap = core.EventHeap(1)
    with pytest.raises(ValueError, match="accounts"):
        wrong(core, heap=heap, accounts=[])()
    assert wrong(core, heap=heap)() is not None


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_cannot_be_copied(core: ModuleType, copied: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError):
        copied(RunLoop(core).reactor)


def test_a_cycle_through_a_reactor_is_collected_and_its_heap_let_go(core: ModuleType) -> None:
    run_loop, payload = RunLoop(core), Payload()
    payload.mine = run_loop  # type: ignore[attr-defined]
    run_loop.offer(HIT, ASKED, HIT, payload=payload)
    run_loop.reactor.run_pending(1)
    kept = weakref.ref(payload)
    del run_loop, payload
    gc.collect()
    assert kept() is None


def test_a_victim_is_handed_back_after_the_ring_overwrote_a_result(core: ModuleType) -> None:
    run_loop = RunLoop(core, capacity=3, results=1)
    for key, name in enumerate(("given up", "kept", "victim")):
        run_loop.heap.offer(key, 3, 0, name, REJECT, HIT, 0.5)
    run_loop.reactor.run_pending(2)  # the ring overwrote the first result and has not cleared its place
    run_loop.heap.offer_numbers(run_loop.type_table, array("i", [HIT] * 2), array("d", [0.5] * 2), None, 0, REJECT)
    assert run_loop.heap.offer(9, 3, 0, "newcomer", DROP_OLDEST)[0] == "victim"
    assert [entry[0] for entry in iter(run_loop.heap.pop, None)] == ["newcomer", *[(HIT, 0.5, 0.0)] * 2]
    run_loop.heap.check()
