"""ExclusiveAccess: a block in which one thread alone has the bare object of a state."""

from __future__ import annotations

import threading
from typing import Any

from .._backends import LockGuard
from ..errors import InvalidValue, TransactionError
from .changes import ChangeFeed
from .transaction import open_on
from .wrapped_object import Absorbed, WrappedObject

__all__ = ["ExclusiveAccess"]


class ExclusiveAccess(LockGuard):
    """A block in which no other thread writes the state's object: ``with state.exclusive("handler") as live:``.

    ``live`` is the object itself. The end of the block, also after an exception, publishes the declared fields of the
    object as one new version, in one atomic step. Readers get the last published version and never wait.

    ``version`` is the version published at the begin, and after the block the one at its end. ``refused`` has by
    field the reason why a value was not published. The object gets the published value of such a field back, and
    InvalidValue is raised, or noted on the exception of the block. One block; blocks on one state do not nest.
    """

    __slots__ = ("_event", "_feed", "_reason", "_state", "_wrapped", "refused", "version")

    def __init__(
        self,
        state: object,
        wrapped: WrappedObject,
        feed: ChangeFeed,
        holder: str | None,
        limit_ns: int | None,
        reason: str | None,
        event: Any,
    ) -> None:
        super().__init__(wrapped.lock, threading.current_thread().name if holder is None else holder, limit_ns)
        self._state, self._wrapped, self._feed = state, wrapped, feed
        self._reason, self._event = reason, event
        self.refused: dict[str, str] = {}
        self.version = 0

    def _admit(self) -> None:
        if open_on(self._state):
            raise TransactionError(f"exclusive access to {self._lock.name} inside a transaction on the same state")

    def _opened(self) -> Any:
        self.version = self._wrapped.pull()
        return self._wrapped.target

    def _finish(self) -> bool:
        wrapped, feed = self._wrapped, self._feed
        self.version = wrapped.publish(self._absorb_noted if feed.on else wrapped.cells.absorb, self.refused)
        return bool(feed.on or self.refused or wrapped.cells.changes_waiting)

    def _settle(self, error: BaseException | None) -> None:
        self._feed.deliver()
        if self.refused:
            self._report_refused(error)

    def _absorb_noted(
        self, since: int, held: tuple[Any, ...], kept: tuple[float, ...], places: Any = (), values: Any = ()
    ) -> Absorbed:
        """Absorb, with the reason and the event for watchers."""
        why = self._reason or self._holder, self._event, values
        return self._feed.noted(self._wrapped.cells.absorb, (since, held, kept, places, values), why)

    def _report_refused(self, error: BaseException | None) -> None:
        text = "; ".join(self.refused.values())
        if error is None:
            raise InvalidValue(text)
        if hasattr(error, "add_note"):  # from Python 3.11 on
            error.add_note(f"at the end of exclusive access: {text}")
