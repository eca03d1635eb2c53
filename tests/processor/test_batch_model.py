"""Random arrivals in and out of batches against a naive model, which searches all events each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from actors import wait_until
from hypothesis import given, settings, strategies as st

from lifeevt import (
    AsyncEventProcessor,
    BatchPolicy,
    Event,
    EventProcessingResult,
    EventScheduler,
    EventType,
    EventTypes,
    Handler,
    ManualClock,
    Priority,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.scheduler.strategy import find_strategy, level_offsets

MS = 1_000_000
# name: level, budget in ms, how long its handler takes, size and window in ms of its batch
KINDS: dict[str, tuple[Priority, int, int, int, int]] = {
    "shock": (Priority.CRITICAL, 2, 1, 0, 0),
    "log": (Priority.NORMAL, 30, 2, 3, 8),
    "alarm": (Priority.HIGH, 6, 1, 2, 20),
    "note": (Priority.LOW, 20, 1, 4, 0),
    "idle": (Priority.LOW, 15, 3, 0, 0),
}


@dataclass(frozen=True)
class Arrival:
    """One event: its arrival, its line within its kind (none when empty), and its time to live (0: for ever)."""

    at_ms: int
    kind: str
    key: str = ""
    ttl_ms: int = 0
    number: int = 0

    @property
    def level(self) -> int:
        return int(KINDS[self.kind][0])

    @property
    def deadline_ms(self) -> int:
        return self.at_ms + KINDS[self.kind][1]

    @property
    def line(self) -> str:
        return self.key and f"{self.kind} {self.key}"

    def is_over(self, now_ms: int) -> bool:
        return self.ttl_ms > 0 and now_ms >= self.at_ms + self.ttl_ms


@dataclass
class Model:
    """One worker, by the letter of ADR 0020. ``started``: when which events were processed together."""

    offsets: Sequence[int]
    coming: list[Arrival]
    now_ms: int = 0
    queued: list[Arrival] = field(default_factory=list)
    batches: dict[str, list[Arrival]] = field(default_factory=dict)
    began_ms: dict[str, int] = field(default_factory=dict)
    took_ms: dict[str, int] = field(default_factory=dict)
    busy_lines: set[str] = field(default_factory=set)
    started: list[tuple[int, list[int]]] = field(default_factory=list)
    expired: set[int] = field(default_factory=set)

    def run(self) -> None:
        while self.coming or self.queued or self.batches:
            self.let_in()
            head, batch = self.head(), self.due_batch()
            if batch and (head is None or (head.kind != batch and self.stands(batch) <= self.place(head))):
                self.give(batch)
            elif head is not None:
                self.queued.remove(head)
                self.process(head)
            else:
                self.now_ms = min([each.at_ms for each in self.coming] + [self.due_ms(each) for each in self.batches])

    def let_in(self) -> None:
        self.queued += [replace(each, at_ms=self.now_ms) for each in self.coming if each.at_ms <= self.now_ms]
        self.coming = [each for each in self.coming if each.at_ms > self.now_ms]

    def head(self) -> Arrival | None:
        first: dict[str, Arrival] = {}
        for each in self.queued:
            first.setdefault(each.line or f"no line {each.number}", each)
        may = [each for each in first.values() if each.line not in self.busy_lines]
        return min(may, key=lambda each: (self.place(each), each.number), default=None)

    def place(self, each: Arrival) -> int:
        return each.deadline_ms * MS + self.offsets[each.level]

    def stands(self, kind: str) -> int:
        return min(map(self.place, self.batches[kind]))

    def due_ms(self, kind: str) -> int:
        batch, (_, _, _, _, window_ms) = self.batches[kind], KINDS[kind]
        latest = min(each.deadline_ms for each in batch) - self.took_ms.get(kind, 0)
        return max(min(self.began_ms[kind] + window_ms, latest), self.began_ms[kind])

    def due_batch(self) -> str | None:
        due = [kind for kind in self.batches if self.due_ms(kind) <= self.now_ms]
        return min(due, key=self.stands, default=None)

    def process(self, event: Arrival) -> None:
        size = KINDS[event.kind][3]
        if event.is_over(self.now_ms):
            self.expired.add(event.number)
        elif not size:
            self.start(event.kind, [event])
        else:
            batch = self.batches.setdefault(event.kind, [])
            self.began_ms[event.kind] = self.began_ms[event.kind] if batch else self.now_ms
            batch.append(event)
            self.busy_lines.add(event.line)
            if len(batch) == size:
                self.give(event.kind)
        self.busy_lines.discard("")  # the empty name is no line

    def give(self, kind: str) -> None:
        batch = self.batches.pop(kind)
        over = [each for each in batch if each.is_over(self.now_ms)]
        self.expired.update(each.number for each in over)
        living = [each for each in batch if each not in over]
        if living:
            self.took_ms[kind] = KINDS[kind][2]
            self.start(kind, living)
        self.busy_lines -= {each.line for each in batch}

    def start(self, kind: str, events: list[Arrival]) -> None:
        self.started.append((self.now_ms, [each.number for each in events]))
        self.now_ms += KINDS[kind][2]


class Leaping(ManualClock):
    """Time passes at once when no thread has work."""

    def wait(self, condition: Any, deadline_ns: int | None) -> None:
        if deadline_ns is None:
            super().wait(condition, None)
        elif deadline_ns > self.now_ns():
            self.advance_ns(deadline_ns - self.now_ns())


class EngineRun:
    """The engine itself; its worker finds the arrivals at their times."""

    def __init__(self, strategy: str) -> None:
        self.clock, self.started = Leaping(), list[tuple[int, list[int]]]()
        types = EventTypes(EventType(name, kind[0], kind[1] * MS) for name, kind in KINDS.items())
        scheduler = EventScheduler(strategy, types)
        state = ThreadSafeSelfState({})
        handlers = {name: self.handler(name) for name in KINDS}
        self.engine = AsyncEventProcessor(state, [], handlers, scheduler=scheduler, clock=self.clock)

    def handler(self, name: str) -> Handler:
        _, _, takes_ms, size, window_ms = KINDS[name]

        def take(events: list[Event], *_: Any) -> None:
            numbers = [event.metadata["#"] for event in events]
            self.started.append((self.clock.now_ns() // MS, numbers))
            self.clock.advance_ns(takes_ms * MS)

        if size:
            return Handler(action=take, batch=BatchPolicy(size, window_ms / 1000))
        return Handler(action=lambda event, *_: take([event]))

    def bring(self, arrival: Arrival) -> None:
        event = Event(arrival.kind, 0.5, 0.0, {"#": arrival.number, "line": arrival.line})
        if arrival.key or arrival.ttl_ms:
            ttl = arrival.ttl_ms / 1000 or None
            self.engine.submit_tracked(event, key=arrival.line or None, ttl=ttl)
        else:
            self.engine.submit(event)

    def results_of(self, arrivals: list[Arrival]) -> list[EventProcessingResult]:
        for arrival in arrivals:
            self.engine.queue.tracker.timers.add(arrival.at_ms * MS, lambda arrival=arrival: self.bring(arrival))
        with self.engine:
            wait_until(lambda: sum(self.engine.ledger().ends.values()) == len(arrivals))
        return self.engine.results()


arrivals = st.lists(
    st.builds(Arrival, at_ms=st.integers(0, 40), kind=st.sampled_from(sorted(KINDS)),
              key=st.sampled_from(["", "", "", "a", "b"]), ttl_ms=st.sampled_from([0, 0, 0, 4, 12])),
    max_size=30,
)  # fmt: skip


def check_nothing_less_urgent_went_first(
    started: list[tuple[int, list[int]]], results: list[EventProcessingResult], offsets: Sequence[int]
) -> None:
    """Allow a more urgent event to wait only in a batch before its deadline, or behind an event of its key."""
    ended = {result.event.metadata["#"]: result for result in results}
    waiting = {number: result for number, result in ended.items() if result.status is not Status.EXPIRED}

    def deadline_ns(result: EventProcessingResult) -> int:
        return result.queued_ns + KINDS[result.event.type][1] * MS

    def place(result: EventProcessingResult) -> int:
        return deadline_ns(result) + offsets[result.priority]

    for at_ms, numbers in started:
        kind, first = ended[numbers[0]].event.type, min(place(waiting.pop(number)) for number in numbers)
        assert len(numbers) <= max(KINDS[kind][3], 1)
        for other in waiting.values():
            if other.queued_ns <= at_ms * MS and place(other) < first and not other.event.metadata["line"]:
                assert KINDS[other.event.type][3] and at_ms * MS < deadline_ns(other), (at_ms, numbers, other)
    assert not waiting


@settings(max_examples=150)
@given(arrivals, st.sampled_from(["deadline", "priority"]))
def test_an_engine_processes_batches_and_single_events_as_the_model(
    given: list[Arrival], strategy: str
) -> None:
    coming = [replace(each, number=number) for number, each in enumerate(sorted(given, key=lambda each: each.at_ms))]
    offsets = level_offsets(find_strategy(strategy))
    model, run = Model(offsets, list(coming)), EngineRun(strategy)
    model.run()
    results = run.results_of(coming)
    assert run.started == model.started
    check_nothing_less_urgent_went_first(run.started, results, offsets)
    ended = {result.event.metadata["#"]: result.status for result in results}
    assert len(ended) == len(results) == len(coming), "every event has one result"
    assert {number for number, status in ended.items() if status is Status.EXPIRED} == model.expired
    assert run.engine.ledger().balanced and not run.engine.ledger().in_flight
