"""Transaction: one snapshot to read, private writes, one atomic commit; the first committer wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Literal, Protocol
from weakref import ref

from ..errors import InvalidValue, TransactionError, UnknownField
from .field import Field, Value, handed_out
from .snapshot import StateSnapshot

__all__ = ["ISOLATIONS", "Isolation", "Transaction", "open_on"]

Isolation = Literal["snapshot", "serializable"]
ISOLATIONS = ("snapshot", "serializable")


class Ground(Protocol):
    """What a transaction needs of the state it stands on."""

    @property
    def fields(self) -> Mapping[str, Field | Value]: ...
    def snapshot(self) -> StateSnapshot: ...
    def commit(
        self, since: int, watched: Mapping[str, Any], changes: Mapping[str, Any], reason: str | None, event: Any
    ) -> int: ...


# The transactions that are open in this context. By weak references: one whose block was never entered,
# because an exception came between, must not stand in anybody's way.
_OPEN: ContextVar[tuple[ref[Transaction], ...]] = ContextVar("lifeevt_open_transactions", default=())


class Transaction(Mapping[str, Any]):
    """A mapping of all fields that reads one snapshot and writes privately until its block ends.

    The block's normal end commits in one atomic step; an exception, or ``rollback``, changes nothing. It
    holds no lock: the block may take its time. ConflictError when a field that it wrote was written by
    somebody else after its snapshot; with isolation ``serializable`` also when one that it read was, so that
    what it decided is still true. One block, one thread at a time; not to be nested on one state.
    ``version`` is the snapshot's, and after a commit the new one.
    """

    __slots__ = ("__weakref__", "_event", "_ground", "_open", "_read", "_reason", "_seen", "_serializable", "_written",
                 "version")  # fmt: skip

    def __init__(self, ground: Ground, isolation: Isolation, reason: str | None, event: Any) -> None:
        if isolation not in ISOLATIONS:
            raise ValueError(f"isolation is {isolation!r}; it must be one of {', '.join(ISOLATIONS)}")
        self._ground, self._reason, self._event = ground, reason, event
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
        others = _others_open(self)
        if any(other._ground is self._ground for other in others):
            raise TransactionError("a transaction on this state is open here already; they do not nest")
        self._seen = self._ground.snapshot()
        self.version = self._seen.version
        self._open = True
        _OPEN.set((*map(ref, others), ref(self)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._open:
            self._commit()
        else:
            self.rollback()

    def rollback(self) -> None:
        """Forget what was written and close; the rest of the block can neither read nor write."""
        self._close()
        self._written.clear()

    # --- reading and writing

    @property
    def snapshot(self) -> StateSnapshot:
        """The snapshot that this transaction reads, without its own writes; counts as reading all of it."""
        self._note_read(*self._ground.fields)
        return self._sight()

    def __getitem__(self, name: str) -> Any:
        """Return a field as this transaction sees it; UnknownField. O(1)."""
        seen = self._sight()
        if name in self._written:
            return handed_out(self._written[name])
        self._declared(name)
        self._note_read(name)
        return seen[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Write a field privately; InvalidValue at once for what the field would refuse, UnknownField. O(1)."""
        self._sight()
        self._written[name] = self._declared(name).kept(name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ground.fields)

    def __len__(self) -> int:
        return len(self._ground.fields)

    def __contains__(self, name: object) -> bool:
        return name in self._ground.fields

    def update(self, values: Mapping[str, Any]) -> None:
        """Write several fields privately; one that is refused leaves the others unwritten. O(k)."""
        self._sight()
        self._written.update({name: self._declared(name).kept(name, value) for name, value in values.items()})

    def apply_delta(self, delta: Mapping[str, float]) -> None:
        """Add each number to its field, privately, as the state's ``apply_delta`` would. O(k)."""
        moved = {name: self._moved(name, amount) for name, amount in delta.items()}
        self._written.update(moved)

    def _moved(self, name: str, amount: float) -> float:
        field = self._declared(name)
        if not isinstance(field, Field):
            raise InvalidValue(f"{name} is no number; nothing can be added to it")
        return field.moved(name, self[name], amount)

    def _declared(self, name: str) -> Field | Value:
        try:
            return self._ground.fields[name]
        except (KeyError, TypeError):
            raise UnknownField(f"the state has no field {name!r}") from None

    def _note_read(self, *names: str) -> None:
        if self._serializable:
            self._read.update(dict.fromkeys(names))

    def _sight(self) -> StateSnapshot:
        if not self._open or self._seen is None:
            raise TransactionError("this transaction's block is not open")
        return self._seen

    # --- the end

    def _commit(self) -> None:
        self._close()
        if self._written:
            watched = self._read | self._written
            self.version = self._ground.commit(self.version, watched, self._written, self._reason, self._event)

    def _close(self) -> None:
        self._open = False
        _OPEN.set(tuple(map(ref, _others_open(self))))


def open_on(ground: Any) -> bool:
    """Return whether a transaction on this state is open in this context. O(open ones)."""
    known = _OPEN.get()
    return bool(known) and any(one._open and one._ground is ground for each in known if (one := each()) is not None)


def _others_open(one: Transaction) -> list[Transaction]:
    known = [found for each in _OPEN.get() if (found := each()) is not None]
    return [each for each in known if each._open and each is not one]
