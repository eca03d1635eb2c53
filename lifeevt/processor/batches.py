"""Batches: the events that wait for others of their handler, and which of them go before what is queued."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from .._backends import fork
from .._backends.contract import MAX_LEVELS, NO_TYPE_ID
from ..queue import AsyncEventQueue
from ..scheduler import LARGEST_BATCH, EventScheduler
from .execution import Execution
from .handler import BatchPolicy, Handler, HandlerTable
from .thread import ProcessingThread

__all__ = ["Batch", "Batches"]


NEVER = 2**63 - 1
Item = TypeVar("Item")


class Batch(Generic[Item]):
    """Events that wait to be given to their handler together, in the order in which they left the queue.

    A batch stands where its most urgent event would: at the least sum of key and offset of the level. It waits no
    longer than its window, nor past the key, the virtual deadline, of any event in it; it leaves ``service_ns``, what
    its last events took, before that. The time is the caller's. One thread at a time. O(levels), ``take`` O(k).
    """

    def __init__(self, policy: BatchPolicy) -> None:
        self._size, self._window_ns = policy.size, policy.window_ns
        self._items: list[Item] = []
        self._keys: dict[int, int] = {}  # the least of each level
        self._began_ns = self._closes_ns = self._least_ns = NEVER
        self.service_ns = 0

    def __len__(self) -> int:
        """Return how many events it holds."""
        return len(self._items)

    @property
    def level(self) -> int:
        """The most important level in it; 16 when it is empty."""
        return min(self._keys, default=MAX_LEVELS)

    def add(self, item: Item, key_ns: int, level: int, now_ns: int) -> None:
        """Put in an event that left the queue at ``now_ns``. ValueError when it is full."""
        if len(self._items) >= self._size:
            raise ValueError(f"the batch holds its {self._size} events already")
        if not self._items:
            self._began_ns, self._closes_ns, self._least_ns = now_ns, now_ns + self._window_ns, key_ns
        elif key_ns < self._least_ns:
            self._least_ns = key_ns
        self._items.append(item)
        if key_ns < self._keys.get(level, NEVER + 1):
            self._keys[level] = key_ns

    def is_full(self, most: int = LARGEST_BATCH) -> bool:
        """Return whether it holds as many as it may; ``most`` are allowed at present, and one always is."""
        count = len(self._items)
        return count >= self._size or (count >= most and count > 0)

    def due_ns(self, most: int = LARGEST_BATCH) -> int:
        """Return when it must be given at the latest; the end of all time when it is empty."""
        if not self._items:
            return NEVER
        if self.is_full(most):
            return self._began_ns
        return max(min(self._closes_ns, self._least_ns - self.service_ns), self._began_ns)

    def place(self, offsets_ns: Sequence[int]) -> int:
        """Return where it stands when each level stands by its offset behind its keys; behind all when it is empty."""
        return min((key + offsets_ns[level] for level, key in self._keys.items()), default=NEVER)

    def take(self) -> list[Item]:
        """Take everything out, in order."""
        taken, self._items, self._keys = self._items, [], {}
        return taken


class Batches(fork.Forked):
    """The batches of one engine, by handler. O(handlers with a batch) unless a method says otherwise.

    The thread that processes events collects and takes, one at a time; all the rest is thread-safe.
    """

    def __init__(
        self,
        queue: AsyncEventQueue,
        scheduler: EventScheduler,
        handlers: HandlerTable,
        thread: ProcessingThread,
    ) -> None:
        self._queue, self._scheduler, self._handlers, self._thread = queue, scheduler, handlers, thread
        self._followers: list[Callable[[], None]] = []
        self.waiting = 0  # how many events; a plain number, since it is looked at for every event
        self._lock = threading.Lock()
        fork.renew_locks(self, "_lock")
        fork.keep(self)
        self._batches: dict[int, tuple[Handler, Batch[Execution]]] = {}  # by the handler's id
        self._hurries, self._soonest_ns = 0, NEVER

    # --- for the thread that processes events

    def collect(self, handler: Handler, execution: Execution) -> bool:
        """Let an event wait for others of its handler; return whether its batch is full, to be processed at once."""
        now_ns = self._queue.clock.now_ns()
        with self._lock:
            batch = self._batch_of(handler)
            batch.add(execution, execution.key, execution.level, now_ns)
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
        key_ns, level, type_id = head
        joins = type_id != NO_TYPE_ID and self._handlers.find(self._queue.type_table.name(type_id)) is handler
        return None if joins or key_ns + self._scheduler.offsets_ns[level] < place else handler

    def first(self) -> Handler | None:
        """Return whose batch goes before the others, due or not; None when nothing waits."""
        found = self._first(MAX_LEVELS, NEVER)
        return None if found is None else found[0]

    def take(self, handler: Handler) -> list[Execution]:
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

    # --- from any thread

    def follow(self, changed: Callable[[], None]) -> None:
        """Call ``changed()``, outside of any lock, when another instant may be the first at which a batch is due."""
        self._followers.append(changed)

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

    def give_up(self) -> list[Execution]:
        """Take out everything, most urgent first. O(k log k)."""
        with self._lock:
            taken = [each for _, batch in self._batches.values() for each in batch.take()]
            self.waiting = 0
            self._look()
        offsets_ns = self._scheduler.offsets_ns
        return sorted(taken, key=lambda each: (each.key + offsets_ns[each.level], each.sequence))

    # --- parts

    @property
    def _most(self) -> int:
        return self._scheduler.strategy.batch

    def _batch_of(self, handler: Handler) -> Batch[Execution]:
        known = self._batches.get(id(handler))
        if known is None:
            assert handler.batch is not None
            known = self._batches[id(handler)] = handler, Batch(handler.batch)
        return known[1]

    def _held(self, above: int) -> Iterator[tuple[Handler, Batch[Execution]]]:
        """Those that hold something, and something of a level below ``above``."""
        return (each for each in self._batches.values() if len(each[1]) and each[1].level < above)

    def _due_ns(self, batch: Batch[Execution]) -> int:
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
        for changed in self._followers:
            changed()

    def _after_fork_in_child(self) -> None:
        """What waits is the worker's, which only its own thread takes along; nobody else waits for idleness here."""
        self._hurries = 0
        if not self._thread.is_here:
            self._batches, self.waiting, self._soonest_ns = {}, 0, NEVER
