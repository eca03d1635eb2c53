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
    A wait lets other Python threads run, can time out, and ends with Ctrl-C.
Numbers
    Cells hold IEEE doubles. Both backends do the same operations in the same order, without fused
    multiply-add, so their results are equal to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

REJECT, DROP_OLDEST, DROP_LOWEST, WAIT = 0, 1, 2, 3
MAX_LEVELS = 16
MAX_ENDS = 16
MAX_IMPACTS = 16  # fields that one reflex, or one pattern's cost, may touch
NO_END = -1
NO_PATTERN = -1
NO_TYPE_ID = -1
NO_ROW = -1
MAX_TYPES = 4096
NO_CAUSE = -1
SAMPLED_WRITES = 64  # of the cells: each that many-th is measured
SIGNIFICANCE, RECALL_MAX, RECALL_MEAN = -1, -2, -3  # inputs of a condition that are no field
BELOW, ABOVE, AT_LEAST, AT_MOST = 0, 1, 2, 3
SUB_BUCKETS = 64  # per power of two: a bucket is at most 1/64 wide
PASSES = 2  # writers that may enter past a waiting reader, newcomers past a waiting writer
STARVED_BUDGETS = 10  # an event that waits longer than so many budgets is starved
SHED_END = 2  # Status.SHED, which the heap itself gives

OnWait = Callable[[bool], None]  # True: joined the queue; False: left it


class Offer(NamedTuple):
    """An event to be queued."""

    key: int
    level: int
    arrival_ns: int
    payload: Any


class Entry(NamedTuple):
    """An event that is queued, or just left the queue."""

    payload: Any
    key: int
    level: int
    arrival_ns: int
    sequence: int


class Ticket(NamedTuple):
    """Finds one queued event again; ``place`` is the backend's own."""

    sequence: int
    place: int


class Head(NamedTuple):
    """The event that would leave the queue next."""

    key: int
    level: int
    type_id: int


class Counts(NamedTuple):
    """The ledger of a heap at one instant; ``ends`` by their number."""

    accepted: int
    refused: int
    queued: int
    running: int
    ends: tuple[int, ...]
    high_water: int


class TypeRow(NamedTuple):
    """A type in the table: ``row`` is its reflex, ``needs_python`` says that Python must see its events."""

    level: int
    budget_ns: int
    row: int
    needs_python: bool


class Outcome(NamedTuple):
    """The effect of a reflex: the ``impacts`` of the event, and the amounts that its pattern ``applied`` of them."""

    significance: float
    pattern: int
    impacts: tuple[float, ...]
    applied: tuple[float, ...]
    version_before: int
    version: int


class Task(NamedTuple):
    """An event that the reactor leaves to Python; ``started_ns`` is 0 where nothing has been done for it."""

    payload: Any
    key: int
    level: int
    arrival_ns: int
    sequence: int
    type_id: int
    started_ns: int
    outcome: Outcome | None


class Record(NamedTuple):
    """The end of one event; its payload is None if the event came as numbers."""

    payload: Any
    sequence: int
    level: int
    type_id: int
    status: int
    intensity: float
    timestamp: float
    queued_ns: int
    started_ns: int
    finished_ns: int
    outcome: Outcome


class Change(NamedTuple):
    """One write of one place of the cells; of an object both numbers are 0."""

    version: int
    place: int
    before: float
    after: float
    cause: int


class Condition(NamedTuple):
    """A comparison: a field, or an input with a negative number, against a threshold."""

    source: int
    operator: int
    threshold: float


class FactorRule(NamedTuple):
    """Multiplies by a factor when all conditions hold."""

    conditions: Sequence[Condition]
    factor: float


class ChoiceRule(NamedTuple):
    """Chooses a pattern when all conditions hold."""

    conditions: Sequence[Condition]
    pattern: int


class Row(NamedTuple):
    """One reflex: ``impacts`` are (field, amount), ``gains`` (field whose impact is multiplied, field that does)."""

    weight: float
    impacts: Sequence[tuple[int, float]]
    gains: Sequence[tuple[int, int]]


class Pattern(NamedTuple):
    """The effect of a decision: none, or the impacts times ``factor``, less the ``costs``, (field, amount)."""

    ignores: bool
    factor: float
    costs: Sequence[tuple[int, float]]


class Verdict:
    """The verdict of the heap on an offer that shed no event."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


UNSET = Verdict("UNSET")  # the value of a stage that is missing
ADMITTED = Verdict("ADMITTED")
REFUSED = Verdict("REFUSED")
