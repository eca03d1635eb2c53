"""Batches: the events that wait for others of their handler, and which of them go before what is queued."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .._backends import fork
from .._backends.contract import MAX_LEVELS, NO_KIND, Entry, Task
from ..queue import AsyncEventQueue
from ..scheduler import EventScheduler
from .batch_policy import NEVER, Batch
from .execution import Answer
from .handler import Handler, HandlerTable

__all__ = ["Batches", "Collected"]


class Collected(NamedTuple):
    """An event that left the queue and has not begun."""

    answer: Answer
    task: Task

    @property
    def entry(self) -> Entry:
        """What stood in the queue."""
        return self.task[:5]


class Batches(fork.Forked):
    """The batches of one engine, by handler.

    Whoever processes events collects and takes, one thread at a time; all the rest is thread-safe. ``on_change()`` is
    called, outside of any lock, when another instant may be the first at which a batch is due; ``is_answering()`` says
    whether the calling thread processes events. O(handlers with a batch) unless it says otherwise.
    """

    def __init__(
        self,
        queue: AsyncEventQueue,
        scheduler: EventScheduler,
        handlers: HandlerTable,
        is_answering: Callable[[], bool],
    ) -> None:
        self._queue, self._scheduler, self._handlers, self._is_answering = queue, scheduler, handlers, is_answering
        self.on_change: Callable[[], None] | None = None
        self.waiting = 0  # how many events; a plain number, since it is looked at for every event
        self._lock = threading.Lock()
        fork.renew_locks(self, "_lock")
        fork.keep(self)
        self._batches: dict[int, tuple[Handler, Batch[Collected]]] = {}  # by the handler's id
        self._hurries, self._soonest_ns = 0, NEVER

    # --- for who processes events

    def collect(self, handler: Handler, answer: Answer, task: Task) -> bool:
        """Let an event wait for others of its handler; whether the batch must be answered at once, being full."""
        now_ns, key_ns, level = self._queue.clock.now_ns(), task[1], task[2]
        with self._lock:
            batch = self._batch_of(handler)
            batch.add(Collected(answer, task), key_ns, level, now_ns)
            self.waiting += 1
            full, due_ns = batch.is_full(self._most), self._due_ns(batch)
            sooner = due_ns < self._soonest_ns
            if sooner:
                self._soonest_ns = due_ns
        if sooner and not full:
            self._tell()
        return full

    def next(self, above: int = MAX_LEVELS) -> Handler | None:
        """Return whose batch is due and goes before all that may leave the queue, both of levels below ``above``.

        None while the next to leave the queue is of the same handler: that is to be taken in. O(log n).
        """
        if not self.waiting or (now_ns := self._queue.clock.now_ns()) < self._soonest_ns:
            return None
        found = self._first(above, now_ns)
        if found is None:
            return None
        handler, place = found
        head = self._queue.heap.head()
        if head is None or head[1] >= above:
            return handler
        key_ns, level, kind = head
        joins = kind != NO_KIND and self._handlers.find(self._queue.kinds.name(kind)) is handler
        return None if joins or key_ns + self._scheduler.offsets_ns[level] < place else handler

    def first(self) -> Handler | None:
        """Return whose batch goes before the others, due or not; None when nothing waits."""
        found = self._first(MAX_LEVELS, NEVER)
        return None if found is None else found[0]

    def take(self, handler: Handler) -> list[Collected]:
        """Take out what waits for a handler, in the order of leaving the queue. O(k)."""
        with self._lock:
            taken = self._batch_of(handler).take()
            self.waiting -= len(taken)
            self._look()
        self._tell()
        return taken

    def took(self, handler: Handler, service_ns: int) -> None:
        """Note how long a handler took for a batch: the next one leaves so much time before a deadline."""
        with self._lock:
            self._batch_of(handler).service_ns = service_ns
            self._look()

    # --- for everybody

    def due_ns(self, above: int = MAX_LEVELS) -> int | None:
        """Return when the first batch of a level below ``above`` is due, or None."""
        if not self.waiting:
            return None
        if above == MAX_LEVELS:
            return self._soonest_ns
        with self._lock:
            return min((self._due_ns(batch) for _, batch in self._held(above)), default=None)

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Have every batch be due at once meanwhile."""
        self._hurry(1)
        try:
            yield
        finally:
            self._hurry(-1)

    def give_up(self) -> list[Collected]:
        """Take out everything, most urgent first. O(k log k)."""
        with self._lock:
            taken = [each for _, batch in self._batches.values() for each in batch.take()]
            self.waiting = 0
            self._look()
        offsets_ns = self._scheduler.offsets_ns
        return sorted(taken, key=lambda each: (each.task[1] + offsets_ns[each.task[2]], each.task[4]))

    # --- parts

    @property
    def _most(self) -> int:
        return self._scheduler.strategy.batch

    def _batch_of(self, handler: Handler) -> Batch[Collected]:
        known = self._batches.get(id(handler))
        if known is None:
            assert handler.batch is not None
            known = self._batches[id(handler)] = handler, Batch(handler.batch)
        return known[1]

    def _held(self, above: int) -> Iterator[tuple[Handler, Batch[Collected]]]:
        """Those that hold something, and something of a level below ``above``."""
        return (each for each in self._batches.values() if len(each[1]) and each[1].level < above)

    def _due_ns(self, batch: Batch[Collected]) -> int:
        return batch.due_ns(0 if self._hurries else self._most)

    def _first(self, above: int, now_ns: int) -> tuple[Handler, int] | None:
        """Whose batch stands first of those that are due at ``now_ns``, and where."""
        offsets_ns = self._scheduler.offsets_ns
        with self._lock:
            due = [(handler, batch.place(offsets_ns)) for handler, batch in self._held(above)
                   if self._due_ns(batch) <= now_ns]  # fmt: skip
        return min(due, key=lambda each: each[1], default=None)

    def _hurry(self, by: int) -> None:
        with self._lock:
            self._hurries = max(self._hurries + by, 0)
            self._look()
        self._tell()

    def _look(self) -> None:
        """Find the first instant at which a batch is due, from inside."""
        self._soonest_ns = min((self._due_ns(batch) for _, batch in self._batches.values()), default=NEVER)

    def _tell(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def _after_fork_in_child(self) -> None:
        """What waits is the worker's, which only its own thread takes along; nobody else waits for idleness here."""
        self._hurries = 0
        if not self._is_answering():
            self._batches, self.waiting, self._soonest_ns = {}, 0, NEVER
