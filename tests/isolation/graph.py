"""The dependency graph of a history: which transaction wrote, saw or missed what another one did.

Nodes are the committed transactions. Edges, after Adya ("Weak Consistency", PhD thesis, MIT 1999, chapter 3):

- ww, a → b: b wrote the version of a field that comes next after a's;
- wr, a → b: b read the version that a wrote;
- rw, a → b: a read a version, and b wrote the next one after it.

A set of transactions is an integer, one bit for each number: histories are small, and there are many of them.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from isolation.history import History, Look, Transaction, Write


class Seen(NamedTuple):
    """A value read from outside the reader: at which of its operations, and in which look (None: a single read)."""

    at: int
    field: str
    value: Any
    look: bool


class Graph:
    """A history, indexed: writers by value, versions by field, reads by reader, and the edges that follow."""

    def __init__(self, history: History) -> None:
        self.transactions = history.transactions
        self.writer: dict[tuple[str, Any], tuple[int, bool]] = {}  # transaction, and if final
        self.reads: list[list[Seen]] = []
        self.forgotten: list[str] = []  # reads of a field that do not show the reader's own write
        for transaction in self.transactions:
            self._write_down(transaction)
            self.reads.append(self._outside(transaction))
        self.versions: dict[str, list[int]] = {}  # of a field: its writers, first to last
        self.place: dict[tuple[str, int], int] = {}  # of a writer among a field's versions
        for field, values in history.order.items():
            self._put_in_order(field, values)

    def _write_down(self, transaction: Transaction) -> None:
        finals = transaction.finals()
        for step in transaction.operations:
            if type(step) is Write:
                self.writer[step.field, step.value] = transaction.number, step.value == finals[step.field]

    def _put_in_order(self, field: str, values: list[Any]) -> None:
        writers = [self.writer[field, value] for value in values if (field, value) in self.writer]
        numbers = [number for number, final in writers if final and self.transactions[number].committed]
        self.versions[field] = numbers
        for place, number in enumerate(numbers):
            self.place[field, number] = place

    def _outside(self, transaction: Transaction) -> list[Seen]:
        """Return its reads of other writes; a read after its own write of the field must show that write."""
        own: dict[str, Any] = {}
        seen: list[Seen] = []
        for at, step in enumerate(transaction.operations):
            if type(step) is Write:
                own[step.field] = step.value
                continue
            together = type(step) is Look
            shows = own if not together or step.own else {}
            for field, value in step.values.items() if together else [step]:
                if field not in shows:
                    seen.append(Seen(at, field, value, together))
                elif value != shows[field]:
                    self.forgotten.append(f"T{transaction.number} wrote {field}={shows[field]} and read {value}")
        return seen

    def source(self, field: str, value: Any) -> int | None:
        """Return the committed transaction that finally wrote this value into the field; None: there is none."""
        number, final = self.writer.get((field, value), (None, False))
        return number if final and (field, number) in self.place else None

    @cached_property
    def committed(self) -> list[Transaction]:
        return [transaction for transaction in self.transactions if transaction.committed]

    @cached_property
    def ww(self) -> list[tuple[int, int]]:
        return [pair for writers in self.versions.values() for pair in pairwise(writers)]

    @cached_property
    def wr_and_rw(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        wr, rw = set(), set()
        for reader in self.committed:
            for _, field, value, _ in self.reads[reader.number]:
                writer = self.source(field, value)
                if writer is None:
                    continue
                wr.add((writer, reader.number))
                rw.update((reader.number, each) for each in self._next(field, writer))
        return [pair for pair in wr if pair[0] != pair[1]], [pair for pair in rw if pair[0] != pair[1]]

    def _next(self, field: str, writer: int) -> list[int]:
        place = self.place[field, writer] + 1
        return self.versions[field][place : place + 1]

    @cached_property
    def after_writes(self) -> list[int]:
        """By number: the transactions reached over ww edges."""
        return self._closure([self.ww])

    @cached_property
    def after_dependencies(self) -> list[int]:
        """By number: the transactions reached over ww and wr edges."""
        return self._closure([self.ww, self.wr_and_rw[0]])

    @cached_property
    def after_all(self) -> list[int]:
        """By number: the transactions reached over any edges."""
        return self._closure([self.ww, *self.wr_and_rw])

    @cached_property
    def acyclic(self) -> bool:
        """Whether there is an order of the transactions that explains all of it."""
        return not any(reached >> number & 1 for number, reached in enumerate(self.after_all))

    def _closure(self, edges: list[list[tuple[int, int]]]) -> list[int]:
        reached = [0] * len(self.transactions)
        for pairs in edges:
            for one, other in pairs:
                reached[one] |= 1 << other
        for middle in range(len(reached)):
            bit, beyond = 1 << middle, reached[middle]
            if beyond:
                reached = [each | beyond if each & bit else each for each in reached]
        return reached
