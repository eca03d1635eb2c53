"""Strategies: the order that they give on each twin, against a naive model; their bounds; and switching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt import AsyncEventQueue, Event, EventScheduler, EventTypes, ManualClock
from lifeevt.scheduler import DeadlineStrategy, LoadBalancingStrategy, PriorityStrategy, Strategy
from lifeevt.scheduler.strategy import FURTHEST_NS, OPEN, level_offsets
from strategies import event_names, priorities, shares

MS = 1_000_000
TYPES = EventTypes.life()


class Offset(Strategy):
    """Any strategy: it is no more than its offsets."""

    name = "offset"

    def __init__(self, offsets_ns: Sequence[int]) -> None:
        self.given = offsets_ns

    @property
    def offsets_ns(self) -> Sequence[int]:
        return self.given


class Line:
    """A queue that follows a scheduler, and beside it the naive model: a list that is searched."""

    def __init__(self, strategy: Strategy) -> None:
        self.clock = ManualClock()
        self.scheduler = EventScheduler(strategy)
        self.queue = AsyncEventQueue(1000, clock=self.clock, rank=self.scheduler.rank)
        self.scheduler.attach(self.queue.heap)
        self.waiting: list[dict[str, int]] = []
        self.count = 0

    def put(self, event: Event) -> dict[str, int]:
        key, level = TYPES.rank(event, self.clock.now_ns())
        entry = {"key": key, "level": level, "number": self.count, "arrival": self.clock.now_ns()}
        entry["budget"] = TYPES.resolve(event).budget_ns
        metadata = {"internal": event.metadata.get("internal"), "#": self.count}
        self.queue.put(Event(event.type, 0.0, 0.0, metadata, priority=event.priority, urgency=event.urgency))
        self.waiting.append(entry)
        self.count += 1
        return entry

    def get(self) -> dict[str, int]:
        """Take an event from both; they must agree."""
        offsets = level_offsets(self.scheduler.strategy)
        head = min(self.waiting, key=lambda each: (each["key"] + offsets[each["level"]], each["number"]))
        assert self.queue.get_nowait().metadata["#"] == head["number"], "an inversion"
        self.waiting.remove(head)
        return head


# an event arrives after so many ns, or one leaves
made = st.builds(Event, event_names, st.just(0.0), st.just(0.0), priority=priorities, urgency=shares)
steps = st.lists(st.tuples(st.integers(0, 3) | st.integers(0, 300 * MS), made) | st.none(), max_size=50)
spans = st.lists(st.integers(-2, 2) | st.integers(-500 * MS, 500 * MS) | st.integers(-FURTHEST_NS, FURTHEST_NS),
                 min_size=1, max_size=16)  # fmt: skip
fixed = st.sampled_from([DeadlineStrategy(), PriorityStrategy(), LoadBalancingStrategy()])
strategies = fixed | spans.map(Offset)


def play(line: Line, steps: list[Any]) -> list[dict[str, int]]:
    """Every event in the order in which it left."""
    gone = []
    for step in steps:
        if step is not None:
            line.clock.advance_ns(step[0])
            line.put(step[1])
        elif line.waiting:
            gone.append(line.get())
    while line.waiting:
        gone.append(line.get())
    return gone


@given(strategies, steps)
def test_every_strategy_gives_the_order_of_the_naive_model(strategy: Strategy, steps: list[Any]) -> None:
    line = Line(strategy)
    assert len(play(line, steps)) == line.count and line.queue.ledger().balanced


@given(strategies, steps)
def test_no_event_that_arrives_after_the_bound_is_processed_before(strategy: Strategy, steps: list[Any]) -> None:
    offsets = level_offsets(strategy)
    overtaken: list[dict[str, int]] = []
    for entry in reversed(play(Line(strategy), steps)):  # the later ones first
        span = offsets[entry["level"]] - min(offsets)
        for other in overtaken:
            assert entry["arrival"] < other["arrival"] + other["budget"] + other["span"]
        overtaken.append({**entry, "span": span})


@given(steps)
def test_under_deadline_no_event_waits_for_one_that_arrives_a_budget_later(steps: list[Any]) -> None:
    gone = play(Line(DeadlineStrategy()), steps)
    for place, entry in enumerate(gone):
        assert all(entry["arrival"] < later["arrival"] + later["budget"] for later in gone[place + 1 :])


@given(steps)
def test_priority_is_strict_and_within_a_level_it_is_by_deadline(steps: list[Any]) -> None:
    line, gone = Line(PriorityStrategy()), 0
    for step in steps:
        if step is not None:
            line.clock.advance_ns(step[0])
            line.put(step[1])
        elif line.waiting:
            best = min(each["level"] for each in line.waiting)
            earliest = min(each["key"] for each in line.waiting if each["level"] == best)
            head = line.get()
            assert (head["level"], head["key"]) == (best, earliest)
            gone += 1
    assert gone + len(line.waiting) == line.count


@given(steps)
def test_load_balancing_takes_critical_events_first_and_the_others_by_deadline(steps: list[Any]) -> None:
    gone = play(Line(LoadBalancingStrategy()), steps)
    for place, entry in enumerate(gone):
        for later in gone[place + 1 :]:
            if later["level"] > 0 < entry["level"]:
                assert entry["arrival"] < later["arrival"] + later["budget"]
            elif later["level"] == 0 < entry["level"]:
                assert later["number"] > entry["number"], "a critical event waited behind a lesser one"


@given(steps, st.lists(st.tuples(st.integers(0, 60), strategies), max_size=4))
def test_switching_while_events_wait_loses_none_and_inverts_none(
    steps: list[Any], switches: list[tuple[int, Strategy]]
) -> None:
    line, changes = Line(DeadlineStrategy()), dict(switches)
    gone = []
    for number, step in enumerate([*steps, *[None] * 50]):
        if number in changes:
            line.scheduler.set_strategy(changes[number])
        if step is not None:
            line.clock.advance_ns(step[0])
            line.put(step[1])
        elif line.waiting:
            gone.append(line.get()["number"])  # each is checked against the strategy of the moment
    line.queue.heap.check()
    assert sorted(gone) == list(range(line.count))
    assert line.queue.ledger().balanced and not line.queue.qsize()


def test_a_strategy_that_only_names_itself_is_open_and_orders_by_deadline() -> None:
    class Plain(Strategy):
        name = "plain"

    assert (level_offsets(Plain()), Plain().gate(5, [0])) == ((0,) * 16, OPEN)


@pytest.mark.parametrize(
    ("offsets", "error"),
    [((), "has 0 offsets"), ((0,) * 17, "has 17 offsets"), ((2**62 + 1,), "within 2"), ((0, -(2**62) - 1), "within 2")],
)
def test_offsets_that_do_not_fit_are_refused(offsets: tuple[int, ...], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        EventScheduler(Offset(offsets))


@pytest.mark.parametrize("late_offset_ns", [-1, 2**62 + 1])
def test_a_late_offset_that_does_not_fit_is_refused_at_the_tick(late_offset_ns: int) -> None:
    class Late(Strategy):
        name = "late"

    Late.late_offset_ns = late_offset_ns  # type: ignore[assignment, method-assign]
    with pytest.raises(ValueError, match="puts late events off"):
        EventScheduler(Late()).tick(0, 1)


def test_offsets_are_whole_nanoseconds() -> None:
    with pytest.raises(TypeError):
        level_offsets(Offset([0.5]))  # type: ignore[list-item]


def test_the_last_offset_also_holds_for_the_levels_below() -> None:
    assert level_offsets(Offset([1, 2])) == (1, *[2] * 15)
