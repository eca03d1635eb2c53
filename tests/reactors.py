"""A small reactor with its heap, tables and cells, for the tests of the run loop.

Three types: HIT takes 10 of the only cell, SHRUG has a reflex with an ignoring pattern, STRANGER has no reflex.
ASKED needs Python, and has HIT's reflex. An intensity of 0.0 means nothing to any reflex.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lifeevt._backends.contract import ABOVE, BELOW, NO_ROW, REJECT

HIT, SHRUG, STRANGER, ASKED = range(4)
NAMES = ("hit", "shrug", "stranger", "asked")
LEVELS = (0, 1, 2, 3)
BUDGET_NS = 1_000
PROCESSED, IGNORED, SHED, CANCELLED = range(4)
FIELDS = ("payload", "sequence", "level", "type_id", "status", "intensity", "timestamp", "queued_ns", "started_ns",
          "finished_ns", "outcome")  # fmt: skip
TIMES = ("started_ns", "finished_ns")


class RunLoop:
    """A reactor of a twin and its parts, one of each."""

    def __init__(self, core: Any, capacity: int = 64, results: int = 64, processes: bool = True) -> None:
        self.heap = core.EventHeap(capacity)
        self.type_table = core.TypeTable()
        self.cells = core.StateCells([100.0], [0.0], [100.0], [False])
        self.table = core.ReflexTable(*TABLE)
        self.accounts = [core.Account() for _ in LEVELS]
        for name, level in zip(NAMES, LEVELS, strict=True):
            self.type_table.add(name, level, BUDGET_NS)
        for type_id, (row, needs_python) in enumerate([(0, False), (1, False), (NO_ROW, False), (0, True)]):
            self.type_table.set_reflex(type_id, row, needs_python)
        parts = self.heap, self.type_table, self.table, self.cells, self.accounts
        self.reactor = core.Reactor(*parts, results, processes)

    def offer(self, *type_ids: int, payload: Any = None, intensity: float = 0.5, policy: int = REJECT) -> None:
        """Offer events that leave in this order; each carries its number in the batch, or the payload."""
        for number, type_id in enumerate(type_ids):
            given = number if payload is None else payload
            self.heap.offer(number, type_id, 7, given, policy, type_id, intensity)

    def process(self, *type_ids: int, intensity: float = 0.5) -> list[dict[str, Any]]:
        """Offer events, process all, and take their results."""
        self.offer(*type_ids, intensity=intensity)
        self.reactor.run_pending(len(type_ids))
        return self.taken()

    def taken(self, limit: int | None = None) -> list[dict[str, Any]]:
        return [named(each) for each in self.reactor.take(limit)]

    def ledger(self) -> tuple[int, int, int, tuple[int, ...]]:
        """(accepted, queued, running, the first four ends), which balance."""
        accepted, _, queued, running, ends, _ = self.heap.counts()
        assert accepted == queued + running + sum(ends)
        return accepted, queued, running, ends[:4]

    def put(self, payload: Any = None, finishes: bool = False, status: int = PROCESSED, **more: Any) -> None:
        """Record a result that Python made."""
        numbers = {"sequence": 9, "level": 1, "type_id": HIT, "intensity": 0.25, "queued_ns": 1, "started_ns": 2,
                   "finished_ns": 3, "version_before": 4, "version": 5}  # fmt: skip
        self.reactor.put(payload=payload, status=status, finishes=finishes, **(numbers | more))


TABLE: tuple[Any, ...] = (
    1,
    [(1.0, [(0, -40.0)], []), (0.125, [(0, -40.0)], [])],  # HIT by half takes 10; SHRUG means too little
    [],
    [],
    [([(-1, BELOW, 0.25)], 0), ([(-1, ABOVE, 0.0)], 1)],
    [(True, 0.0, []), (False, 1.0, [])],
)


def named(result: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(FIELDS, result, strict=True))


def timeless(result: dict[str, Any]) -> dict[str, Any]:
    """The result without what a clock said."""
    return {name: value for name, value in result.items() if name not in TIMES}

