"""StateTurn: the time in which one holder has a state's object to itself, bare; Turns, whose turn it is."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from ._contract import StateCells
from .errors import InvalidValue, LockOrderError, StateError, TransactionError
from .feed import ChangeFeed
from .live_object import Absorbed, LiveObject, Merged
from .transaction import open_on
from .turn_gate import TurnGate

__all__ = ["StateTurn", "Turns"]


class Turns:
    """A state's object, the lock that lets one holder at a time write it, and those who are told what it wrote."""

    def __init__(self, live: LiveObject, name: str, ground: Any, feed: ChangeFeed) -> None:
        self.live, self.ground, self.feed = live, ground, feed
        self.gate = TurnGate(name)

    def publish(self, why: tuple[str | None, Any], refused: dict[str, str]) -> int:
        """Publish what the object holds; see :class:`LiveObject`."""
        live = self.live
        return live.publish(_Noted(live.cells, self.feed, why) if self.feed.on else live.cells, refused)

    def tell(self) -> None:
        """Tell those who watch; whoever calls this has no turn."""
        if self.feed.on or self.live.cells.changes_waiting:
            self.feed.deliver()

    def refuse_transaction(self) -> None:
        """TransactionError when this thread has the turn: the commit would wait for itself."""
        if self.gate.is_mine():
            raise TransactionError(f"a transaction inside the turn of {self.gate.name}: there, write the object itself")


class _Noted:
    """The cells, with a note of why for those who watch."""

    def __init__(self, cells: StateCells, feed: ChangeFeed, why: tuple[str | None, Any]) -> None:
        self._cells, self._feed, self._why = cells, feed, why

    def absorb(self, *given: Any) -> Absorbed:
        return self._feed.noted(self._cells.absorb, given, self._why)

    def merge(self, *given: Any) -> Merged:
        return self._feed.noted(self._cells.merge, given, (*self._why, given[2]))


class StateTurn:
    """A block in which nobody else writes the state's object: ``with state.turn("handler") as live:``.

    ``live`` is the object itself. At the end, also after an exception, what it holds in the declared fields is
    published as one new version, in one atomic step; readers read the last published one and wait for nobody.
    ``version`` is the published one: at first that of the turn's begin, then that of its end. ``refused`` says
    by field what was not published: there the object has the published value again, and InvalidValue is raised,
    or noted on the exception that the block raises itself. One block; not to be nested on one state.
    """

    __slots__ = ("_event", "_holder", "_inside", "_reason", "_timeout", "_turns", "refused", "version")

    def __init__(
        self, turns: Turns, holder: str | None, timeout_seconds: float | None, reason: str | None, event: Any
    ) -> None:
        self._turns, self._timeout, self._reason, self._event = turns, timeout_seconds, reason, event
        self._holder = threading.current_thread().name if holder is None else holder
        self._inside: bool | None = None
        self.refused: dict[str, str] = {}
        self.version = 0

    def __enter__(self) -> Any:
        """Wait for the turn and return the object; LockTimeout, LockOrderError, TransactionError, InvalidValue."""
        turns = self._turns
        if self._inside is not None:
            raise StateError("a turn is one block; begin another one")
        if open_on(turns.ground):
            raise TransactionError(f"a turn of {turns.gate.name} inside a transaction on the same state")
        self._inside = True
        try:
            turns.gate.acquire(self._holder, self._timeout)
            self.version = turns.live.pull()
        except LockOrderError:  # this thread is inside, by another turn
            self._inside = False
            raise
        except BaseException:
            self._leave()
            raise
        return turns.live.target

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.version = self._turns.publish((self._reason or self._holder, self._event), self.refused)
        finally:
            self._leave()
        self._turns.tell()
        if self.refused:
            self._complain(error)

    def __del__(self) -> None:
        """Leave, if an asynchronous exception came just where the block could not see it."""
        if self._inside:
            self._leave()

    def _leave(self) -> None:
        self._inside = False
        self._turns.gate.leave()

    def _complain(self, error: BaseException | None) -> None:
        text = "; ".join(self.refused.values())
        if error is None:
            raise InvalidValue(text)
        if hasattr(error, "add_note"):  # from Python 3.11 on
            error.add_note(f"at the end of its turn: {text}")
