"""StateTurn: the time in which one holder has a state's object to itself, bare; Turns, whose turn it is."""

from __future__ import annotations

import threading
from typing import Any

from .._backends import LockGuard
from ..errors import InvalidValue, TransactionError
from .changes import ChangeFeed
from .exclusive_gate import TurnGate
from .live_object import Absorbed, LiveObject
from .transaction import open_on

__all__ = ["StateTurn", "Turns"]


class Turns:
    """A state's object, the gate that lets one holder at a time write it, and those who are told what it wrote."""

    def __init__(
        self, live: LiveObject, name: str, ground: Any, feed: ChangeFeed, measured: bool
    ) -> None:
        self.live, self.ground, self.feed = live, ground, feed
        self.gate = TurnGate(name, measured)

    def refuse_transaction(self) -> None:
        """TransactionError when this thread has the turn: the commit would wait for itself."""
        if self.gate.is_mine():
            raise TransactionError(f"a transaction inside the turn of {self.gate.name}: there, write the object itself")


class StateTurn(LockGuard):
    """A block in which nobody else writes the state's object: ``with state.turn("handler") as live:``.

    ``live`` is the object itself. At the end, also after an exception, what it holds in the declared fields is
    published as one new version, in one atomic step; readers read the last published one and wait for nobody.
    ``version`` is the published one: at first that of the turn's begin, then that of its end. ``refused`` says
    by field what was not published: there the object has the published value again, and InvalidValue is raised,
    or noted on the exception that the block raises itself. One block; not to be nested on one state.
    """

    __slots__ = ("_event", "_reason", "_turns", "refused", "version")

    def __init__(
        self, turns: Turns, holder: str | None, timeout_seconds: float | None, reason: str | None, event: Any
    ) -> None:
        super().__init__(turns.gate, threading.current_thread().name if holder is None else holder, timeout_seconds)
        self._turns, self._reason, self._event = turns, reason, event
        self.refused: dict[str, str] = {}
        self.version = 0

    def _admit(self) -> None:
        if open_on(self._turns.ground):
            raise TransactionError(f"a turn of {self._gate.name} inside a transaction on the same state")

    def _opened(self) -> Any:
        live = self._turns.live
        self.version = live.pull()
        return live.target

    def _finish(self) -> bool:
        live, feed = self._turns.live, self._turns.feed
        self.version = live.publish(self._absorb_noted if feed.on else live.cells.absorb, self.refused)
        return bool(feed.on or self.refused or live.cells.changes_waiting)

    def _settle(self, error: BaseException | None) -> None:
        self._turns.feed.deliver()
        if self.refused:
            self._complain(error)

    def _absorb_noted(
        self, since: int, held: tuple[Any, ...], kept: tuple[float, ...], places: Any = (), values: Any = ()
    ) -> Absorbed:
        """Absorb, with a note of why for those who watch."""
        turns, why = self._turns, (self._reason or self._holder, self._event, values)
        return turns.feed.noted(turns.live.cells.absorb, (since, held, kept, places, values), why)

    def _complain(self, error: BaseException | None) -> None:
        text = "; ".join(self.refused.values())
        if error is None:
            raise InvalidValue(text)
        if hasattr(error, "add_note"):  # from Python 3.11 on
            error.add_note(f"at the end of its turn: {text}")
