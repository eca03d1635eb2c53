"""ExclusiveAccess: a block in which one thread alone has the wrapped object; WriteThrough: single writes to it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from .._backends import LockGuard
from .._backends.contract import NO_CAUSE
from ..errors import InvalidValue, TransactionError
from .changes import ChangeFeed
from .field import FieldLayout
from .transaction import open_on
from .wrapped_object import Absorbed, WrappedObject

Applied = tuple[int, tuple[float, ...]]  # the new version, and by how much each number changed


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
        self, state: object, wrapped: WrappedObject, feed: ChangeFeed, holder: str | None, limit_ns: int | None,
        reason: str | None, event: Any,
    ) -> None:  # fmt: skip
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
        if not self.refused:
            return
        text = "; ".join(self.refused.values())
        if error is None:
            raise InvalidValue(text)
        if hasattr(error, "add_note"):  # from Python 3.11 on
            error.add_note(f"at the end of exclusive access: {text}")

    def _absorb_noted(
        self, since: int, held: tuple[Any, ...], kept: tuple[float, ...], places: Any = (), values: Any = ()
    ) -> Absorbed:
        """Absorb, with the reason and the event for watchers."""
        why = self._reason or self._holder, self._event, values
        return self._feed.noted(self._wrapped.cells.absorb, (since, held, kept, places, values), why)


class WriteThrough:
    """The writes of the cells, each made first to the wrapped object, under its lock.

    A write waits while another thread has exclusive access: LockTimeout after the limit. If the object refuses a
    value (InvalidValue), neither the object nor the cells change.
    """

    def __init__(self, wrapped: WrappedObject, layout: FieldLayout, limit_ns: int | None) -> None:
        self._wrapped, self._cells = wrapped, wrapped.cells
        self._numbers = tuple(layout.numbers.items())
        self._limit_ns = limit_ns

    def write(self, index: int, value: float, cause: int = NO_CAUSE) -> int:
        """Store a number; return the new version."""
        version, _ = self.commit(0, [], [index], [value], cause)
        return version

    def add_and_tell(self, indices: Sequence[int], deltas: Sequence[float], cause: int = NO_CAUSE) -> Applied:
        """Add to numbers; return the new version and by how much each changed."""
        with self._access() as wrapped:
            wanted = {place: self._moved(place, delta) for place, delta in zip(indices, deltas, strict=True)}

            def post(held: dict[int, Any]) -> Applied:
                if held == wanted:
                    return self._cells.add_and_tell(indices, deltas, cause)
                return self._absorbed(held, cause)

            applied: Applied = wrapped.write(wanted, post)
            return applied

    def compare_and_set(self, index: int, expected: float, value: float, cause: int = NO_CAUSE) -> int:
        """Store a number if the present one equals ``expected``; return the new version, 0 when it differs."""
        with self._access() as wrapped:
            while wrapped.numbers[index] == expected:
                version, conflicts = self._committed(wrapped.version, [index], [index], [value], cause)
                if not conflicts:
                    return version
                wrapped.pull()
            return 0

    def reach(self, index: int, value: float, upward: bool, cause: int = NO_CAUSE) -> int:
        """Raise a number to ``value``, or lower it, if it is not there yet; return the version then."""
        with self._access() as wrapped:
            present = wrapped.numbers[index]
            if not (value > present if upward else value < present):
                return self._cells.version

            version: int = wrapped.write(
                {index: value}, lambda held: self._cells.reach(index, held[index], upward, cause)
            )
            return version

    def commit(
        self, since: int, watched: Sequence[int], places: Sequence[int], values: list[Any], cause: int = NO_CAUSE
    ) -> tuple[int, tuple[int, ...]]:
        """Store values in one step unless a watched place was written after ``since``; return as the cells do."""
        with self._access():
            if any(self._cells.stamp(place) > since for place in watched):  # before the object changes
                return self._cells.commit(since, watched, places, values, cause)
            return self._committed(since, watched, places, values, cause)

    def _committed(
        self, since: int, watched: Sequence[int], places: Sequence[int], values: list[Any], cause: int
    ) -> tuple[int, tuple[int, ...]]:
        """Commit the values in the form that the object gives them; the list gets the replaced ones in exchange."""
        conflicts: tuple[int, ...] = ()

        def post(held: dict[int, Any]) -> int | None:
            nonlocal conflicts
            values[:] = held.values()
            version, conflicts = self._cells.commit(since, watched, places, values, cause)
            return version or None

        return self._wrapped.write(dict(zip(places, values, strict=True)), post) or 0, conflicts

    def _absorbed(self, held: dict[int, Any], cause: int) -> Applied:
        """Publish the numbers that the object made of a delta; return the version and each difference."""
        before = self._wrapped.numbers
        after = tuple(held.get(place, number) for place, number in enumerate(before))
        version, _ = self._cells.absorb(self._wrapped.version, after, before, (), (), cause)
        return version or self._cells.version, tuple(after[place] - before[place] for place in held)

    def _moved(self, place: int, delta: float) -> float:
        name, field = self._numbers[place]
        return field.moved(name, self._wrapped.numbers[place], delta)

    def _access(self) -> _WriteGuard:
        return _WriteGuard(self._wrapped, f"a write of {threading.current_thread().name}", self._limit_ns)


class _WriteGuard(LockGuard):
    """The block of one write."""

    __slots__ = ("_wrapped",)

    def __init__(self, wrapped: WrappedObject, holder: str, limit_ns: int | None) -> None:
        super().__init__(wrapped.lock, holder, limit_ns)
        self._wrapped = wrapped

    def _opened(self) -> WrappedObject:
        self._wrapped.pull()
        return self._wrapped
