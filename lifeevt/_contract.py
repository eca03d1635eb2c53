"""What both twins promise. The reference (`_core_py`) is the specification in code; this is it in words.

Order of events
    Smallest key first, to which each level adds an offset; equal ones leave in order of acceptance.
    Keys and offsets are 64-bit integers, and their sums stop at either end.
Ledger
    The heap counts each event once, in the same atomic step that moves it: accepted =
    queued + running + sum of the ends, at every instant.
Lock policy
    Writers first: while a writer waits, no new reader enters. No reader starves: once PASSES writers have
    entered past readers who wait, all these enter before the next writer. Writers wait in line; at most
    PASSES newcomers enter between two of them. Re-entry, upgrade and downgrade raise LockOrderError at once.
    A wait lets other Python threads run, can time out, and answers Ctrl-C.
Numbers
    Cells hold IEEE doubles. Both twins do the same operations in the same order, without fused
    multiply-add, so their results are equal to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

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


class EventHeap(Protocol):
    """A bounded priority heap that keeps the ledger. Each call is one atomic step."""

    @property
    def capacity(self) -> int: ...
    @property
    def limited(self) -> int: ...
    def __len__(self) -> int: ...
    def offer(
        self,
        key: int,
        level: int,
        arrival_ns: int,
        payload: Any,
        policy: int,
        kind: int = NO_KIND,
        intensity: float = 0.0,
    ) -> Verdict | Entry: ...
    def offer_tracked(
        self,
        key: int,
        level: int,
        arrival_ns: int,
        payload: Any,
        policy: int,
        kind: int = NO_KIND,
        intensity: float = 0.0,
        held: bool = False,
    ) -> tuple[Verdict | Entry, Ticket | None]: ...
    def withdraw(self, ticket: Ticket, end: int) -> Entry | None: ...
    def replace(
        self, ticket: Ticket, key: int, level: int, payload: Any, kind: int = NO_KIND, intensity: float = 0.0
    ) -> bool: ...
    def bring_back(self, ticket: Ticket) -> bool: ...
    def pause(self, level: int | None, kind: int | None, paused: bool) -> None: ...
    def book(self, end: int) -> int: ...
    def signal(self, file: int | None) -> None: ...
    def offer_many(
        self, offers: Sequence[Offer], policy: int | Sequence[int], numbers: Sequence[tuple[int, float]] | None = None
    ) -> list[Verdict | Entry]: ...
    def offer_numbers(
        self, kinds: Any, types: Any, intensities: Any, timestamps: Any, arrival_ns: int, policy: int | Sequence[int]
    ) -> tuple[int, list[Entry]]: ...
    def pop(self, end: int = NO_END) -> Entry | None: ...
    def pop_above(self, level: int, end: int = NO_END) -> Entry | None: ...
    def leads(self, level: int) -> bool: ...
    def drain(self, limit: int, end: int, every: bool = False) -> list[Entry]: ...
    def finish(self, end: int) -> None: ...
    def counts(self) -> Counts: ...
    def depths(self) -> tuple[int, ...]: ...
    def shift(self, offsets: Sequence[int]) -> None: ...
    def postpone(self, before: int, by_ns: int, level: int) -> int: ...
    def check(self) -> None: ...
    def watch(self, idle: bool) -> int: ...
    def unwatch(self, idle: bool) -> None: ...
    def wait(self, epoch: int, timeout_ns: int | None) -> int: ...
    def nudge(self) -> None: ...


class KindTable(Protocol):
    """Event types by number."""

    def __len__(self) -> int: ...
    def add(self, name: str, level: int, budget_ns: int, exact: bool = True, plain: bool = True) -> int: ...
    def change(self, code: int, level: int, budget_ns: int, exact: bool = True, plain: bool = True) -> None: ...
    def account(self, code: int, account: Any) -> None: ...
    def limit(self, code: int, bucket: Any) -> None: ...
    def answer(self, code: int, row: int, attended: bool) -> None: ...
    def code(self, name: str) -> int: ...
    def name(self, code: int) -> str: ...
    def describe(self, code: int) -> tuple[int, int, int, bool]: ...


class Bucket(Protocol):
    """How many events of a type may come."""

    def admits(self, now_ns: int) -> bool: ...


class RWLock(Protocol):
    """A read-write lock that prefers writers, starves no reader and refuses re-entry."""

    @property
    def waits(self) -> Histogram | None: ...
    @property
    def holds(self) -> Histogram | None: ...
    @property
    def longest(self) -> tuple[str, int] | None: ...
    def acquire_read(self, timeout_ns: int | None = None, on_wait: OnWait | None = None) -> None: ...
    def release_read(self) -> None: ...
    def acquire_write(self, timeout_ns: int | None = None, on_wait: OnWait | None = None) -> None: ...
    def release_write(self) -> None: ...
    def holders(self) -> dict[int, int]: ...
    def waiting(self) -> tuple[int, int]: ...
    def blockers(self, thread: int) -> tuple[int, ...]: ...


class StateCells(Protocol):
    """Bounded numbers and objects under a read-write lock, with a version that counts writes."""

    @property
    def version(self) -> int: ...
    @property
    def conflicts(self) -> int: ...
    @property
    def waits(self) -> Histogram: ...
    @property
    def holds(self) -> Histogram: ...
    def __len__(self) -> int: ...
    def read(self, index: int) -> float: ...
    def read_all(self) -> tuple[int, tuple[float, ...]]: ...
    def read_object(self, index: int) -> Any: ...
    def read_whole(self) -> tuple[int, tuple[float, ...], tuple[Any, ...]]: ...
    def stamp(self, index: int) -> int: ...
    def write(self, index: int, value: float, cause: int = NO_CAUSE) -> int: ...
    def add(self, indices: Sequence[int], deltas: Sequence[float], cause: int = NO_CAUSE) -> int: ...
    def add_and_tell(
        self, indices: Sequence[int], deltas: Sequence[float], cause: int = NO_CAUSE
    ) -> tuple[int, tuple[float, ...]]: ...
    def compare_and_set(self, index: int, expected: float, value: float, cause: int = NO_CAUSE) -> int: ...
    def reach(self, index: int, value: float, upward: bool, cause: int = NO_CAUSE) -> int: ...
    def commit(
        self, since: int, watched: Sequence[int], places: Sequence[int], values: list[Any], cause: int = NO_CAUSE
    ) -> tuple[int, tuple[int, ...]]: ...
    def absorb(
        self,
        since: int,
        held: tuple[Any, ...],
        kept: tuple[float, ...],
        places: Sequence[int] = (),
        values: list[Any] | tuple[()] = (),
        cause: int = NO_CAUSE,
    ) -> tuple[int, tuple[float, ...] | None]: ...
    def counts(self) -> tuple[int, int]: ...
    @property
    def changes_waiting(self) -> int: ...
    def record(self, records: bool) -> None: ...
    def take_changes(self) -> list[Change]: ...


class ReflexTable(Protocol):
    """Responses as numbers: appraise, decide and apply in one atomic step."""

    def __len__(self) -> int: ...
    def respond(
        self,
        cells: StateCells,
        row: int,
        intensity: float,
        recall_max: float = 0.0,
        recall_mean: float = 0.0,
        cause: int = NO_CAUSE,
    ) -> Outcome: ...


class Histogram(Protocol):
    """Counts of durations in log-linear buckets."""

    @property
    def count(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def minimum(self) -> int: ...
    @property
    def maximum(self) -> int: ...
    def record(self, duration_ns: int) -> None: ...
    def percentile(self, percent: float) -> int: ...
    def merge(self, other: Any) -> None: ...
    def buckets(self) -> list[tuple[int, int]]: ...


class Account(Protocol):
    """How the events of one level fared."""

    @property
    def wait(self) -> Histogram: ...
    @property
    def service(self) -> Histogram: ...
    @property
    def latency(self) -> Histogram: ...
    @property
    def lateness(self) -> Histogram: ...
    @property
    def late(self) -> int: ...
    @property
    def starved(self) -> int: ...
    def record(self, budget_ns: int, wait_ns: int, service_ns: int) -> None: ...


class Reactor(Protocol):
    """The worker's stretch: waits, takes, appraises, decides, applies and records without Python."""

    @property
    def heap(self) -> EventHeap: ...
    @property
    def gil_wait(self) -> Histogram: ...
    def __len__(self) -> int: ...
    def attend(self, code: int, meaning: Any, decision: Any, action: Any, bare: bool) -> None: ...
    def serve(self, state: Any, make_event: Any, in_words: Any, on_error: Any, on_task: Any) -> None: ...
    def run(self) -> Task | None: ...
    def run_pending(self, limit: int, above: int = MAX_LEVELS) -> tuple[int, Task | None]: ...
    def halt(self, halted: bool) -> None: ...
    def wake_at(self, due_ns: int | None) -> None: ...
    def put(
        self,
        payload: Any,
        sequence: int,
        level: int,
        kind: int,
        status: int,
        intensity: float,
        queued_ns: int,
        started_ns: int,
        finished_ns: int,
        version_before: int,
        version: int,
        finishes: bool,
    ) -> None: ...
    def take(self, limit: int | None) -> list[Result]: ...
    def take_buffer(self, limit: int | None) -> Any: ...
    def counts(self) -> tuple[int, int]: ...
    def breathe(self, wait_ns: int) -> bool: ...


class Submitter(Protocol):
    """Submits events as numbers, one at a time."""

    def submit(self, kind: int, intensity: float, timestamp: float = 0.0) -> bool: ...
    def accept(self, accepts: bool) -> None: ...


class MakeRWLock(Protocol):
    """What a twin calls RWLock."""

    def __call__(self, name: str = "the lock", measured: bool = False) -> RWLock: ...


MakeBucket = Callable[[EventHeap, int, int, int], Bucket]
MakeSubmitter = Callable[[EventHeap, KindTable], Submitter]
MakeReactor = Callable[[EventHeap, KindTable, ReflexTable, StateCells, Sequence[Account], int, bool], Reactor]


class Core(Protocol):
    """A twin: a module with these classes, and the fronts that facades put before their own methods."""

    EventHeap: Callable[[int], EventHeap]
    KindTable: Callable[[], KindTable]
    Account: Callable[[], Account]
    Bucket: MakeBucket
    QueueFront: type
    EngineFront: type
    Reactor: MakeReactor
    Submitter: MakeSubmitter
    RWLock: MakeRWLock
    StateCells: Callable[..., StateCells]
    ReflexTable: Callable[
        [int, Sequence[Row], Sequence[FactorRule], Sequence[FactorRule], Sequence[ChoiceRule], Sequence[Pattern]],
        ReflexTable,
    ]
    Histogram: Callable[[], Histogram]
    StateFront: Any  # a class
    StayFront: Any  # a class
    TRACED: bool
