"""Stages: what a handler declares for one type of event, and one run of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..contract import UNSET, Outcome

NO_WORDS = (None, None, None)


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
    """One event on its way through its stages. A stage that is missing or did not return stays UNSET."""

    def __init__(self, type_id: int, outcome: Outcome | None) -> None:
        self._type_id, self._outcome = type_id, outcome
        self.event: Any = None
        self.meaning: Any = UNSET
        self.decision: Any = UNSET
        self.action: Any = UNSET
        self.error: Any = None
        self._stage = "event"

    def run(self, stages: Stages, helpers: Helpers, let_pass: Callable[[], None]) -> None:
        """Run the stages in order; what is more important passes between two of them.

        A stage is given what the one before it returned, or what the event's reflex said in its place.
        """
        state = helpers.state
        if stages.meaning is not None:
            self._stage = "meaning"
            self.meaning = stages.meaning(self.event, state)
            let_pass()
        if stages.decision is not None:
            self._stage = "decision"
            meaning = self._words(helpers)[0] if stages.meaning is None else self.meaning
            self.decision = stages.decision(self.event, meaning, state)
            let_pass()
        if stages.action is not None:
            self._stage = "action"
            if stages.bare:
                self.action = stages.action(self.event, state)
                return
            decision = self._words(helpers)[1] if stages.decision is None else self.decision
            self.action = stages.action(self.event, decision, state)

    def fail(self, helpers: Helpers, error: BaseException) -> None:
        """Note the failure of a stage as text. The worker survives even a helper that fails to find one."""
        try:
            self.error = helpers.on_error(self.event, self._stage, error)
        except Exception as another:
            self.error = f"{error!r}; and then {another!r}"

    def payload(self) -> list[Any]:
        """Return what the record of the event's end keeps."""
        return [self.event, self.meaning, self.decision, self.action, self.error]

    def _words(self, helpers: Helpers) -> Any:
        """Return (meaning, decision, action) of the event's reflex; None for each when it has none."""
        return NO_WORDS if self._outcome is None else helpers.stage_values(self._type_id, self._outcome)
