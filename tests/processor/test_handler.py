"""Handler and its table: families, ``*``, and values that are no handler."""

from __future__ import annotations

from typing import Any

import pytest

from lifeevt import Event, Handler, LifeEventError, ThreadSafeSelfState
from lifeevt.processor.handler import HandlerTable


def nothing(*_: Any) -> None:
    """A stage that does nothing."""


def handlers_of(*names: str) -> dict[str, Handler]:
    return {name: Handler(action=nothing) for name in names}


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("social", "social"),
        ("social_conflict", "social_conflict"),
        ("social_conflict_at_work", "social_conflict"),
        ("social_harmony", "social"),
        ("socialite", "*"),
        ("joy", "*"),
        ("_", "*"),
        ("_social", "*"),
    ],
)
def test_the_exact_name_goes_before_the_longest_family_before_the_star(event_type: str, expected: str) -> None:
    given = handlers_of("social", "social_conflict", "*")
    assert HandlerTable(given).find(event_type) is given[expected]


def test_without_a_star_a_stranger_has_no_handler() -> None:
    assert HandlerTable(handlers_of("social")).find("joy") is None


@pytest.mark.parametrize("given", [None, {}])
def test_without_handlers_nothing_is_found(given: dict[str, Handler] | None) -> None:
    assert HandlerTable(given).find("joy") is None


def test_the_table_does_not_change_with_the_mapping() -> None:
    given = handlers_of("joy")
    table = HandlerTable(given)
    del given["joy"]
    assert table.find("joy") is not None


def test_a_bare_callable_is_an_action_of_event_and_state() -> None:
    seen = []
    handler = HandlerTable({"joy": lambda event, state: seen.append((event, state)) or "done"}).find("joy")
    event, state = Event("joy", 0.5, 0.0), ThreadSafeSelfState({})
    assert handler is not None
    assert (handler.meaning, handler.decision) == (None, None)
    assert handler.action is not None
    assert handler.action(event, "a decision that it does not see", state) == "done"
    assert seen == [(event, state)]


@pytest.mark.parametrize("bad", [None, 5, "handler", object(), []], ids=lambda bad: type(bad).__name__)
def test_a_handler_must_be_callable(bad: Any) -> None:
    with pytest.raises(LifeEventError, match=f"the handler of 'joy' is a {type(bad).__name__}"):
        HandlerTable({"joy": bad})


@pytest.mark.parametrize(
    "stages",
    [{}, {"meaning": 5}, {"meaning": nothing, "decision": "x"}, {"meaning": nothing, "action": 0}],
    ids=lambda stages: "-".join(stages),
)
def test_a_handler_needs_stages_that_can_be_called(stages: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="a handler needs at least one stage, and every stage must be callable"):
        Handler(**stages)


@pytest.mark.parametrize("stage", ["meaning", "decision", "action"])
def test_one_stage_is_enough(stage: str) -> None:
    assert getattr(Handler(**{stage: nothing}), stage) is nothing


class _EmptyAndCallable(list):  # type: ignore[type-arg]
    def __call__(self, *_: Any) -> str:
        return "called"


def test_a_stage_that_counts_as_false_is_still_a_stage() -> None:
    assert Handler(action=_EmptyAndCallable()).action is not None
