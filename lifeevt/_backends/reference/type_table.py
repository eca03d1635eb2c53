"""TypeTable, the reference: a list of rows and a dict of names."""

from __future__ import annotations

from ..contract import MAX_TYPES, NO_ROW, NO_TYPE_ID, TypeRow
from .account import Account
from .bucket import Bucket
from .uncopyable import Uncopyable

UNKNOWN_TYPE = TypeRow(level=0, budget_ns=0, row=NO_ROW, needs_python=True)  # of an event without an id


class TypeTable(Uncopyable):
    """Event types by id: level, budget, reflex row, and whether their events need Python.

    Grows only; at most 4096 types, then ``add`` returns NO_TYPE_ID. Thread-safe. O(1).
    """

    def __init__(self) -> None:
        self._type_ids: dict[str, int] = {}
        self._names: list[str] = []
        self._rows: list[TypeRow] = []
        self._accounts: dict[int, Account] = {}
        self._buckets: dict[int, Bucket] = {}

    def __len__(self) -> int:
        """Return the number of types."""
        return len(self._rows)

    def add(self, name: str, level: int, budget_ns: int, exact: bool = True, plain: bool = True) -> int:
        """Return the id of a name, a new one if it has none; events of a new type need Python.

        ``exact``: the name alone decides level and budget, not the metadata of an event. ``plain``: only these two
        decide how its events are treated.
        """
        known = self._type_ids.get(name)
        if known is not None:
            return known
        type_id = len(self._rows)
        if type_id == MAX_TYPES:
            return NO_TYPE_ID
        self._names.append(name)
        self._rows.append(TypeRow(level, budget_ns, NO_ROW, needs_python=True))
        self._type_ids[name] = type_id  # last: a thread that finds the name finds its row
        return type_id

    def change(self, type_id: int, level: int, budget_ns: int, exact: bool = True, plain: bool = True) -> None:
        """Change level and budget of a type, for events from now on; see ``add``."""
        self._rows[type_id] = self._rows[type_id]._replace(level=level, budget_ns=budget_ns)

    def account(self, type_id: int, account: Account | None) -> None:
        """Record the events of a type in an account, too; None: in none."""
        if account is None:
            self._accounts.pop(type_id, None)
        else:
            self._accounts[type_id] = account

    def limit(self, type_id: int, bucket: Bucket | None) -> None:
        """Limit the events of a type that come as numbers, or quickly, by a bucket; None: no limit.

        Types may share a bucket. All buckets of a table are of one heap, and so must be the events.
        """
        if bucket is None:
            self._buckets.pop(type_id, None)
        else:
            self._buckets[type_id] = bucket

    def set_reflex(self, type_id: int, row: int, needs_python: bool) -> None:
        """Set the reflex row of a type (NO_ROW: none), and whether its events need Python."""
        self._rows[type_id] = self._rows[type_id]._replace(row=row, needs_python=needs_python)

    def type_id(self, name: str) -> int:
        """Return the id of a name, or NO_TYPE_ID."""
        return self._type_ids.get(name, NO_TYPE_ID)

    def name(self, type_id: int) -> str:
        """Return the name of an id; IndexError when there is none."""
        return self._names[type_id]

    def describe(self, type_id: int) -> TypeRow:
        """Return the row of an id; IndexError when there is none."""
        return self._rows[type_id]

    def _admits(self, type_id: int, now_ns: int) -> bool:
        """Take a token of the type's bucket, inside the heap; return whether there was one, or no limit."""
        bucket = self._buckets.get(type_id)
        return bucket is None or bucket._admits(now_ns)
