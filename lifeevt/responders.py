"""Responders: which reflex and which handler answer each type, by number, and what they did in words."""

from __future__ import annotations

from collections.abc import Callable

from ._contract import NO_ROW, KindTable, Outcome, Reactor, Result
from .answer import NO_WORDS, Answer, Words, result_of
from .event import Event
from .handler import Bare, HandlerTable
from .reflex import CompiledReflexes
from .result import EventProcessingResult

__all__ = ["Responders"]


class Responders:
    """Teaches a reactor who answers each type of event, and turns its numbers back into objects. Thread-safe."""

    def __init__(
        self, reactor: Reactor, kinds: KindTable, reflexes: CompiledReflexes, handlers: HandlerTable
    ) -> None:
        self._reactor, self._kinds, self._reflexes, self._handlers = reactor, kinds, reflexes, handlers
        self._rows: dict[int, int | None] = {}  # which reflex answers, by kind
        for code in range(len(kinds)):
            self.learn(kinds.name(code), code)

    def helpers(self) -> tuple[Callable[..., Event], Callable[..., Words]]:
        """Return what a reactor calls where numbers are not enough: ``make_event`` and ``in_words``."""
        return self.make_event, self.in_words

    def learn(self, name: str, code: int) -> None:
        """Tell the reactor which reflex answers a new type, and whether a handler must see its events."""
        row, handler = self._reflexes.row(name), self._handlers.find(name)
        self._rows[code] = row
        self._kinds.answer(code, NO_ROW if row is None else row, handler is not None)
        if handler is not None:
            action = handler.action.call if isinstance(handler.action, Bare) else handler.action
            bare = isinstance(handler.action, Bare)
            self._reactor.attend(code, handler.meaning, handler.decision, action, bare)

    def make_event(self, kind: int, intensity: float, timestamp: float) -> Event:
        """Return the event that came as these numbers."""
        return Event(self._kinds.name(kind), intensity, timestamp)

    def in_words(self, kind: int, outcome: Outcome) -> Words:
        """Return the meaning, decision and action of a kind's reflex; None for each when it has none."""
        row = self._rows[kind]
        return NO_WORDS if row is None else self._reflexes.answer(row, outcome).words

    def result(self, recorded: Result) -> EventProcessingResult:
        """Make a result of what waited to be read."""
        payload, kind = recorded[0], recorded[3]
        if isinstance(payload, Answer):
            return payload.result()
        event = payload[0] if type(payload) is list else payload
        if event is None:
            event = self.make_event(kind, recorded[5], recorded[6])
        return result_of(recorded, event, self.in_words(kind, recorded[10]))
