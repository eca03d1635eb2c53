"""Stages that a reactor runs itself: their arguments, their results, and urgent events between two of them."""

from __future__ import annotations

from array import array
from types import ModuleType
from typing import Any

import pytest
from reactors import ASKED, HIT, PROCESSED, STRANGER, RunLoop

from lifeevt._backends.contract import NO_ROW, REJECT, UNSET

DEAD_LETTERED = 4


class Helpers:
    """The helpers of a reactor; they record each call."""

    def __init__(self, run_loop: RunLoop) -> None:
        self.calls: list[tuple[Any, ...]] = []
        run_loop.reactor.set_helpers("state", self.make_event, self.stage_values, self.on_error, self.process_task)

    def make_event(self, type_id: int, intensity: float, timestamp: float) -> Any:
        return "made", type_id, intensity, timestamp

    def stage_values(self, type_id: int, outcome: Any) -> Any:
        return "meant", "decided", "acted"

    def on_error(self, event: Any, stage: str, error: BaseException) -> str:
        self.calls.append((event, stage, type(error)))
        return f"{stage} failed"

    def process_task(self, task: Any) -> None:
        self.calls.append(task)


def served(core: ModuleType, **more: Any) -> tuple[RunLoop, Helpers]:
    run_loop = RunLoop(core, **more)
    return run_loop, Helpers(run_loop)


def echo(name: str) -> Any:
    return lambda *given: (name, *given)


def fail(*_: Any) -> None:
    raise LookupError("mine")


def test_each_stage_is_given_the_value_of_the_one_before_it(core: ModuleType) -> None:
    run_loop, _ = served(core)
    run_loop.reactor.set_stages(ASKED, echo("m"), echo("d"), echo("a"), False)
    (result,) = run_loop.process(ASKED)
    meaning = ("m", 0, "state")
    decision = ("d", 0, meaning, "state")
    assert result["payload"] == [0, meaning, decision, ("a", 0, decision, "state"), None]
    assert (result["status"], result["outcome"]) == (PROCESSED, (0.5, 1, (-10.0,), (-10.0,), 0, 1))
    assert run_loop.ledger() == (1, 0, 0, (1, 0, 0, 0))


def test_a_bare_action_is_not_given_the_decision(core: ModuleType) -> None:
    run_loop, _ = served(core)
    run_loop.reactor.set_stages(ASKED, None, None, echo("a"), True)
    assert run_loop.process(ASKED)[0]["payload"] == [0, UNSET, UNSET, ("a", 0, "state"), None]


def test_a_missing_stage_leaves_its_word_to_the_reflex(core: ModuleType) -> None:
    run_loop, _ = served(core)
    run_loop.reactor.set_stages(ASKED, None, echo("d"), None, False)
    assert run_loop.process(ASKED)[0]["payload"][2] == ("d", 0, "meant", "state")
    run_loop.reactor.set_stages(ASKED, None, None, echo("a"), False)
    assert run_loop.process(ASKED)[0]["payload"][3] == ("a", 0, "decided", "state")


def test_without_a_reflex_there_is_no_word(core: ModuleType) -> None:
    run_loop, _ = served(core)
    run_loop.type_table.set_reflex(ASKED, NO_ROW, True)
    run_loop.reactor.set_stages(ASKED, None, echo("d"), None, False)
    (result,) = run_loop.process(ASKED)
    assert result["payload"][2] == ("d", 0, None, "state") and result["status"] == PROCESSED


def test_an_event_of_numbers_is_made_for_the_stages(core: ModuleType) -> None:
    run_loop, _ = served(core)
    run_loop.reactor.set_stages(ASKED, None, None, echo("a"), True)
    numbers = array("i", [ASKED]), array("d", [0.25]), array("d", [9.0])
    run_loop.heap.offer_numbers(run_loop.type_table, *numbers, 7, REJECT)
    run_loop.reactor.run_pending(1)
    (result,) = run_loop.taken()
    assert result["payload"][0] == ("made", ASKED, 0.25, 9.0)
    assert (result["intensity"], result["timestamp"]) == (0.25, 9.0)


@pytest.mark.parametrize(("place", "stage"), list(enumerate(["meaning", "decision", "action"])))
def test_a_stage_that_raises_ends_its_event_and_not_the_reactor(core: ModuleType, place: int, stage: str) -> None:
    run_loop, helpers = served(core)
    stages = [echo("m"), echo("d"), echo("a")]
    stages[place] = fail
    run_loop.reactor.set_stages(ASKED, *stages, False)
    run_loop.offer(ASKED)
    run_loop.heap.offer(1, 3, 7, "behind", REJECT, HIT, 0.5)
    assert run_loop.reactor.run_pending(9) == (2, None)
    dead, alive = run_loop.taken()
    assert (dead["status"], dead["payload"][4], alive["status"]) == (DEAD_LETTERED, f"{stage} failed", PROCESSED)
    assert helpers.calls == [(0, stage, LookupError)] and dead["payload"][place + 1] is UNSET


def test_a_teller_that_fails_does_not_end_the_reactor_either(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.reactor.set_helpers(None, None, None, fail, None)
    run_loop.reactor.set_stages(ASKED, fail, None, None, False)
    assert "and then LookupError" in run_loop.process(ASKED)[0]["payload"][4]


def test_a_base_exception_is_raised_once_its_event_has_ended(core: ModuleType) -> None:
    run_loop, _ = served(core)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    run_loop.reactor.set_stages(ASKED, None, None, interrupt, True)
    run_loop.offer(ASKED, HIT)
    with pytest.raises(KeyboardInterrupt):
        run_loop.reactor.run_pending(9)
    assert [each["status"] for each in run_loop.taken()] == [DEAD_LETTERED]
    assert run_loop.ledger()[:3] == (2, 1, 0)


def test_more_important_events_pass_between_two_stages(core: ModuleType) -> None:
    run_loop, helpers = served(core)
    seen: list[int] = []

    def meaning(event: Any, state: Any) -> None:
        run_loop.heap.offer(-3, 0, 0, "urgent", REJECT, HIT, 0.5)
        run_loop.heap.offer(-2, 2, 0, "asked", REJECT)
        run_loop.heap.offer(-1, 3, 0, "equal", REJECT, HIT, 0.5)

    run_loop.reactor.set_stages(ASKED, meaning, lambda *_: seen.append(len(run_loop.reactor)), None, False)
    run_loop.heap.offer(0, 3, 0, "first", REJECT, ASKED, 0.5)
    run_loop.reactor.run_pending(1)
    assert seen == [1], "the urgent one was processed, and the equal one was not"
    assert [task[0] for task in helpers.calls] == ["asked"]
    assert run_loop.taken()[0]["payload"] == "urgent"
    assert [entry[0] for entry in iter(run_loop.heap.pop, None)] == ["equal"]


def test_a_reactor_with_processing_off_runs_no_stage(core: ModuleType) -> None:
    run_loop, _ = served(core, processes=False)
    run_loop.reactor.set_stages(ASKED, fail, fail, fail, False)
    run_loop.offer(ASKED)
    assert run_loop.reactor.run_pending(1)[1][5] == ASKED


def test_the_account_counts_the_time_of_stages(core: ModuleType) -> None:
    run_loop, _ = served(core)
    run_loop.reactor.set_stages(ASKED, None, None, echo("a"), True)
    results = run_loop.process(ASKED, STRANGER)
    assert [account.latency.count for account in run_loop.accounts] == [0, 0, 1, 1]
    assert run_loop.accounts[3].latency.total == results[0]["finished_ns"] - 7
