"""A reactor with a CoDel: the events that it sheds itself, those left to Python, and how both end."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from reactors import ASKED, HIT, IGNORED, LEVELS, PROCESSED, SHED, SHRUG, STRANGER, RunLoop, timeless

from lifeevt._backends.contract import MAX_LEVELS, NO_PATTERN, NO_TYPE_ID, REJECT


def instantly(core: ModuleType) -> Any:
    """One that sheds all but the first and the last of each level but 0, when all have waited."""
    return core.CoDel(1, [0] + [1] * (MAX_LEVELS - 1))


def shedding(core: ModuleType, **options: Any) -> RunLoop:
    run_loop = RunLoop(core, **options)
    run_loop.reactor.shed_by(instantly(core))
    return run_loop


def test_all_but_the_first_and_the_last_are_shed(core: ModuleType) -> None:
    run_loop = shedding(core)
    assert [each["status"] for each in run_loop.process(*[SHRUG] * 5)] == [IGNORED, SHED, SHED, SHED, IGNORED]
    assert run_loop.ledger() == (5, 0, 0, (0, 2, 3, 0))


def test_events_of_a_level_without_a_target_are_processed(core: ModuleType) -> None:
    assert {each["status"] for each in shedding(core).process(*[HIT] * 40)} == {PROCESSED}


def test_a_shed_event_has_the_current_version_and_no_outcome(core: ModuleType) -> None:
    run_loop = shedding(core)
    run_loop.type_table.change(HIT, 1, 1_000)
    for number in range(4):
        run_loop.heap.offer(number, 1, 7, f"event {number}", REJECT, HIT, 0.5)
    run_loop.reactor.run_pending(4)
    first, second, third, last = run_loop.taken()
    assert timeless(second) == {
        "payload": "event 1", "sequence": 1, "level": 1, "type_id": HIT, "status": SHED, "intensity": 0.5,
        "timestamp": 0.0, "queued_ns": 7, "outcome": (0.0, NO_PATTERN, (), (), 1, 1),
    }  # fmt: skip
    assert second["started_ns"] == second["finished_ns"] <= third["started_ns"]
    assert (first["outcome"][5], last["outcome"][4]) == (1, 1)


def test_a_shed_event_counts_for_the_limit(core: ModuleType) -> None:
    run_loop = shedding(core)
    run_loop.offer(*[SHRUG] * 5)
    assert [run_loop.reactor.run_pending(limit)[0] for limit in (2, 2, 2, 2)] == [2, 2, 1, 0]


def test_accounts_count_shed_events_without_latency(core: ModuleType) -> None:
    run_loop, met = shedding(core), core.Account()
    run_loop.type_table.account(SHRUG, met)
    run_loop.process(*[SHRUG] * 5)
    assert [(account.shed, account.latency.count) for account in run_loop.accounts] == [(0, 0), (3, 2), (0, 0), (0, 0)]
    assert (met.shed, met.latency.count) == (3, 2)


def test_an_event_that_needs_python_is_shed_without_python(core: ModuleType) -> None:
    run_loop = shedding(core)
    run_loop.offer(*[ASKED] * 4)
    processed, task = run_loop.reactor.run_pending(9)
    assert (processed, task[0], task[6] > 0) == (0, 0, True)
    processed, task = run_loop.reactor.run_pending(9)
    assert (processed, task[0]) == (2, 3), "the last one"
    assert [each["status"] for each in run_loop.taken()] == [SHED, SHED]
    assert run_loop.cells.version == 2


def test_an_event_of_no_known_type_is_shed_without_python(core: ModuleType) -> None:
    run_loop = shedding(core)
    for number in range(3):
        run_loop.heap.offer(number, 2, 7, number, REJECT, NO_TYPE_ID)
    assert run_loop.reactor.run_pending(9)[1][0] == 0
    processed, task = run_loop.reactor.run_pending(9)
    assert (processed, task[0]) == (1, 2)
    assert [(each["payload"], each["type_id"], each["status"]) for each in run_loop.taken()] == [(1, NO_TYPE_ID, SHED)]


def test_the_shedding_of_tracked_events_is_left_to_python(core: ModuleType) -> None:
    run_loop = shedding(core)
    for number in range(4):
        run_loop.heap.offer_tracked(number, 1, 7, number, REJECT, SHRUG, 0.5)
    said = []
    for _ in range(4):
        _, task = run_loop.reactor.run_pending(9)
        assert task[6] == 0
        said.append(run_loop.reactor.admits(task[2], task[3], 100 + len(said)))
    assert said == [True, False, False, True]


def test_a_reactor_with_processing_off_sheds_nothing_itself(core: ModuleType) -> None:
    run_loop = shedding(core, processes=False)
    run_loop.offer(*[SHRUG] * 3)
    for now_ns, admits in ((100, True), (101, False), (102, True)):
        _, task = run_loop.reactor.run_pending(9)
        assert run_loop.reactor.admits(task[2], task[3], now_ns) is admits


def test_an_event_held_for_its_key_is_no_waiting_event(core: ModuleType) -> None:
    run_loop = shedding(core)
    run_loop.offer(*[SHRUG] * 2)
    run_loop.heap.offer_tracked(5, 1, 7, "held", REJECT, SHRUG, 0.5, True)
    assert run_loop.reactor.run_pending(9) == (2, None)
    assert [each["status"] for each in run_loop.taken()] == [IGNORED, SHED]


def test_without_a_codel_every_event_is_processed(core: ModuleType) -> None:
    run_loop = shedding(core)
    run_loop.reactor.shed_by(None)
    assert {each["status"] for each in run_loop.process(*[STRANGER] * 9)} == {IGNORED}
    assert all(run_loop.reactor.admits(level, 0, 10**18) for level in LEVELS for _ in range(9))


@pytest.mark.native
@pytest.mark.parametrize("wrong", [1, "codel", [], object()])
def test_it_sheds_by_nothing_else(core: ModuleType, wrong: object) -> None:
    with pytest.raises(TypeError):
        RunLoop(core).reactor.shed_by(wrong)
