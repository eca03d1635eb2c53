"""ChangeFeed: turns the cells' change log into changes, in order, and calls the watchers with them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from types import TracebackType
from typing import Any, TypeVar

from .._backends import StateCells, fork
from .._backends.contract import Change
from .field import Field
from .snapshot import StateSnapshot

__all__ = ["ChangeFeed", "StateChange", "Subscription"]

logger = logging.getLogger("lifeevt")
REFLEX = "reflex"
FIRST_TICKET = -2  # a cause of the cells that is no event's number, and not NO_CAUSE

Watcher = Callable[["StateChange"], object]
Why = tuple[Any, ...]  # reason, event, and the list in which a write exchanges values, if it does
Result = TypeVar("Result")


@dataclass(frozen=True)
class StateChange:
    """What one write did: its ``version``, and the fields that it wrote ``before`` and ``after``.

    Both are snapshots of these fields alone. ``reason`` and ``event`` are what the writer gave; of a reflex
    the reason is ``"reflex"`` and the event the sequence number, as results have it. Immutable.
    """

    version: int
    before: StateSnapshot
    after: StateSnapshot
    reason: str | None = None
    event: Any = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that were written, also when they kept their value."""
        return tuple(self.after)


class Subscription:
    """A watcher's place in the feed, until ``close``; also a context manager. Thread-safe."""

    def __init__(self, feed: ChangeFeed, watcher: Watcher, names: frozenset[str] | None, since: int) -> None:
        self._feed, self._watcher, self._names, self._since = feed, watcher, names, since

    def close(self) -> None:
        """Hear of no further change; one that is being told just now may still come. Idempotent."""
        self._feed.unsubscribe(self)

    def wants(self, change: StateChange) -> bool:
        """Return whether this watcher is to be told of ``change``."""
        fresh = change.version > self._since
        return fresh and (self._names is None or not self._names.isdisjoint(change.fields))

    def tell(self, change: StateChange) -> bool:
        """Call the watcher; an exception of its own is logged. Return whether it did without."""
        try:
            self._watcher(change)
        except Exception:  # the writer, who calls us, has nothing to do with it
            logger.exception("a watcher failed at version %d", change.version)
            return False
        return True

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Note:
    """What a writer says of its write before it makes it."""

    __slots__ = ("after", "before", "done", "event", "reason")

    def __init__(self, reason: str | None, event: Any, exchanged: list[Any] | None = None) -> None:
        self.reason, self.event = reason, event
        self.before = [] if exchanged is None else exchanged  # the write puts the replaced values there
        self.after = tuple(self.before)
        self.done: int | None = None  # the state's version when the write was over


class ChangeFeed:
    """The changes of one state: to watchers, in order, and into a bounded history.

    ``deliver`` is called by whoever wrote, after the write and without any lock. One thread delivers at a
    time; who comes meanwhile leaves its change to that one, which looks again before it goes: none is lost,
    and none overtakes. Thread-safe.
    """

    def __init__(self, cells: StateCells, names: Sequence[str], numbers: Mapping[str, Field], history: int) -> None:
        if history < 0:
            raise ValueError(f"history is {history}; it must be 0 or more")
        self._cells, self._names, self._numbers = cells, names, numbers
        self._keeps = history > 0
        self._history: deque[StateChange] = deque(maxlen=history)
        self._subscriptions: tuple[Subscription, ...] = ()
        self._notes: dict[int, _Note] = {}
        self._tickets = count(FIRST_TICKET, -1)
        self._backlog: deque[tuple[StateChange, list[Subscription]]] = deque()
        self._telling = threading.Lock()
        self._changing = threading.Lock()
        self._errors = 0
        fork.renew_locks(self, "_telling", "_changing")
        self.on = False
        self._switch()

    @property
    def errors(self) -> int:
        """How many calls of watchers raised."""
        return self._errors

    # --- for those who watch

    def subscribe(self, watcher: Watcher, names: Iterable[str] | None) -> Subscription:
        """Tell ``watcher`` of every change from now on that writes one of ``names``; all when None."""
        with self._changing:
            self._cells.record(True)
            wanted = None if names is None else frozenset(names)
            made = Subscription(self, watcher, wanted, self._cells.version)
            self._subscriptions = (*self._subscriptions, made)
            self._switch()
            return made

    def unsubscribe(self, subscription: Subscription) -> None:
        """Tell this watcher nothing more."""
        with self._changing:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)
            self._switch()

    def history(self) -> list[StateChange]:
        """Return the changes kept, oldest first. O(history)."""
        self.deliver()
        return list(self._history.copy())

    def _switch(self) -> None:
        self.on = self._keeps or bool(self._subscriptions)
        self._cells.record(self.on)

    # --- for those who write

    def noted(self, write: Callable[..., Result], given: Sequence[Any], why: Why) -> Result:
        """Call a write of the cells with its cause, which stands for ``why``, and return what it returns.

        A result that is 0, or begins with it, has written nothing.
        """
        ticket, wrote = next(self._tickets), False
        self._notes[ticket] = note = _Note(*why)
        try:
            made = write(*given, ticket)
            wrote = bool(made[0] if isinstance(made, tuple) else made)
            return made
        finally:
            if wrote:
                note.done = self._cells.version
            else:  # there is no change to wait for
                self._notes.pop(ticket, None)

    def deliver(self) -> None:
        """Tell everybody of every change so far, unless another thread is at it and will. Calls watchers."""
        while (self._cells.changes_waiting or self._backlog) and self._telling.acquire(blocking=False):
            try:
                self._tell_all()
            finally:
                self._telling.release()

    def _tell_all(self) -> None:
        self._collect()
        while self._backlog:
            change, left = self._backlog[0]
            while left:
                self._errors += not left.pop(0).tell(change)
            self._backlog.popleft()
            if not self._backlog:
                self._collect()

    def _collect(self) -> None:
        """Move the logged changes into the backlog; a version's changes are never taken apart."""
        taken = self._cells.take_changes()
        for version, changes in groupby(taken, key=lambda change: change[0]):
            change = self._made(version, list(changes))
            self._history.append(change)
            self._backlog.append((change, [each for each in self._subscriptions if each.wants(change)]))
        if taken:
            self._forget(taken[-1][0])

    def _forget(self, version: int) -> None:
        """Forget the notes of writes that changed nothing: over at ``version``, and not logged so far."""
        over = [ticket for ticket, note in list(self._notes.items()) if note.done is not None and note.done <= version]
        for ticket in over:
            self._notes.pop(ticket, None)

    def _made(self, version: int, changes: list[Change]) -> StateChange:
        cause = changes[0][4]
        note = self._notes.pop(cause, None)
        exchanged = [] if note is None else list(zip(note.before, note.after, strict=True))
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for position, (_, place, old, new, _) in enumerate(changes):
            name = self._names[place]
            was, now = self._shown(name, old, new) if name in self._numbers else exchanged[position]
            before.setdefault(name, was)
            after[name] = now
        reason, event = (note.reason, note.event) if note else (REFLEX, cause) if cause >= 0 else (None, None)
        earlier, later = StateSnapshot.of_stored(version - 1, before), StateSnapshot.of_stored(version, after)
        return StateChange(version, earlier, later, reason, event)

    def _shown(self, name: str, old: float, new: float) -> tuple[float, float]:
        field = self._numbers[name]
        return field.shown(old), field.shown(new)
