"""Transaction: one snapshot to read, private writes, one atomic commit; the first committer wins.

Snapshot isolation is that of Berenson et al., "A critique of ANSI SQL isolation levels" (1995). With isolation
``serializable`` a commit also validates the reads, as in Kung and Robinson, "On optimistic methods for concurrency
control" (1981).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import ref

from ..errors import ConflictError, TransactionError
from .field import FieldLayout, handed_out
from .snapshot import StateSnapshot

if TYPE_CHECKING:
    from .state import ThreadSafeSelfState

Isolation = Literal["snapshot", "serializable"]
ISOLATIONS = ("snapshot", "serializable")
FIRST_PAUSE_SECONDS = 50e-6  # doubled with each conflict
LONGEST_PAUSE_SECONDS = 50e-3
Result = TypeVar("Result")

# The open transactions of this context. The references are weak: a signal handler may raise before the block of a
# transaction begins, and such a transaction must not forbid the next one.
_OPEN: ContextVar[tuple[ref[Transaction], ...]] = ContextVar("lifeevt_open_transactions", default=())


class Transaction(Mapping[str, Any]):
    """A mapping of all fields that reads one snapshot and writes privately until its block ends.

    The normal end of the block commits in one atomic step; an exception, or ``rollback``, changes nothing. It holds no
    lock, so the block may take its time. ``version`` is that of the snapshot, and after a commit the new one. One
    block, one thread at a time; transactions on one state do not nest.

    Raises:
        ConflictError: at the end, when another writer wrote a field that this transaction wrote, after its
            snapshot. With isolation ``serializable`` also for a field that it read.
        TransactionError: the block is not open, or another transaction on this state is.
    """

    __slots__ = ("__weakref__", "_event", "_layout", "_open", "_read", "_reason", "_seen", "_serializable", "_state",
                 "_written", "version")  # fmt: skip

    def __init__(
        self, state: ThreadSafeSelfState, layout: FieldLayout, isolation: Isolation, reason: str | None, event: Any
    ) -> None:
        if isolation not in ISOLATIONS:
            raise ValueError(f"isolation is {isolation!r}; it must be one of {', '.join(ISOLATIONS)}")
        self._state, self._layout, self._reason, self._event = state, layout, reason, event
        self._serializable = isolation == "serializable"
        self._seen: StateSnapshot | None = None
        self._read: dict[str, None] = {}
        self._written: dict[str, Any] = {}
        self._open = False
        self.version = 0

    # --- the block

    def __enter__(self) -> Transaction:
        if self._seen is not None:
            raise TransactionError("a transaction is one block; begin another one")
        others = _all_open()
        if any(other._state is self._state for other in others):
            raise TransactionError("a transaction on this state is open here already; they do not nest")
        self._seen = self._state.snapshot()
        self.version = self._seen.version
        self._open = True
        _OPEN.set((*map(ref, others), ref(self)))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or not self._open:
            self.rollback()
            return
        self._close()
        if self._written:
            watched = self._read | self._written
            self.version = self._state.commit(self.version, watched, self._written, self._reason, self._event)

    def rollback(self) -> None:
        """Discard the writes and close the transaction; the rest of the block can neither read nor write."""
        self._close()
        self._written.clear()

    def _close(self) -> None:
        self._open = False
        _OPEN.set(tuple(map(ref, _all_open())))

    # --- reading and writing

    @property
    def snapshot(self) -> StateSnapshot:
        """The snapshot that this transaction reads, without its own writes. It counts as a read of every field."""
        self._note_read(*self._layout.fields)
        return self._open_snapshot()

    def __getitem__(self, name: str) -> Any:
        """Return a field as this transaction sees it; UnknownField. O(1)."""
        seen = self._open_snapshot()
        if name in self._written:
            return handed_out(self._written[name])
        self._layout.place(name)
        self._note_read(name)
        return seen[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Write a field privately; UnknownField, and InvalidValue at once for a value that it refuses. O(1)."""
        self._open_snapshot()
        self._written[name] = self._layout.declared(name).kept(name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.fields)

    def __len__(self) -> int:
        return len(self._layout.fields)

    def __contains__(self, name: object) -> bool:
        return name in self._layout.fields

    def update(self, values: Mapping[str, Any]) -> None:
        """Write several fields privately, all or none; errors as for one field. O(k)."""
        self._open_snapshot()
        self._written.update(self._layout.kept(values))

    def apply_delta(self, delta: Mapping[str, float]) -> None:
        """Add each number to its field privately, with the bounds and errors of the state's ``apply_delta``. O(k)."""
        moved = {name: self._layout.number(name).moved(name, self[name], amount) for name, amount in delta.items()}
        self._written.update(moved)

    def _note_read(self, *names: str) -> None:
        if self._serializable:
            self._read.update(dict.fromkeys(names))

    def _open_snapshot(self) -> StateSnapshot:
        if not self._open or self._seen is None:
            raise TransactionError("this transaction's block is not open")
        return self._seen


def open_on(state: object) -> bool:
    """Return whether a transaction on this state is open in this context. O(open transactions)."""
    return bool(_OPEN.get()) and any(one._state is state for one in _all_open())


def _all_open() -> list[Transaction]:
    return [one for each in _OPEN.get() if (one := each()) is not None and one._open]


def retried(
    begin: Callable[[], Transaction], function: Callable[[Transaction], Result], retries: int,
    pause: Callable[[float], object],
) -> Result:  # fmt: skip
    """Call ``function`` in a new transaction, up to ``retries`` times again after a conflict; return its result."""
    for attempt in range(retries):
        try:
            with begin() as transaction:
                return function(transaction)
        except ConflictError:
            import random  # lazy: most states meet no conflict

            longest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 32), LONGEST_PAUSE_SECONDS)
            pause(longest * random.uniform(0.5, 1.0))
    with begin() as transaction:
        return function(transaction)
