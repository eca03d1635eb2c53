"""ThreadSafeSelfState: declared numbers and values that many threads read and write, each call atomic."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from .._backends import StateBase, StateCells
from ..clock import Clock, SystemClock, limit_in_ns
from ..errors import ConflictError, InvalidValue, StateError, TransactionError, UnknownField
from ..metrics import summarize
from ..serialization import is_number
from .changes import ChangeFeed, StateChange, Subscription, Why
from .exclusive import ExclusiveAccess
from .field import Field, Value, checked_number, handed_out
from .life_table import life_fields
from .persistence import Hooks, RestoreReport, checked_hooks, load_fields, save_fields
from .snapshot import StateSnapshot
from .statistics import DeltaReport, StateStatistics
from .transaction import Isolation, Transaction
from .wrapped_object import WrappedObject, WriteThrough, declared_fields

__all__ = ["ThreadSafeSelfState"]

FIRST_PAUSE_SECONDS = 50e-6  # doubled with each conflict
LONGEST_PAUSE_SECONDS = 50e-3
ANY_VERSION = 0  # a commit that watches nothing need not say since when
Result = TypeVar("Result")


class ThreadSafeSelfState(StateBase):
    """Named numbers within bounds, and other values, under one read-write lock that prefers writers.

    Every call is atomic and thread-safe, and blocks only for another call's few operations, never for user
    code; a write of a wrapped object waits for exclusive access. ``version`` grows by one with every write;
    ``history`` is how many changes are kept for :meth:`history`; ``measured``:
    keep the times of ``statistics``; ``pause`` waits so many seconds between two tries of ``transact`` and ``update``.

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
        self.fields: Mapping[str, Field | Value] = MappingProxyType(dict(fields))
        for name, field in self.fields.items():
            _check_field(name, field)
        self._numbers = {name: field for name, field in self.fields.items() if isinstance(field, Field)}
        self._values = {name: field for name, field in self.fields.items() if isinstance(field, Value)}
        self._names = (*self._numbers, *self._values)  # by their place in the cells
        places = {name: place for place, name in enumerate(self._names)}
        self._index = {name: places[name] for name in self.fields}
        self._integers = [places[name] for name, field in self._numbers.items() if field.integer]
        self._pause = pause
        self._measured = measured
        self._cells = self._make_cells()
        self._feed = ChangeFeed(self._cells, self._names, self._numbers, history)
        self._writer: StateCells | WriteThrough = self._cells
        self._wrapped: WrappedObject | None = None
        self._serve()

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

        ``fields`` are declarations by name, or names: a number becomes an unbounded Field, anything else a Value.
        None: what the object says it has, as dataclasses, pydantic models and public attributes do. What the
        object holds now is published first. From now on it is touched under :meth:`exclusive` access only; other writes
        wait for that, LockTimeout after ``exclusive_timeout`` seconds. ``name`` stands in errors. UnknownField for an
        attribute that is not there, InvalidValue for what its field does not take. O(size of the values).
        """
        state = cls(declared_fields(target, fields), history=history, measured=measured)
        by_place = {each: state.fields[each] for each in state._names}
        state._wrapped = WrappedObject(target, name or type(target).__name__, by_place, state._cells, measured)
        state._writer = WriteThrough(state._wrapped, state._numbers, limit_in_ns(exclusive_timeout))
        state._serve(writes=False)
        return state

    # --- reading

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    # --- writing: each is one atomic step and returns the new version

    def store(self, values: Mapping[str, Any], *, reason: str | None = None, event: Any = None) -> int:
        """Store several fields, all or nothing; InvalidValue, UnknownField. O(k)."""
        changes = {name: self._declared(name).kept(name, value) for name, value in values.items()}
        return self.commit(ANY_VERSION, {}, changes, reason, event)

    def increment(self, name: str, amount: float = 1) -> int:
        """Add to one number, clamped to its bounds; errors as ``apply_delta``. O(1)."""
        return self.apply_delta({name: amount})

    def compare_and_set(self, name: str, expected: Any, value: Any) -> int | None:
        """Store a field if it equals ``expected``; None when it does not. O(1), and the size of a value."""
        field = self._declared(name)
        kept = field.kept(name, value)
        if not isinstance(field, Field):
            return self._replace(name, expected, kept)
        if not is_number(expected) or float(expected) != expected:
            return None
        return self._write(self._writer.compare_and_set, self._index[name], expected, kept) or None

    def update_min(self, name: str, value: float) -> int:
        """Lower a number to ``value`` unless it is lower already, which is no write. O(1)."""
        return self._reach(name, value, upward=False)

    def update_max(self, name: str, value: float) -> int:
        """Raise a number to ``value`` unless it is higher already, which is no write. O(1)."""
        return self._reach(name, value, upward=True)

    def update(self, function: Callable[[Any], Any], field: str | None = None, *, retries: int = 100) -> int:
        """Store what ``function`` makes of the state in one atomic step, as if nobody else wrote meanwhile.

        With ``field`` it gets that field's value and returns the new one; without, it gets a transaction and
        returns a mapping of changes, or None. It runs without any lock and is called again when another
        write came between: it should do nothing else. ConflictError after ``retries`` more tries.
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
        """Return exclusive access to the wrapped object: a ``with`` block that gets it; see :class:`ExclusiveAccess`.

        ``holder`` (None: the thread's name) stands in the errors of threads that wait, and replaces a missing
        ``reason`` in the changes that watchers get. O(fields).

        Raises:
            StateError: at once, when nothing is wrapped. The others come at the begin of the block.
            LockTimeout: another thread had the object for ``timeout`` seconds.
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
        """Return a transaction to be used in a ``with`` block; see :class:`Transaction`. O(fields) at its start."""
        if self._wrapped is not None and self._wrapped.lock.is_mine():  # the commit would wait for this thread
            name = self._wrapped.lock.name
            raise TransactionError(f"a transaction inside exclusive access to {name}: write the object itself there")
        return Transaction(self, isolation, reason, event)

    def transact(
        self,
        function: Callable[[Transaction], Result],
        retries: int = 10,
        isolation: Isolation = "snapshot",
        *,
        reason: str | None = None,
        event: Any = None,
    ) -> Result:
        """Run ``function`` in a transaction and return what it returns; again after each conflict.

        Between two tries it pauses for 25-50 microseconds, doubled each time up to 50 milliseconds.
        ConflictError after ``retries`` more tries; any other exception ends it, and nothing is written.
        """
        for attempt in range(retries):
            try:
                return self._try(function, self.transaction(isolation, reason=reason, event=event))
            except ConflictError:
                self._pause(self._pause_seconds(attempt))
        return self._try(function, self.transaction(isolation, reason=reason, event=event))

    def commit(
        self, since: int, watched: Iterable[str], changes: Mapping[str, Any], reason: str | None, event: Any
    ) -> int:
        """Store what the fields keep, unless a watched one was written after ``since``: for transactions.

        ``changes`` are what ``Field.kept`` and ``Value.kept`` returned. ConflictError names the fields. O(k).
        """
        places = [self._place(name) for name in changes]
        looked_at = [self._index[name] for name in watched]
        values = list(changes.values())
        why = reason, event, values
        version, conflicts = self._write(self._writer.commit, since, looked_at, places, values, why=why)
        if conflicts:
            raise ConflictError(tuple(self._names[place] for place in conflicts), since, self.version)
        return version

    # --- changes

    def watch(self, watcher: Callable[[StateChange], object], fields: Iterable[str] | None = None) -> Subscription:
        """Call ``watcher`` with every change from now on that writes one of ``fields`` (all when None).

        It is called in the order of versions, never twice at once, without any lock, mostly by the thread that
        wrote: soon after the write, which does not wait for it when another thread is telling already. Its
        exceptions are logged and counted. It may write the state; what it wrote is told after it. While
        somebody watches, a write costs several times as much. UnknownField.
        """
        names = None if fields is None else [name for name in fields if self._place(name) >= 0]
        return self._feed.subscribe(watcher, names)

    def history(self) -> list[StateChange]:
        """Return the last changes, oldest first: as many as the state was built to keep. O(history)."""
        return self._feed.history()

    def deliver_changes(self) -> None:
        """Tell those who watch what was written without Python, by reflexes; does not wait. An engine calls it."""
        self._feed.deliver()

    # --- on the disk

    def save(self, path: str | os.PathLike[str], *, encode: Hooks | None = None, clock: Clock | None = None) -> int:
        """Write all fields of one version to a file that no crash can spoil, and return that version.

        The file is one line of JSON with a checksum; the one before it is kept as ``path.previous``. ``encode``
        gives, by field, a function that makes JSON of its value. SerializationError names what would not come
        back equal, UnknownField a hook of no field; OSError when the folder or the disk refuses. Blocks for the
        disk, and nobody else. O(size).
        """
        seen = self.snapshot()
        save_fields(path, seen, seen.version, (clock or SystemClock()).wall_time(), encode)
        return seen.version

    def load(self, path: str | os.PathLike[str], *, decode: Hooks | None = None) -> RestoreReport:
        """Store all fields of a file in one step, or of ``path.previous`` if the file is not whole.

        Fields that the file does not have stay as they are. ``decode`` undoes ``encode``. The report says what
        was used. StateFileError when neither file is whole, StateFileMissing when there is neither; UnknownField
        and InvalidValue for what this state would not take: then nothing is changed. O(size).
        """
        values, report = load_fields(path, checked_hooks(decode, self.fields))
        self.store(values)
        return report

    # --- what is told of it

    @property
    def cells(self) -> StateCells:
        """The twin's cells, in the order of the numbers: for what is compiled against this state."""
        return self._cells

    @property
    def numbers(self) -> Mapping[str, Field]:
        """The numeric fields, in the order of their cells."""
        return MappingProxyType(self._numbers)

    def statistics(self) -> StateStatistics:
        """Return a frozen snapshot of the counters and of the lock's times. O(buckets)."""
        cells, (reads, writes) = self._cells, self._cells.counts()
        waits, holds = summarize(cells.waits), summarize(cells.holds)
        exclusive = None if self._wrapped is None else self._wrapped.lock.statistics()
        return StateStatistics(self.version, reads, writes, cells.conflicts, self._feed.errors, waits, holds, exclusive)

    # --- inside

    def _make_cells(self) -> StateCells:
        each = self._numbers.values()
        return StateCells(
            [float(field.default) for field in each],
            [field.lowest for field in each],
            [field.highest for field in each],
            [field.integer for field in each],
            [field.on_set == "clamp" for field in each],
            [field.on_delta == "reject" for field in each],
            [value.kept(name, value.default) for name, value in self._values.items()],
            self._measured,
        )

    def _serve(self, writes: bool = True) -> None:
        index = {name: self._index[name] for name in self._numbers}
        flags = bytes(field.integer for field in self._numbers.values())
        self._attach(self._cells, index, flags, StateSnapshot, writes)

    def _read_slowly(self, name: str) -> Any:
        place = self._place(name)
        if place >= len(self._numbers):
            return handed_out(self._cells.read_object(place))
        return self._numbers[name].shown(self._cells.read(place))

    def _store_slowly(self, name: str, value: Any) -> None:
        place = self._place(name)
        kept = self.fields[name].kept(name, value)
        if place < len(self._numbers):
            self._write(self._writer.write, place, kept)
        else:
            self.commit(ANY_VERSION, {}, {name: kept}, None, None)

    def _apply_delta_slowly(
        self, delta: Mapping[str, float], report: bool, reason: str | None, event: Any
    ) -> int | DeltaReport:
        places = [self._number_place(name) for name in delta]
        for name, amount in delta.items():
            checked_number(name, amount)
        version, applied = self._write(self._writer.add_and_tell, places, list(delta.values()), why=(reason, event))
        if not report:
            return version
        return DeltaReport(version, dict(delta), dict(zip(delta, applied, strict=True)))

    def _snapshot_slowly(self) -> StateSnapshot:
        version, values, objects = self._cells.read_whole()
        stored = [*values, *objects]
        for place in self._integers:
            stored[place] = int(stored[place])
        in_order = map(stored.__getitem__, self._index.values())
        return StateSnapshot.of_stored(version, dict(zip(self._index, in_order, strict=True)))

    def _place(self, name: str) -> int:
        try:
            return self._index[name]
        except (KeyError, TypeError):
            raise UnknownField(f"the state has no field {name!r}") from None

    def _declared(self, name: str) -> Field | Value:
        self._place(name)
        return self.fields[name]

    def _number_place(self, name: str) -> int:
        place = self._place(name)
        if place >= len(self._numbers):
            raise InvalidValue(f"{name} is no number; nothing can be added to it")
        return place

    def _reach(self, name: str, value: float, *, upward: bool) -> int:
        place = self._number_place(name)
        return self._write(self._writer.reach, place, self._numbers[name].kept(name, value), upward)

    def _write(self, write: Callable[..., Result], *given: Any, why: Why = (None, None)) -> Result:
        """Let the cells write, and tell those who watch."""
        feed = self._feed
        try:
            if feed.on:
                made: Result = self._refusing(feed.noted, (write, given, why))
                return made
            return self._refusing(write, given)
        finally:
            if feed.on or self._cells.changes_waiting:  # somebody may have begun to watch meanwhile
                feed.deliver()

    def _refusing(self, write: Callable[..., Result], given: tuple[Any, ...]) -> Result:
        """Call a write of the cells; its refusal names a place, ours a field."""
        try:
            return write(*given)
        except InvalidValue:  # of a wrapped object
            raise
        except ValueError as error:
            text, place = error.args
            raise InvalidValue(f"{self._names[place]}: {text}") from None

    def _replace(self, name: str, expected: Any, kept: Any) -> int | None:
        """Store a value in its kept form if the present one equals ``expected``, which asks the user's ``==``."""
        place = self._index[name]
        while True:
            since = self.version
            if handed_out(self._cells.read_object(place)) != expected:
                return None
            values = [kept]
            why = None, None, values
            version, conflicts = self._write(self._writer.commit, since, [place], [place], values, why=why)
            if not conflicts:
                return version

    def _try(self, function: Callable[[Transaction], Result], transaction: Transaction) -> Result:
        with transaction:
            return function(transaction)

    def _pause_seconds(self, attempt: int) -> float:
        import random  # lazy: most states meet no conflict

        longest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 32), LONGEST_PAUSE_SECONDS)
        return longest * random.uniform(0.5, 1.0)

    def __reduce__(self) -> NoReturn:
        raise StateError("a live state cannot be copied or pickled; take a snapshot")


def _check_field(name: object, field: object) -> None:
    if not isinstance(name, str) or not name:
        raise InvalidValue(f"a field's name must be a non-empty string, not {name!r}")
    if not isinstance(field, (Field, Value)):
        raise InvalidValue(f"field {name!r} must be a Field or a Value, not a {type(field).__name__}")
