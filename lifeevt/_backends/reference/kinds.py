"""KindTable, the reference: a list of rows and a dict of names."""

from __future__ import annotations

from ..contract import MAX_KINDS, MAX_LEVELS, NO_KIND, NO_ROW
from .account import Account
from .bucket import Bucket
from .numbers import Rooted, checked_index, int64
from .watch import Watched


class KindTable(Rooted):
    """Event types by number: level, budget, reflex row, and whether Python must see their events.

    Grows only; at most 4096 kinds, then ``add`` answers NO_KIND. Thread-safe. O(1).
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._names: list[str] = []
        self._rows: list[tuple[int, int, int, bool]] = []
        self._accounts: list[Account | None] = []
        self._buckets: list[Bucket | None] = []
        self._heap: Watched | None = None  # whose events are limited

    def __len__(self) -> int:
        """Return how many kinds there are."""
        return len(self._rows)

    def add(self, name: str, level: int, budget_ns: int, exact: bool = True, plain: bool = True) -> int:
        """Give a name its number, or return the one it has; events of a new kind are attended.

        ``exact``: the name alone decides level and budget, and never what an event brings along. ``plain``: these
        two are all that its events are treated by.
        """
        wanted, budget = int64(level), int64(budget_ns)
        if not 0 <= wanted < MAX_LEVELS:
            raise ValueError(f"level is {wanted}; it must lie in [0, {MAX_LEVELS})")
        bool(plain), bool(exact)
        if name in self._codes:
            return self._codes[name]
        if len(self._rows) == MAX_KINDS:
            return NO_KIND
        self._rows.append((wanted, budget, NO_ROW, True))
        self._names.append(name)
        self._accounts.append(None)
        self._buckets.append(None)
        self._codes[name] = len(self._rows) - 1
        return len(self._rows) - 1

    def change(self, code: int, level: int, budget_ns: int, exact: bool = True, plain: bool = True) -> None:
        """Give a kind another level and budget, for events that come from now on; see ``add``."""
        kind, wanted, budget = checked_index(code, len(self._rows)), int64(level), int64(budget_ns)
        if not 0 <= wanted < MAX_LEVELS:
            raise ValueError(f"level is {wanted}; it must lie in [0, {MAX_LEVELS})")
        bool(plain), bool(exact)
        self._rows[kind] = (wanted, budget, *self._rows[kind][2:])

    def account(self, code: int, account: Account | None) -> None:
        """Have what becomes of a kind's events recorded in an account as well; None: in none."""
        if account is not None and not isinstance(account, Account):
            raise TypeError(f"a {type(account).__name__} is no account")
        self._accounts[checked_index(code, len(self._rows))] = account

    def limit(self, code: int, bucket: Bucket | None) -> None:
        """Let a kind's events come as numbers, or quickly, only while a bucket has a token for each; None: always.

        Kinds may share a bucket. All buckets of a table are of one heap, and so must be the events; else ValueError.
        """
        if bucket is not None and not isinstance(bucket, Bucket):
            raise TypeError(f"a {type(bucket).__name__} is no bucket")
        kind = checked_index(code, len(self._rows))
        if bucket is not None:
            if bucket._heap is None:
                raise ValueError("the bucket is no heap's")
            self._heap = bucket._heap if self._heap is None else self._heap
            if bucket._heap is not self._heap:
                raise ValueError("the bucket is another heap's")
        self._buckets[kind] = bucket

    def _admits(self, kind: int, now_ns: int) -> bool:
        """Whether the limit of its kind lets an event come now; from inside the heap."""
        bucket = self._buckets[kind]
        return bucket is None or bucket._admits(now_ns)

    def answer(self, code: int, row: int, attended: bool) -> None:
        """Say which reflex row answers a kind (NO_ROW: none), and whether Python must see its events."""
        kind, place = checked_index(code, len(self._rows)), int64(row)
        if not NO_ROW <= place < 2**31:
            raise ValueError(f"{place} is no row")
        level, budget_ns, _, _ = self._rows[kind]
        self._rows[kind] = (level, budget_ns, place, bool(attended))

    def code(self, name: str) -> int:
        """Return the number of a name, or NO_KIND."""
        return self._codes.get(name, NO_KIND)

    def name(self, code: int) -> str:
        """Return the name of a number; IndexError when there is none."""
        return self._names[checked_index(code, len(self._rows))]

    def describe(self, code: int) -> tuple[int, int, int, bool]:
        """Return (level, budget in ns, row, attended) of a number; IndexError when there is none."""
        return self._rows[checked_index(code, len(self._rows))]
