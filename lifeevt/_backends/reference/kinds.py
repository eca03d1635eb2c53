"""KindTable, the reference: a list of rows and a dict of names."""

from __future__ import annotations

from ..contract import MAX_KINDS, NO_KIND, NO_ROW, TypeRow
from .account import Account
from .bucket import Bucket
from .uncopyable import Uncopyable

UNKNOWN_TYPE = TypeRow(level=0, budget_ns=0, row=NO_ROW, attended=True)  # of an event that came without a number


class KindTable(Uncopyable):
    """Event types by number: level, budget, reflex row, and whether Python must see their events.

    Grows only; at most 4096 kinds, then ``add`` answers NO_KIND. Thread-safe. O(1).
    """

    def __init__(self) -> None:
        self._type_ids: dict[str, int] = {}
        self._names: list[str] = []
        self._rows: list[TypeRow] = []
        self._accounts: dict[int, Account] = {}
        self._buckets: dict[int, Bucket] = {}

    def __len__(self) -> int:
        """Return how many kinds there are."""
        return len(self._rows)

    def add(self, name: str, level: int, budget_ns: int, exact: bool = True, plain: bool = True) -> int:
        """Give a name its number, or return the one it has; events of a new kind are attended.

        ``exact``: the name alone decides level and budget, and never what an event brings along. ``plain``: these
        two are all that its events are treated by.
        """
        known = self._type_ids.get(name)
        if known is not None:
            return known
        type_id = len(self._rows)
        if type_id == MAX_KINDS:
            return NO_KIND
        self._names.append(name)
        self._rows.append(TypeRow(level, budget_ns, NO_ROW, attended=True))
        self._type_ids[name] = type_id  # last: who finds the name finds its row
        return type_id

    def change(self, code: int, level: int, budget_ns: int, exact: bool = True, plain: bool = True) -> None:
        """Give a kind another level and budget, for events that come from now on; see ``add``."""
        self._rows[code] = self._rows[code]._replace(level=level, budget_ns=budget_ns)

    def account(self, code: int, account: Account | None) -> None:
        """Have what becomes of a kind's events recorded in an account as well; None: in none."""
        if account is None:
            self._accounts.pop(code, None)
        else:
            self._accounts[code] = account

    def limit(self, code: int, bucket: Bucket | None) -> None:
        """Let a kind's events come as numbers, or quickly, only while a bucket has a token for each; None: always.

        Kinds may share a bucket. All buckets of a table are of one heap, and so must be the events; else ValueError.
        """
        if bucket is None:
            self._buckets.pop(code, None)
        else:
            self._buckets[code] = bucket

    def answer(self, code: int, row: int, attended: bool) -> None:
        """Say which reflex row answers a kind (NO_ROW: none), and whether Python must see its events."""
        self._rows[code] = self._rows[code]._replace(row=row, attended=attended)

    def code(self, name: str) -> int:
        """Return the number of a name, or NO_KIND."""
        return self._type_ids.get(name, NO_KIND)

    def name(self, code: int) -> str:
        """Return the name of a number; IndexError when there is none."""
        return self._names[code]

    def describe(self, code: int) -> TypeRow:
        """Return (level, budget in ns, row, attended) of a number; IndexError when there is none."""
        return self._rows[code]

    def _admits(self, type_id: int, now_ns: int) -> bool:
        """Take a token of a type's bucket, inside the heap; whether there was one, or no limit."""
        bucket = self._buckets.get(type_id)
        return bucket is None or bucket._admits(now_ns)
