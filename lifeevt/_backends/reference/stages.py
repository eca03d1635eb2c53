"""Stages, the reference: the callables of a handler for one type, and one run of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..contract import UNSET, Outcome

NO_VALUES = (None, None, None)


class Stages(NamedTuple):
    """Meaning, decision and action, each a callable or None; a ``bare`` action is not given the decision."""

    meaning: Any
    decision: Any
    action: Any
    bare: bool


class Helpers(NamedTuple):
    """The state that stages are given, and the functions for steps that need objects; see ``Reactor.set_helpers``."""

    state: Any = None
    make_event: Any = None
    stage_values: Any = None
    on_error: Any = None
    process_task: Any = None


class StagedEvent:
    """One event in its stages. The value of a stage that is missing or did not return stays UNSET."""

    def __init__(self, type_id: int, outcome: Outcome | None) -> None:
        self._type_id, self._outcome = type_id, outcome
        self.event: Any = None
        self.meaning: Any = UNSET
        self.decision: Any = UNSET
        self.action: Any = UNSET
        self.error: Any = None
        self._stage = "event"

    def run(self, stages: Stages, helpers: Helpers, process_more_urgent: Callable[[], None]) -> None:
        """Run the stages in order; more important events pass between two of them.

        A stage gets the value of the stage before it, or of the event's reflex if there is none.
        """
        state = helpers.state
        if stages.meaning is not None:
            self._stage = "meaning"
            self.meaning = stages.meaning(self.event, state)
            process_more_urgent()
        if stages.decision is not None:
            self._stage = "decision"
            meaning = self.meaning
            if stages.meaning is None:
                meaning, _, _ = self._reflex_values(helpers)
            self.decision = stages.decision(self.event, meaning, state)
            process_more_urgent()
        if stages.action is not None:
            self._stage = "action"
            if stages.bare:
                self.action = stages.action(self.event, state)
                return
            decision = self.decision
            if stages.decision is None:
                _, decision, _ = self._reflex_values(helpers)
            self.action = stages.action(self.event, decision, state)

    def fail(self, helpers: Helpers, error: BaseException) -> None:
        """Note the failure of a stage as text, also when the helper that makes the text fails."""
        try:
            self.error = helpers.on_error(self.event, self._stage, error)
        except Exception as another:
            self.error = f"{error!r}; and then {another!r}"

    def payload(self) -> list[Any]:
        """Return the payload of the record of the event's end."""
        return [self.event, self.meaning, self.decision, self.action, self.error]

    def _reflex_values(self, helpers: Helpers) -> Any:
        """Return (meaning, decision, action) of the event's reflex; None for each when it has none."""
        return NO_VALUES if self._outcome is None else helpers.stage_values(self._type_id, self._outcome)
