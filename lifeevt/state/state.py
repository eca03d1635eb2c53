"""ThreadSafeSelfState: declared numbers and values that many threads read and write, each call atomic."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from .._backends import StateBase, StateCells
from ..clock import Clock, SystemClock, limit_in_ns
from ..errors import ConflictError, InvalidValue, StateError, TransactionError
from ..metrics import summarize
from ..serialization import is_number
from .changes import ChangeFeed, StateChange, Subscription
from .exclusive import ExclusiveAccess, WriteThrough
from .field import Field, FieldLayout, Value, checked_number, handed_out, life_fields
from .snapshot import DeltaReport, RestoreReport, StateSnapshot, StateStatistics
from .transaction import Isolation, Transaction, retried
from .wrapped_object import WrappedObject, declared_fields

if TYPE_CHECKING:
    from .persistence import Hooks

ANY_VERSION = 0  # of a commit that watches no field
Result = TypeVar("Result")


class ThreadSafeSelfState(StateBase):
    """Named numbers within bounds, and other values, under one read-write lock that prefers writers.

    Every call is atomic and thread-safe, and blocks only for another call's few operations, never for user code. A
    write of a wrapped object also waits for exclusive access. ``version`` grows by one with every write.

    Args:
        fields: the declarations by name.
        history: how many changes are kept for :meth:`history`.
        measured: keep the times of ``statistics``.
        pause: waits so many seconds between two tries of ``transact`` and ``update``.

    >>> state = ThreadSafeSelfState({"energy": Field(100.0, low=0.0, high=100.0)})
    >>> state.apply_delta({"energy": -1.5}), state["energy"]
    (1, 98.5)
    """

    def __init__(
        self,
        fields: Mapping[str, Field | Value],
        *,
        history: int = 0,
        measured: bool = True,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._layout = FieldLayout(fields)
        self.fields = self._layout.fields
        self._pause = pause
        self._cells = self._layout.make_cells(measured)
        self._feed = ChangeFeed(self._cells, self._layout, history)
        self._writer: StateCells | WriteThrough = self._cells
        self._wrapped: WrappedObject | None = None
        self._attach_fast_path()

    @classmethod
    def life(cls) -> ThreadSafeSelfState:
        """Build a state with Life's numeric fields, defaults and bounds (the table ships as data)."""
        return cls(life_fields())

    @classmethod
    def wrap(
        cls,
        target: Any,
        fields: Mapping[str, Field | Value] | Iterable[str] | None = None,
        *,
        name: str | None = None,
        exclusive_timeout: float | None = None,
        history: int = 0,
        measured: bool = True,
    ) -> ThreadSafeSelfState:
        """Build a state over an object: it publishes the object's fields, and every write reaches the object too.

        The present values are published first. From then on the object is touched under :meth:`exclusive` access
        only, and other writes wait for that. O(size of the values).

        Args:
            target: the object; ``name`` (None: its class) stands for it in errors.
            fields: declarations by name, or names: a number becomes an unbounded Field, anything else a Value. None:
                the fields of a dataclass or pydantic model, else the object's public attributes.
            exclusive_timeout: LockTimeout for a write that waits more seconds for exclusive access.

        Raises:
            UnknownField: the object has no such attribute.
            InvalidValue: a value does not fit its field.
        """
        state = cls(declared_fields(target, fields), history=history, measured=measured)
        wrapped = WrappedObject(target, name or type(target).__name__, state._layout, state._cells, measured)
        state._wrapped = wrapped
        state._writer = WriteThrough(wrapped, state._layout, limit_in_ns(exclusive_timeout))
        state._attach_fast_path(writes=False)
        return state

    # --- reading

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    # --- writing: each is one atomic step and returns the new version

    def store(self, values: Mapping[str, Any], *, reason: str | None = None, event: Any = None) -> int:
        """Store several fields, all or none; InvalidValue, UnknownField. O(k)."""
        return self.commit(ANY_VERSION, (), self._layout.kept(values), reason, event)

    def increment(self, name: str, amount: float = 1) -> int:
        """Add to one number, clamped to its bounds; errors as ``apply_delta``. O(1)."""
        return self.apply_delta({name: amount})

    def compare_and_set(self, name: str, expected: Any, value: Any) -> int | None:
        """Store a field if it equals ``expected``; None when it does not. O(1), and the size of a value."""
        field = self._layout.declared(name)
        kept = field.kept(name, value)
        if not isinstance(field, Field):
            return self._replace(name, expected, kept)
        if not is_number(expected) or float(expected) != expected:
            return None
        return self._feed.write(self._writer.compare_and_set, self._layout.places[name], expected, kept) or None

    def update_min(self, name: str, value: float) -> int:
        """Lower a number to ``value``; no write when it is lower already. InvalidValue, UnknownField. O(1)."""
        return self._reach(name, value, upward=False)

    def update_max(self, name: str, value: float) -> int:
        """Raise a number to ``value``; no write when it is higher already. InvalidValue, UnknownField. O(1)."""
        return self._reach(name, value, upward=True)

    def update(self, function: Callable[[Any], Any], field: str | None = None, *, retries: int = 100) -> int:
        """Store the result of ``function``, computed from the state, in one atomic step.

        With ``field`` the function takes that field's value and returns the new one. Without, it takes a transaction
        and returns a mapping of changes, or None. It runs without any lock, and again after another write came
        between, so it should do nothing else. ConflictError after ``retries`` more tries.
        """
        def once(seen: Transaction) -> Transaction:
            if field is None:
                seen.update(function(seen) or {})
            else:
                seen[field] = function(seen[field])
            return seen

        return self.transact(once, retries, "serializable").version

    # --- exclusive access

    def exclusive(
        self,
        holder: str | None = None,
        timeout: float | None = None,
        *,
        reason: str | None = None,
        event: Any = None,
    ) -> ExclusiveAccess:
        """Return exclusive access to the wrapped object, a ``with`` block: see :class:`ExclusiveAccess`. O(fields).

        Args:
            holder: stands in the errors of threads that wait (None: the thread's name).
            timeout: how many seconds the block may wait to begin (None: no limit).
            reason: for watchers of the changes (None: the holder).
            event: for watchers of the changes.

        Raises:
            StateError: at once, when no object is wrapped. The others come at the begin of the block.
            LockTimeout: another thread held the object for ``timeout`` seconds.
            LockOrderError: this thread has exclusive access already.
            TransactionError: this thread is inside a transaction on this state.
        """
        if self._wrapped is None:
            raise StateError("this state wraps no object: exclusive access is for ThreadSafeSelfState.wrap(...)")
        return ExclusiveAccess(self, self._wrapped, self._feed, holder, limit_in_ns(timeout), reason, event)

    # --- transactions

    def transaction(
        self, isolation: Isolation = "snapshot", *, reason: str | None = None, event: Any = None
    ) -> Transaction:
        """Return a transaction, a ``with`` block: see :class:`Transaction`. O(fields) at its begin.

        TransactionError inside exclusive access of this thread, for which the commit would wait.
        """
        if self._wrapped is not None and self._wrapped.lock.is_mine():
            name = self._wrapped.lock.name
            raise TransactionError(f"a transaction inside exclusive access to {name}: write the object itself there")
        return Transaction(self, self._layout, isolation, reason, event)

    def transact(
        self,
        function: Callable[[Transaction], Result],
        retries: int = 10,
        isolation: Isolation = "snapshot",
        *,
        reason: str | None = None,
        event: Any = None,
    ) -> Result:
        """Run ``function`` in a transaction, again after each conflict, and return its result.

        Between two tries it pauses for 25-50 microseconds, doubled each time up to 50 milliseconds.
        ConflictError after ``retries`` more tries; any other exception ends it, and nothing is written.
        """
        def begin() -> Transaction:
            return self.transaction(isolation, reason=reason, event=event)

        return retried(begin, function, retries, self._pause)

    def commit(
        self, since: int, watched: Iterable[str], changes: Mapping[str, Any], reason: str | None, event: Any
    ) -> int:
        """Store kept values in one step, unless a watched field was written after ``since``. For transactions.

        ``changes`` has the results of ``Field.kept`` and ``Value.kept``. ConflictError names the fields. O(k).
        """
        layout, values = self._layout, list(changes.values())
        places, watched_places = list(map(layout.place, changes)), [layout.places[name] for name in watched]
        why = reason, event, values
        version, conflicts = self._feed.write(self._writer.commit, since, watched_places, places, values, why=why)
        if conflicts:
            raise ConflictError(tuple(layout.names[place] for place in conflicts), since, self.version)
        return version

    # --- changes

    def watch(self, watcher: Callable[[StateChange], object], fields: Iterable[str] | None = None) -> Subscription:
        """Call ``watcher`` with every change from now on that writes one of ``fields`` (all when None).

        Calls come in the order of versions, one at a time, outside of any lock. Mostly the writing thread makes them,
        soon after the write; it does not wait while another thread makes them. The watcher may write the state; it
        gets that change afterwards. Its exceptions are logged and counted. With a watcher a write costs several
        times as much. UnknownField.
        """
        names = None if fields is None else [name for name in fields if self._layout.place(name) >= 0]
        return self._feed.subscribe(watcher, names)

    def history(self) -> list[StateChange]:
        """Return the last changes, oldest first, as many as the state was built to keep. O(history)."""
        return self._feed.history()

    def deliver_changes(self) -> None:
        """Call the watchers with the writes of reflexes so far. Does not wait. The engine calls it."""
        self._feed.deliver()

    # --- files

    def save(self, path: str | os.PathLike[str], *, encode: Hooks | None = None, clock: Clock | None = None) -> int:
        """Write all fields of one version to a file, safe from crashes, and return that version.

        The file is one line of JSON with a checksum; the one before it is kept as ``path.previous``. Blocks for the
        disk, without any lock. O(size).

        Args:
            path: the file.
            encode: by field, a function that turns its value into JSON.
            clock: gives the wall time in the file.

        Raises:
            SerializationError: a value would not come back equal.
            UnknownField: a hook is for an unknown field.
            OSError: the folder or the disk refuses.
        """
        from .persistence import save_fields  # lazy: most programs save no state

        seen = self.snapshot()
        save_fields(path, seen, seen.version, (clock or SystemClock()).wall_time(), encode)
        return seen.version

    def load(self, path: str | os.PathLike[str], *, decode: Hooks | None = None) -> RestoreReport:
        """Store all fields of a file in one step, or those of ``path.previous`` if the file is not whole.

        Fields that the file does not have stay as they are. ``decode`` undoes ``encode``. After an error nothing is
        changed. O(size).

        Raises:
            StateFileError: neither file is whole.
            StateFileMissing: there is neither.
            UnknownField: the file, or a hook, names a field that the state does not have.
            InvalidValue: a field refuses its value.
        """
        from .persistence import checked_hooks, load_fields  # lazy: most programs load no state

        values, report = load_fields(path, checked_hooks(decode, self.fields))
        self.store(values)
        return report

    # --- observation

    @property
    def cells(self) -> StateCells:
        """The backend's cells, the numbers first, for code that is compiled against this state."""
        return self._cells

    @property
    def numbers(self) -> Mapping[str, Field]:
        """The numeric fields, in the order of their cells."""
        return self._layout.numbers

    def statistics(self) -> StateStatistics:
        """Return a frozen snapshot of the counters and of the lock's times. O(buckets)."""
        cells, (reads, writes) = self._cells, self._cells.counts()
        waits, holds = summarize(cells.waits), summarize(cells.holds)
        exclusive = None if self._wrapped is None else self._wrapped.lock.statistics()
        return StateStatistics(self.version, reads, writes, cells.conflicts, self._feed.errors, waits, holds, exclusive)

    # --- calls that the fast path leaves to Python

    def _attach_fast_path(self, writes: bool = True) -> None:
        places = {name: self._layout.places[name] for name in self.numbers}
        integers = bytes(field.integer for field in self.numbers.values())
        self._attach(self._cells, places, integers, StateSnapshot, writes)

    def _read_slowly(self, name: str) -> Any:
        place, numbers = self._layout.place(name), self._layout.numbers
        if place < len(numbers):
            return numbers[name].shown(self._cells.read(place))
        return handed_out(self._cells.read_object(place))

    def _store_slowly(self, name: str, value: Any) -> None:
        field = self._layout.declared(name)
        kept = field.kept(name, value)
        if isinstance(field, Field):
            self._feed.write(self._writer.write, self._layout.places[name], kept)
        else:
            self.commit(ANY_VERSION, (), {name: kept}, None, None)

    def _apply_delta_slowly(
        self, delta: Mapping[str, float], report: bool, reason: str | None, event: Any
    ) -> int | DeltaReport:
        places = list(map(self._layout.number_place, delta))
        amounts = [checked_number(name, amount) for name, amount in delta.items()]
        try:
            version, applied = self._feed.write(self._writer.add_and_tell, places, amounts, why=(reason, event))
        except InvalidValue:  # of a wrapped object
            raise
        except ValueError as error:  # a number that rejects leaves its bounds
            text, place = error.args
            raise InvalidValue(f"{self._layout.names[place]}: {text}") from None
        if not report:
            return version
        return DeltaReport(version, dict(delta), dict(zip(delta, applied, strict=True)))

    def _snapshot_slowly(self) -> StateSnapshot:
        version, numbers, objects = self._cells.read_whole()
        stored: list[Any] = [*numbers, *objects]
        for place in self._layout.integers:
            stored[place] = int(stored[place])
        return StateSnapshot.of_stored(version, {name: stored[place] for name, place in self._layout.places.items()})

    # --- parts of a write

    def _reach(self, name: str, value: float, *, upward: bool) -> int:
        kept = self._layout.number(name).kept(name, value)
        return self._feed.write(self._writer.reach, self._layout.places[name], kept, upward)

    def _replace(self, name: str, expected: Any, kept: Any) -> int | None:
        """Store a kept value if the present one equals ``expected``, by the user's ``==``, which runs outside locks."""
        while True:
            since = self.version
            if handed_out(self._cells.read_object(self._layout.places[name])) != expected:
                return None
            with suppress(ConflictError):
                return self.commit(since, (name,), {name: kept}, None, None)

    def __reduce__(self) -> NoReturn:
        raise StateError("a live state cannot be copied or pickled; take a snapshot")
