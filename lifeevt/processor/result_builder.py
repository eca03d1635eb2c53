"""ResultBuilder: makes results of the reactor's records, by the reflex and the handler of each type id."""

from __future__ import annotations

from collections.abc import Callable

from .._backends import Reactor, TypeTable
from .._backends.contract import NO_ROW, SHED_END, UNSET, Outcome, Record
from ..event import Event
from ..result import EventProcessingResult, Status, filled
from .handler import Bare, HandlerTable
from .reflex import CompiledReflexes, StageValues
from .stages import PRIORITIES, Execution

_STATUSES = tuple(Status)
NO_VALUES: StageValues = (None, None, None)
TAKEN_AT_ONCE = 128  # few enough to be in the cache still, and before a garbage collection


class ResultBuilder:
    """Registers the reflex and handler of each type with a reactor, and makes results of its records. Thread-safe."""

    def __init__(
        self, reactor: Reactor, type_table: TypeTable, reflexes: CompiledReflexes, handlers: HandlerTable
    ) -> None:
        self._reactor, self._type_table, self._reflexes, self._handlers = reactor, type_table, reflexes, handlers
        self._stage_values: dict[int, Callable[[Outcome], StageValues]] = {}  # of a reflex, by type id
        for type_id in range(len(type_table)):
            self.learn(type_table.name(type_id), type_id)

    def learn(self, name: str, type_id: int) -> None:
        """Register the reflex and the handler of a new type."""
        row, handler = self._reflexes.row(name), self._handlers.find(name)
        batched = handler is not None and handler.batch is not None  # then its reflex waits with it
        self._stage_values[type_id] = (lambda _: NO_VALUES) if row is None else self._reflexes.namers[row]
        self._type_table.set_reflex(type_id, NO_ROW if row is None or batched else row, handler is not None)
        if handler is not None and not handler.is_async and not batched:
            action = handler.action.call if isinstance(handler.action, Bare) else handler.action
            bare = isinstance(handler.action, Bare)
            self._reactor.set_stages(type_id, handler.meaning, handler.decision, action, bare)

    def make_event(self, type_id: int, intensity: float, timestamp: float) -> Event:
        """Return the event of these numbers."""
        return Event(self._type_table.name(type_id), intensity, timestamp)

    def stage_values(self, type_id: int, outcome: Outcome) -> StageValues:
        """Return the meaning, decision and action of a type's reflex; None for each when it has none."""
        return self._stage_values[type_id](outcome)

    def results(self, limit: int | None) -> list[EventProcessingResult]:
        """Take up to ``limit`` results (all that wait now when None), oldest first. O(k)."""
        left = len(self._reactor) if limit is None else limit
        found: list[EventProcessingResult] = []
        taken = TAKEN_AT_ONCE
        while left > 0 and taken == TAKEN_AT_ONCE:
            recorded = self._reactor.take(min(left, TAKEN_AT_ONCE))
            found += map(self.result, recorded)
            taken = len(recorded)
            left -= taken
        return found

    def result(self, recorded: Record) -> EventProcessingResult:
        """Return the result of a record."""
        (
            payload, sequence, level, type_id, status, intensity, timestamp, queued_ns, started_ns, finished_ns,
            outcome,
        ) = recorded  # fmt: skip
        if type(payload) is Execution:
            return payload.result()
        meaning, decision, action = NO_VALUES if status == SHED_END else self._stage_values[type_id](outcome)
        event, attempts, error = payload, 0, None
        if type(payload) is list:  # of a handler: the event, the values of its stages, and an error
            attempts = 1
            event, meant, decided, acted, error = payload
            meaning = meaning if meant is UNSET else meant
            decision = decision if decided is UNSET else decided
            action = action if acted is UNSET else acted
        if event is None:
            event = self.make_event(type_id, intensity, timestamp)
        _, _, _, _, version_before, version = outcome
        return filled(
            event, _STATUSES[status], PRIORITIES[level], meaning, decision, action, attempts, error, sequence,
            queued_ns, started_ns, finished_ns, version_before, version,
        )  # fmt: skip
