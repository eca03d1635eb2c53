"""The search explains just the linearizable histories, on histories written by hand."""

from __future__ import annotations

from typing import Any

import pytest
from linearizability.specification import CALLS, MEANINGS, Operation, answer
from linearizability.wing_gong import Call, explanation, overlapping

START = (0, (0.0, 0, ()))


def call(called: int, returned: int, answered: Any, verb: str, *arguments: Any) -> Call:
    return Call(Operation(verb, *arguments), answered, called, returned)


EXPLAINED = {
    "nothing": [],
    "one after the other": [call(0, 1, None, "set", "x", 1.0), call(2, 3, 1.0, "read", "x")],
    "a read under way beside a write may see the old": [
        call(0, 3, None, "set", "x", 1.0),
        call(1, 2, 0.0, "read", "x"),
    ],
    "or the new": [call(0, 3, None, "set", "x", 1.0), call(1, 2, 1.0, "read", "x")],
    "the later of two overlapping writes may come first": [
        call(0, 5, None, "set", "x", 1.0),
        call(1, 4, None, "set", "x", 2.0),
        call(6, 7, 1.0, "read", "x"),
    ],
    "both increments": [
        call(0, 2, 1, "increment", "x", 1),
        call(1, 3, 2, "increment", "x", 1),
        call(4, 5, 2.0, "read", "x"),
    ],
    "one of two compares wins": [
        call(0, 2, None, "compare_and_set", "x", 0.0, 1.0),
        call(1, 3, 1, "compare_and_set", "x", 0.0, 2.0),
    ],
    "a maximum that is reached already makes no version": [
        call(0, 1, 1, "update_max", "x", 3.0),
        call(2, 3, 1, "update_max", "x", 2.0),
    ],
    "a delta is cut at the bound": [call(0, 1, 1, "apply_delta", "", {"n": 30}), call(2, 3, 9, "read", "n")],
    "a snapshot of one moment": [
        call(0, 5, 1, "store", "", {"x": 1.0, "v": (1,)}),
        call(1, 4, (1, 1.0, 0, (1,)), "snapshot"),
    ],
}

UNEXPLAINED = {
    "a lost increment": [
        call(0, 2, 1, "increment", "x", 1),
        call(1, 3, 2, "increment", "x", 1),
        call(4, 5, 1.0, "read", "x"),
    ],
    "a stale read behind a write that has returned": [call(0, 1, None, "set", "x", 1.0), call(2, 3, 0.0, "read", "x")],
    "new, then old, while the write is under way": [
        call(0, 9, None, "set", "x", 1.0),
        call(1, 2, 1.0, "read", "x"),
        call(3, 4, 0.0, "read", "x"),
    ],
    "a torn snapshot": [
        call(0, 5, 1, "store", "", {"x": 1.0, "v": (1,)}),
        call(1, 4, (1, 1.0, 0, ()), "snapshot"),
    ],
    "a snapshot with the version before its values": [
        call(0, 5, 1, "store", "", {"x": 1.0}),
        call(1, 4, (0, 1.0, 0, ()), "snapshot"),
    ],
    "two compares that both win": [
        call(0, 2, 1, "compare_and_set", "x", 0.0, 1.0),
        call(1, 3, 2, "compare_and_set", "x", 0.0, 2.0),
    ],
    "two writes of one version": [call(0, 2, 1, "increment", "x", 1), call(1, 3, 1, "increment", "x", 1)],
    "two readers that disagree about the order of two writes": [
        call(0, 9, None, "set", "x", 1.0),
        call(0, 9, None, "set", "x", 2.0),
        call(1, 2, 1.0, "read", "x"),
        call(3, 4, 2.0, "read", "x"),
        call(1, 2, 1.0, "read", "x"),
        call(5, 6, 1.0, "read", "x"),
    ],
    "an update of what is no longer there": [
        call(0, 5, 2, "update", "x"),
        call(1, 2, None, "set", "x", 4.0),
        call(6, 7, 1.0, "read", "x"),
    ],
    "a transaction that read what was overwritten": [
        call(0, 1, 1, "store", "", {"n": 5}),
        call(2, 3, (0.0, 0, ()), "transact"),
    ],
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_an_explicable_history_is_explained(name: str) -> None:
    calls = EXPLAINED[name]
    found = explanation(calls, START)
    assert found is not None and sorted(map(id, found)) == sorted(map(id, calls))
    contents = START
    for each in found:
        said, contents = answer(each.operation, contents)
        assert said == each.answer


@pytest.mark.parametrize("name", UNEXPLAINED)
def test_an_inexplicable_history_is_not_explained(name: str) -> None:
    assert explanation(UNEXPLAINED[name], START) is None


def test_a_call_comes_after_all_that_had_returned_before_it() -> None:
    first, second = call(0, 1, 1, "increment", "x", 1), call(2, 3, 2, "increment", "x", 1)
    assert explanation([second, first], START) == [first, second]
    assert explanation([first._replace(answer=2), second._replace(answer=1)], START) is None


def test_many_calls_at_once_are_searched_once_for_each_contents_they_lead_to() -> None:
    """Sixteen increments at once: 16! orders, but only 2¹⁶ sets of calls."""
    calls = [call(0, 1, version, "increment", "x", 1) for version in range(1, 17)]
    assert explanation(calls, START) is not None
    assert explanation([*calls, call(2, 3, 15.0, "read", "x")], START) is None


def test_calls_overlap_when_one_is_called_before_another_has_returned() -> None:
    assert overlapping([call(0, 2, None, "read", "x"), call(1, 3, None, "read", "x")])
    assert not overlapping([call(2, 3, None, "read", "x"), call(0, 1, None, "read", "x")])


def test_every_operation_has_a_meaning_and_a_call() -> None:
    assert MEANINGS.keys() == CALLS.keys()
