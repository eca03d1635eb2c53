"""ChangeFeed: the changes of a state in order, for its watchers and its history."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from operator import itemgetter
from typing import Any, TypeVar

from .._backends import StateCells, fork
from .._backends.contract import Change
from ..errors import logger
from .field import FieldLayout
from .snapshot import StateSnapshot

REFLEX = "reflex"
FIRST_TICKET = -2  # tickets are causes below NO_CAUSE; the cause of a reflex is the number of its event

Watcher = Callable[["StateChange"], object]
Why = tuple[Any, ...]  # reason, event, and for a commit the list in which the cells exchange its objects
Result = TypeVar("Result")
_version_of = itemgetter(Change._fields.index("version"))


@dataclass(frozen=True)
class StateChange:
    """One write: its ``version``, and the written fields ``before`` and ``after`` it. Immutable.

    Both snapshots have the written fields alone. ``reason`` and ``event`` are those of the write. The reason of a
    reflex is ``"reflex"``, and its event the sequence number, as results have it.
    """

    version: int
    before: StateSnapshot
    after: StateSnapshot
    reason: str | None = None
    event: Any = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the written fields, also of those that kept their value."""
        return tuple(self.after)


class Subscription:
    """A watcher of a feed, until ``close``; also a context manager. Thread-safe."""

    def __init__(self, feed: ChangeFeed, watcher: Watcher, names: frozenset[str] | None, since: int) -> None:
        self._feed, self._watcher, self._names, self._since = feed, watcher, names, since

    def close(self) -> None:
        """End the calls of the watcher; one that runs now is not interrupted. Idempotent."""
        self._feed.unsubscribe(self)

    def wants(self, change: StateChange) -> bool:
        """Return whether the change is later than the subscription and writes one of its fields."""
        return change.version > self._since and (self._names is None or not self._names.isdisjoint(change.fields))

    def notify(self, change: StateChange) -> bool:
        """Call the watcher, log its exception, and return whether it raised none."""
        try:
            self._watcher(change)
        except Exception:  # of the watcher; the write that calls it goes on
            logger().exception("a watcher failed at version %d", change.version)
            return False
        return True

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Note:
    """The reason and the event of a write, kept under its ticket until the change log has the write."""

    __slots__ = ("after", "before", "done", "event", "reason")

    def __init__(self, reason: str | None, event: Any, exchanged: list[Any] | None = None) -> None:
        self.reason, self.event = reason, event
        self.before = [] if exchanged is None else exchanged  # the write puts the replaced objects here
        self.after = tuple(self.before)
        self.done: int | None = None  # the state's version after the write


class ChangeFeed:
    """The changes of one state, for watchers and for a bounded history. Thread-safe.

    The cells log each change with a cause: the number of an event, or a ticket that stands for a note of the feed.
    ``deliver`` is called after every write, outside of any lock. One thread delivers at a time. Another thread leaves
    its change in the log, and the delivering thread reads the log again before it returns. So no change is lost, and
    watchers get all changes in order.
    """

    def __init__(self, cells: StateCells, layout: FieldLayout, history: int) -> None:
        if history < 0:
            raise ValueError(f"history is {history}; it must be 0 or more")
        self._cells, self._names, self._numbers = cells, layout.names, layout.numbers
        self._keeps = history > 0
        self._history: deque[StateChange] = deque(maxlen=history)
        self._subscriptions: tuple[Subscription, ...] = ()
        self._notes: dict[int, _Note] = {}
        self._tickets = count(FIRST_TICKET, -1)
        self._backlog: deque[tuple[StateChange, list[Subscription]]] = deque()
        self._delivering = threading.Lock()
        self._subscribing = threading.Lock()
        self.errors = 0  # exceptions of watchers
        fork.renew_locks(self, "_delivering", "_subscribing")
        self.on = False  # whether changes are logged for a watcher or the history
        self._switch()

    # --- watchers and history

    def subscribe(self, watcher: Watcher, names: Iterable[str] | None) -> Subscription:
        """Call ``watcher`` with every change from now on that writes one of ``names``; all when None."""
        with self._subscribing:
            self._cells.record(True)
            wanted = None if names is None else frozenset(names)
            made = Subscription(self, watcher, wanted, self._cells.version)
            self._subscriptions = (*self._subscriptions, made)
            self._switch()
            return made

    def unsubscribe(self, subscription: Subscription) -> None:
        """Remove a subscription, if it is there."""
        with self._subscribing:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)
            self._switch()

    def history(self) -> list[StateChange]:
        """Return the kept changes, oldest first. O(history)."""
        self.deliver()
        return list(self._history.copy())

    def _switch(self) -> None:
        self.on = self._keeps or bool(self._subscriptions)
        self._cells.record(self.on)

    # --- writes

    def write(self, write: Callable[..., Result], *given: Any, why: Why = (None, None)) -> Result:
        """Call a write of the cells, deliver the changes, and return its result."""
        try:
            return self.noted(write, given, why) if self.on else write(*given)
        finally:
            if self.on or self._cells.changes_waiting:  # a watcher may have come meanwhile
                self.deliver()

    def noted(self, write: Callable[..., Result], given: Sequence[Any], why: Why) -> Result:
        """Call a write of the cells with a ticket as its cause, and return its result.

        A result that is 0, or begins with 0, means that nothing was written.
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
            else:
                self._notes.pop(ticket, None)

    def deliver(self) -> None:
        """Call the watchers with every change so far, unless another thread does. Does not wait for that thread."""
        while (self._cells.changes_waiting or self._backlog) and self._delivering.acquire(blocking=False):
            try:
                self._notify_all()
            finally:
                self._delivering.release()

    # --- from the change log to the watchers

    def _notify_all(self) -> None:
        self._collect()
        while self._backlog:
            change, left = self._backlog[0]
            while left:
                self.errors += not left.pop(0).notify(change)
            self._backlog.popleft()
            if not self._backlog:
                self._collect()

    def _collect(self) -> None:
        """Move the logged changes into the backlog. The log is taken under the lock, so a version is never divided."""
        version = 0
        for version, changes in groupby(self._cells.take_changes(), key=_version_of):
            change = self._change_of(version, list(changes))
            self._history.append(change)
            self._backlog.append((change, [each for each in self._subscriptions if each.wants(change)]))
        if version:
            self._forget(version)

    def _forget(self, version: int) -> None:
        """Forget the notes of writes that ended by ``version`` and are not in the log: they changed nothing."""
        over = [ticket for ticket, note in list(self._notes.items()) if note.done is not None and note.done <= version]
        for ticket in over:
            self._notes.pop(ticket, None)

    def _change_of(self, version: int, changes: list[Change]) -> StateChange:
        """Return the StateChange of one version; its logged changes have one cause."""
        _, _, _, _, cause = changes[0]
        note = self._notes.pop(cause, None)
        exchanged = [] if note is None else list(zip(note.before, note.after, strict=True))
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for position, (_, place, old, new, _) in enumerate(changes):
            name = self._names[place]
            field = self._numbers.get(name)
            was, now = (field.shown(old), field.shown(new)) if field else exchanged[position]
            before.setdefault(name, was)
            after[name] = now
        reason, event = (note.reason, note.event) if note else (REFLEX, cause) if cause >= 0 else (None, None)
        earlier, later = StateSnapshot.of_stored(version - 1, before), StateSnapshot.of_stored(version, after)
        return StateChange(version, earlier, later, reason, event)
