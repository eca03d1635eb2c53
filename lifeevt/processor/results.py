"""ResultBuilder: the reflex and the handler of each type, by its id, and results made of records."""

from __future__ import annotations

from collections.abc import Callable

from .._backends import KindTable, Reactor
from .._backends.contract import NO_ROW, SHED_END, Outcome, Result
from ..event import Event
from ..result import EventProcessingResult
from .execution import NO_VALUES, Execution, result_of
from .handler import Bare, HandlerTable
from .reflex import CompiledReflexes, StageValues

__all__ = ["ResultBuilder"]

TAKEN_AT_ONCE = 128  # records become results while they are in the cache, and before the collector looks at them


class ResultBuilder:
    """Tells a reactor the reflex and handler of each type, and turns its records into results. Thread-safe."""

    def __init__(
        self, reactor: Reactor, kinds: KindTable, reflexes: CompiledReflexes, handlers: HandlerTable
    ) -> None:
        self._reactor, self._kinds, self._reflexes, self._handlers = reactor, kinds, reflexes, handlers
        self._words: dict[int, Callable[[Outcome], StageValues]] = {}  # what its reflex said, by kind
        for code in range(len(kinds)):
            self.learn(kinds.name(code), code)

    def helpers(self) -> tuple[Callable[..., Event], Callable[..., StageValues]]:
        """Return what a reactor calls where numbers are not enough: ``make_event`` and ``in_words``."""
        return self.make_event, self.in_words

    def learn(self, name: str, code: int) -> None:
        """Tell the reactor the reflex of a new type, and whether a handler must see its events."""
        row, handler = self._reflexes.row(name), self._handlers.find(name)
        batched = handler is not None and handler.batch is not None  # then its reflex waits with it
        self._words[code] = _silent if row is None else self._reflexes.namer(row)
        self._kinds.answer(code, NO_ROW if row is None or batched else row, handler is not None)
        if handler is not None and not handler.is_async and not batched:
            action = handler.action.call if isinstance(handler.action, Bare) else handler.action
            bare = isinstance(handler.action, Bare)
            self._reactor.attend(code, handler.meaning, handler.decision, action, bare)

    def make_event(self, kind: int, intensity: float, timestamp: float) -> Event:
        """Return the event that came as these numbers."""
        return Event(self._kinds.name(kind), intensity, timestamp)

    def in_words(self, kind: int, outcome: Outcome) -> StageValues:
        """Return the meaning, decision and action of a kind's reflex; None for each when it has none."""
        return self._words[kind](outcome)

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

    def result(self, recorded: Result) -> EventProcessingResult:
        """Make a result of what waited to be read."""
        payload, kind = recorded[0], recorded[3]
        if type(payload) is Execution:
            return payload.result()
        event = payload[0] if type(payload) is list else payload
        if event is None:
            event = self.make_event(kind, recorded[5], recorded[6])
        words = NO_VALUES if recorded[4] == SHED_END else self._words[kind](recorded[10])
        return result_of(recorded, event, words)


def _silent(_: Outcome) -> StageValues:
    return NO_VALUES
