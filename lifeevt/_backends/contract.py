"""Constants and records of both backends, and their promise in words. The reference is the same promise in code.

Order of events
    The smallest key leaves first, to which each level adds an offset; equal keys leave in order of acceptance.
    Keys and offsets are 64-bit integers, and their sums stop at either end.
Ledger
    The heap counts each event once, in the same atomic step that moves it: accepted =
    queued + running + sum of the ends, at every instant.
Delay
    The reactor's CoDel is asked once for each event, before it is processed; an event that it turns away ends as
    SHED_END. The reactor asks for the events that it processes, its caller for those that it hands out.
Lock policy
    Writers first: while a writer waits, no new reader enters. No reader starves: once PASSES writers have
    entered past waiting readers, all these enter before the next writer. Writers wait in line; at most
    PASSES newcomers enter between two of them. Re-entry, upgrade and downgrade raise LockOrderError at once.
    A wait lets other Python threads run, can time out, and answers Ctrl-C.
Numbers
    Cells hold IEEE doubles. Both backends do the same operations in the same order, without fused
    multiply-add, so their results are equal to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

REJECT, DROP_OLDEST, DROP_LOWEST, WAIT = 0, 1, 2, 3
MAX_LEVELS = 16
MAX_ENDS = 16
MAX_IMPACTS = 16  # fields that one reflex, or one pattern's cost, may touch
NO_END = -1
NO_PATTERN = -1
NO_KIND = -1
NO_ROW = -1
MAX_KINDS = 4096
NO_CAUSE = -1
SAMPLED_WRITES = 64  # of the cells: each that many-th is measured
SIGNIFICANCE, RECALL_MAX, RECALL_MEAN = -1, -2, -3  # inputs of a condition that are no field
BELOW, ABOVE, AT_LEAST, AT_MOST = 0, 1, 2, 3
SUB_BUCKETS = 64  # per power of two: a bucket is at most 1/64 wide
PASSES = 2  # writers that may enter past a waiting reader, newcomers past a waiting writer
STARVED_BUDGETS = 10  # who waits longer than so many budgets is said to starve
SHED_END = 2  # Status.SHED, which the heap itself gives

Entry = tuple[Any, int, int, int, int]  # payload, key, level, arrival_ns, sequence
Ticket = tuple[int, int]  # sequence, and where the twin keeps it
Offer = tuple[int, int, int, Any]  # key, level, arrival_ns, payload
Counts = tuple[int, int, int, int, tuple[int, ...], int]
Condition = tuple[int, int, float]  # input, operator, threshold
OnWait = Callable[[bool], None]  # True: joined the queue; False: left it
Row = tuple[float, Sequence[tuple[int, float]], Sequence[tuple[int, int]]]
FactorRule = tuple[Sequence[Condition], float]
ChoiceRule = tuple[Sequence[Condition], int]
Pattern = tuple[bool, float, Sequence[tuple[int, float]]]
Outcome = tuple[float, int, tuple[float, ...], tuple[float, ...], int, int]
Change = tuple[int, int, float, float, int]  # version, place, before, after, cause
# payload, key, level, arrival_ns, sequence, kind, started_ns, outcome
Task = tuple[Any, int, int, int, int, int, int, "Outcome | None"]
# payload, sequence, level, kind, status, intensity, timestamp, queued_ns, started_ns, finished_ns, outcome
Result = tuple[Any, int, int, int, int, float, float, int, int, int, Outcome]


class Verdict:
    """What the heap says of an offer that cost nobody a place."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


UNSET = Verdict("UNSET")  # what a stage would have given, had there been one
ADMITTED = Verdict("ADMITTED")
REFUSED = Verdict("REFUSED")
