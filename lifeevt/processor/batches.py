"""Batches: the events that wait for others of their handler, and their place before the queued events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from .._backends import fork
from .._backends.contract import MAX_LEVELS, NO_TYPE_ID
from ..queue import AsyncEventQueue
from ..scheduler import LARGEST_BATCH, EventScheduler
from .handler import BatchPolicy, Handler, HandlerTable
from .stages import Execution

if TYPE_CHECKING:
    from .worker import ProcessingThread

NEVER = 2**63 - 1
Item = TypeVar("Item")


class Batch(Generic[Item]):
    """Events that wait for their handler together, in the order in which they left the queue.

    A batch has the place of its most urgent event: the least sum of a key and the offset of its level. It is due at
    the end of its window, or earlier: ``service_ns``, the time that its last events took, before the earliest key,
    which is a virtual deadline. Time comes as an argument. One thread at a time. O(levels), ``take`` O(k).
    """

    def __init__(self, policy: BatchPolicy) -> None:
        self._size, self._window_ns = policy.size, policy.window_ns
        self._items: list[Item] = []
        self._keys: dict[int, int] = {}  # the least of each level
        self._began_ns = self._closes_ns = self._least_ns = NEVER
        self.service_ns = 0

    def __len__(self) -> int:
        """Return the number of events in it."""
        return len(self._items)

    @property
    def level(self) -> int:
        """The most important level in it; 16 when it is empty."""
        return min(self._keys, default=MAX_LEVELS)

    def add(self, item: Item, key_ns: int, level: int, now_ns: int) -> None:
        """Add an event that left the queue at ``now_ns``; ValueError when the batch is full."""
        if len(self._items) >= self._size:
            raise ValueError(f"the batch holds its {self._size} events already")
        if not self._items:
            self._began_ns, self._closes_ns, self._least_ns = now_ns, now_ns + self._window_ns, key_ns
        self._items.append(item)
        self._least_ns = min(key_ns, self._least_ns)
        self._keys[level] = min(key_ns, self._keys.get(level, key_ns))

    def is_full(self, most: int = LARGEST_BATCH) -> bool:
        """Return whether it has reached its size, or ``most``, the present limit; an empty one never has."""
        count = len(self._items)
        return count >= self._size or (count >= most and count > 0)

    def due_ns(self, most: int = LARGEST_BATCH) -> int:
        """Return when it is due, given the limit ``most``; NEVER when it is empty."""
        if not self._items:
            return NEVER
        if self.is_full(most):
            return self._began_ns
        return max(min(self._closes_ns, self._least_ns - self.service_ns), self._began_ns)

    def place(self, offsets_ns: Sequence[int]) -> int:
        """Return its place: the least sum of a key and the offset of its level; NEVER when it is empty."""
        return min((key + offsets_ns[level] for level, key in self._keys.items()), default=NEVER)

    def take(self) -> list[Item]:
        """Remove and return all events, in order."""
        taken, self._items, self._keys = self._items, [], {}
        return taken


class Batches(fork.Forked):
    """The batches of one engine, one per handler. O(handlers with a batch) unless a method states another cost.

    Only the thread that processes events collects and takes, one at a time; all other methods are thread-safe.
    """

    def __init__(
        self, queue: AsyncEventQueue, scheduler: EventScheduler, handlers: HandlerTable, thread: ProcessingThread
    ) -> None:
        self._queue, self._scheduler, self._handlers, self._thread = queue, scheduler, handlers, thread
        self._followers: list[Callable[[], None]] = []
        self.waiting = 0  # how many events wait; a plain attribute, since it is read for every event
        self._lock = threading.Lock()
        fork.renew_locks(self, "_lock")
        fork.keep(self)
        self._batches: dict[int, tuple[Handler, Batch[Execution]]] = {}  # by the handler's id
        self._waits_for_all, self._soonest_ns = 0, NEVER

    # --- the thread that processes events

    def collect(self, handler: Handler, execution: Execution) -> bool:
        """Add an event to the batch of its handler; return whether the batch is full, to be processed at once."""
        now_ns = self._queue.clock.now_ns()
        with self._lock:
            batch = self._batch_of(handler)
            batch.add(execution, execution.key, execution.level, now_ns)
            self.waiting += 1
            full, due_ns = batch.is_full(self._scheduler.strategy.batch), self._due_ns(batch)
            sooner = due_ns < self._soonest_ns
            if sooner:
                self._soonest_ns = due_ns
        if sooner and not full:
            self._notify()
        return full

    def next(self, above: int = MAX_LEVELS) -> Handler | None:
        """Return the handler of a due batch that goes before the head of the queue, both of levels below ``above``.

        None if the head of the queue will join that batch. O(log n).
        """
        if not self.waiting or (now_ns := self._queue.clock.now_ns()) < self._soonest_ns:
            return None
        handler, place = self._first(above, now_ns)
        if handler is None or (head := self._queue.heap.head()) is None:
            return handler
        key_ns, level, type_id = head
        if level >= above:
            return handler
        joins = type_id != NO_TYPE_ID and self._handlers.find(self._queue.type_table.name(type_id)) is handler
        return None if joins or key_ns + self._scheduler.offsets_ns[level] < place else handler

    def first(self) -> Handler | None:
        """Return the handler of the batch that goes before the others, due or not; None when no event waits."""
        handler, _ = self._first(MAX_LEVELS, NEVER)
        return handler

    def take(self, handler: Handler) -> list[Execution]:
        """Remove and return the batch of a handler, in the order of leaving the queue. O(k)."""
        with self._lock:
            taken = self._batch_of(handler).take()
            self.waiting -= len(taken)
            self._find_soonest()
        self._notify()
        return taken

    def note_service(self, handler: Handler, service_ns: int) -> None:
        """Note the time that a handler took for a batch; the next one is due so long before a deadline."""
        with self._lock:
            self._batch_of(handler).service_ns = service_ns
            self._find_soonest()

    # --- any thread

    def follow(self, changed: Callable[[], None]) -> None:
        """Call ``changed()``, outside of any lock, when the next instant at which a batch is due may have changed."""
        self._followers.append(changed)

    def due_ns(self, above: int = MAX_LEVELS) -> int | None:
        """Return when the first batch of a level below ``above`` is due, or None."""
        if not self.waiting:
            return None
        if above == MAX_LEVELS:
            return self._soonest_ns
        with self._lock:
            due = (self._due_ns(batch) for _, batch in self._batches.values() if batch.level < above)
            return min(due, default=None)

    @contextmanager
    def all_due(self) -> Iterator[None]:
        """Make every batch due at once within the block."""
        self._count_wait(1)
        try:
            yield
        finally:
            self._count_wait(-1)

    def give_up(self) -> list[Execution]:
        """Remove and return all events, most urgent first. O(k log k)."""
        with self._lock:
            taken = [each for _, batch in self._batches.values() for each in batch.take()]
            self.waiting = 0
            self._find_soonest()
        offsets_ns = self._scheduler.offsets_ns
        return sorted(taken, key=lambda each: (each.key + offsets_ns[each.level], each.sequence))

    # --- parts

    def _batch_of(self, handler: Handler) -> Batch[Execution]:
        if id(handler) not in self._batches:
            assert handler.batch is not None
            self._batches[id(handler)] = handler, Batch(handler.batch)
        _, batch = self._batches[id(handler)]
        return batch

    def _due_ns(self, batch: Batch[Execution]) -> int:
        return batch.due_ns(0 if self._waits_for_all else self._scheduler.strategy.batch)

    def _first(self, above: int, now_ns: int) -> tuple[Handler | None, int]:
        """Return the handler and the place of the first batch below ``above`` that is due at ``now_ns``."""
        offsets_ns = self._scheduler.offsets_ns
        with self._lock:
            due = [(handler, batch.place(offsets_ns)) for handler, batch in self._batches.values()
                   if batch.level < above and self._due_ns(batch) <= now_ns]  # fmt: skip
        return min(due, key=itemgetter(1), default=(None, NEVER))

    def _count_wait(self, by: int) -> None:
        with self._lock:
            self._waits_for_all = max(self._waits_for_all + by, 0)
            self._find_soonest()
        self._notify()

    def _find_soonest(self) -> None:
        self._soonest_ns = min((self._due_ns(batch) for _, batch in self._batches.values()), default=NEVER)

    def _notify(self) -> None:
        for changed in self._followers:
            changed()

    def _after_fork_in_child(self) -> None:
        """Forget the events of a lost thread; they are counted as running, and its Worker cancels them."""
        self._waits_for_all = 0
        if not self._thread.is_here:
            self._batches, self.waiting, self._soonest_ns = {}, 0, NEVER
