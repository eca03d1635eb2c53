"""EventTypes: the plan's levels and budgets, families, tables of one's own, and the order they give."""

from __future__ import annotations

import dataclasses
import gc
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventProcessingResult,
    EventScheduler,
    EventType,
    EventTypes,
    Field,
    ManualClock,
    Priority,
    ThreadSafeSelfState,
)
from lifeevt.errors import InvalidConfiguration
from lifeevt.event.registry import MAX_REMEMBERED
from strategies import events, schedules, shares

MS = 1_000_000
CRITICAL, HIGH, NORMAL, LOW = Priority

PLAN = {
    "shock": (CRITICAL, 10),
    "decay": (CRITICAL, 10),
    "noise": (HIGH, 10),
    "recovery": (HIGH, 50),
    "idle": (NORMAL, 50),
    "memory_echo": (NORMAL, 200),
    "internal": (LOW, 200),
    "social": (LOW, 200),
}
FAMILIES = {
    "social_conflict": (LOW, 200),
    "social_presence": (LOW, 200),
    "internal_thought": (LOW, 200),
    "shock_wave": (CRITICAL, 10),
    "memory_echo_of_joy": (NORMAL, 200),
}
OTHERS = ["joy", "void", "memory", "socialite", "unheard_of", "_", "_social", "__", "*"]
TYPES = EventTypes.life()


def event_of(name: str, **more: Any) -> Event:
    return Event(name, 0.5, 0.0, **more)


@pytest.mark.parametrize(("name", "expected"), [*PLAN.items(), *FAMILIES.items()])
def test_life_types_have_the_levels_and_budgets_of_the_plan(name: str, expected: tuple[Priority, int]) -> None:
    found = TYPES.resolve(event_of(name))
    assert (found.priority, found.budget_ns) == (expected[0], expected[1] * MS)


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_type_is_normal_with_50_ms(name: str) -> None:
    found = TYPES.resolve(event_of(name))
    assert (found.name, found.priority, found.budget_ns) == ("*", NORMAL, 50 * MS)


def test_life_has_its_types_and_a_default() -> None:
    assert {each.name for each in TYPES} == {*PLAN, "*"}


def test_the_longest_family_wins() -> None:
    types = EventTypes([EventType("a", HIGH, 1), EventType("a_b", LOW, 2), EventType("a_b_c", NORMAL, 3)])
    found = [types.resolve(event_of(name)).name for name in ("a", "a_x", "a_b", "a_b_x", "a_b_c_d", "a_b_cd")]
    assert found == ["a", "a", "a_b", "a_b", "a_b_c", "a_b"]


def test_an_event_marked_internal_is_internal() -> None:
    found = TYPES.resolve(event_of("joy", metadata={"internal": True}))
    assert (found.name, found.priority, found.budget_ns) == ("internal", LOW, 200 * MS)


@pytest.mark.parametrize("value", [False, 1, "yes", None], ids=repr)
def test_only_true_makes_an_event_internal(value: Any) -> None:
    assert TYPES.resolve(event_of("joy", metadata={"internal": value})).name == "*"


def test_a_known_type_stays_itself_when_internal() -> None:
    assert TYPES.resolve(event_of("shock", metadata={"internal": True})).name == "shock"


def test_internal_falls_to_the_default_in_a_table_without_it() -> None:
    types = EventTypes([EventType("joy", HIGH, MS)])
    assert types.resolve(event_of("noise", metadata={"internal": True})) == EventType("*", NORMAL, 50 * MS)


def test_a_default_may_be_given() -> None:
    default = EventType("anything", LOW, 7)
    assert EventTypes([], default).resolve(event_of("joy")) is default


def test_a_star_in_the_table_is_the_default() -> None:
    types = EventTypes([EventType("*", LOW, 7)])
    assert types.resolve(event_of("joy")) == EventType("*", LOW, 7)
    assert [each.name for each in types] == ["*"]


def test_more_names_than_it_remembers_still_resolve() -> None:
    types = EventTypes.life()
    strangers = [f"social_{number}" for number in range(MAX_REMEMBERED + 10)]
    assert {types.resolve(event_of(name)).name for name in strangers} == {"social"}


def test_an_event_type_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        EventType("joy", LOW, 1).budget_ns = 2  # type: ignore[misc]


@pytest.mark.parametrize("level", [-1, 16])
def test_a_level_must_be_one_of_those_there_are(level: int) -> None:
    with pytest.raises(InvalidConfiguration, match=f"'joy' has the level {level}"):
        EventType("joy", level, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("budget_ns", [0, -1, 2**62])
def test_a_budget_must_be_positive_and_fit(budget_ns: int) -> None:
    with pytest.raises(InvalidConfiguration, match=f"'joy' has the budget {budget_ns} ns"):
        EventType("joy", LOW, budget_ns)


def test_an_event_type_needs_a_name() -> None:
    with pytest.raises(InvalidConfiguration, match="''"):
        EventType("", LOW, 1)


# --- tables of a user


def test_a_custom_table_is_read_from_csv(tmp_path: Path) -> None:
    path = tmp_path / "types.csv"
    path.write_text("type,priority,budget_ms\nping, high ,0.5\n*,low,1000\n", encoding="utf-8")
    types = EventTypes.load(path)
    assert types.resolve(event_of("ping_pong")) == EventType("ping", HIGH, 500_000)
    assert types.resolve(event_of("shock")) == EventType("*", LOW, 1000 * MS)


@pytest.mark.parametrize(
    "row",
    ["ping,URGENT,5", "ping,HIGH,", *(f"ping,HIGH,{bad}" for bad in ("x", "nan", "inf", "0", "-1")), "ping", ",HIGH,5"],
)
def test_a_broken_row_is_refused_with_its_place(row: str, tmp_path: Path) -> None:
    path = tmp_path / "types.csv"
    path.write_text(f"type,priority,budget_ms\nfine,LOW,5\n{row}\n", encoding="utf-8")
    with pytest.raises(InvalidConfiguration, match=r"types\.csv, line 3: "):
        EventTypes.load(str(path))


def test_a_table_with_the_wrong_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "types.csv"
    path.write_text("name,level,budget\nping,HIGH,5\n", encoding="utf-8")
    with pytest.raises(InvalidConfiguration, match=r"line 1: the column 'type' is missing"):
        EventTypes.load(path)


def test_a_missing_table_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        EventTypes.load(tmp_path / "none.csv")


# --- the key of an event


@given(events(), st.integers(0, 2**40))
def test_the_key_is_arrival_plus_budget_less_urgency(event: Event, arrival_ns: int) -> None:
    budget_ns = TYPES.resolve(event).budget_ns
    key_ns, _ = TYPES.rank(event, arrival_ns)
    assert key_ns == arrival_ns + budget_ns - round(event.urgency * budget_ns)
    assert arrival_ns <= key_ns <= arrival_ns + budget_ns


def test_full_urgency_waives_the_whole_budget() -> None:
    assert TYPES.rank(event_of("social", urgency=1.0), 5) == (5, LOW)


def test_a_priority_of_its_own_changes_the_level_but_not_the_budget() -> None:
    assert TYPES.rank(event_of("social", priority=CRITICAL), 5) == (5 + 200 * MS, CRITICAL)


@given(shares, shares)
def test_more_urgency_never_means_later(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert TYPES.rank(event_of("idle", urgency=high), 0) <= TYPES.rank(event_of("idle", urgency=low), 0)


wide = st.tuples(st.integers(0, 300 * MS), events())


@given(schedules() | st.lists(wide, max_size=30).map(lambda found: sorted(found, key=lambda at: at[0])))
def test_no_event_is_overtaken_by_one_that_arrives_after_its_key(
    schedule: list[tuple[int, Event]]
) -> None:
    clock = ManualClock()
    queue = AsyncEventQueue(64, clock=clock)
    keys: list[tuple[int, int]] = []
    for number, (arrival_ns, event) in enumerate(schedule):
        clock.advance_ns(arrival_ns - clock.now_ns())
        keys.append((TYPES.rank(event, arrival_ns)[0], arrival_ns))
        queue.put(Event(event.type, 0.0, 0.0, {**event.metadata, "#": number}, urgency=event.urgency))
    left_before: set[int] = set()
    for event in queue.drain():
        number = event.metadata["#"]
        assert all(keys[other][1] < keys[number][0] for other in left_before if other > number)
        left_before.add(number)


@pytest.mark.parametrize("text", ["", "shock,CRITICAL,10\n", "type,priority\nshock,CRITICAL\n"])
def test_a_table_without_its_columns_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "types.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfiguration, match=r"line 1: the column '[a-z_]+' is missing"):
        EventTypes.load(path)


def test_a_type_given_twice_is_refused() -> None:
    with pytest.raises(InvalidConfiguration, match="twice"):
        EventTypes([EventType("x", Priority.LOW, 1), EventType("x", Priority.HIGH, 2)])


def test_a_table_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "types.csv"
    path.write_bytes(b"type,priority,budget_ms\n\xff,LOW,1\n")
    with pytest.raises(InvalidConfiguration, match="is not UTF-8"):
        EventTypes.load(path)


# --- a table that changes while engines use it


def test_each_call_of_life_returns_a_table_of_its_own() -> None:
    EventTypes.life().add(EventType("shock", LOW, 1))
    assert EventTypes.life().resolve(event_of("shock")).priority is CRITICAL


def test_types_are_added_and_replaced_also_for_names_seen_before() -> None:
    types = EventTypes.life()
    assert types.resolve(event_of("joy")).name == "*"
    types.add(EventType("joy", HIGH, 7), EventType("*", LOW, 9))
    assert types.resolve(event_of("joy_deep")) == EventType("joy", HIGH, 7)
    assert types.resolve(event_of("void")) == types.default == EventType("*", LOW, 9)


def test_a_family_may_be_written_with_a_star() -> None:
    types = EventTypes([EventType("social_*", HIGH, 3)])
    assert [types.resolve(event_of(name)).name for name in ("social", "social_conflict")] == ["social", "social"]


def test_a_follower_is_told_of_every_change_for_as_long_as_it_lives() -> None:
    class Follower:
        calls = 0

        def changed(self) -> None:
            self.calls += 1

    types, follower = EventTypes.life(), Follower()
    types.follow(follower.changed)
    types.follow(Follower().changed)  # is gone at once
    gc.collect()
    types.add(EventType("joy", HIGH, 7))
    types.add(EventType("joy", LOW, 7))
    assert follower.calls == 2


@pytest.mark.parametrize("by_arrays", [False, True])
def test_an_engine_follows_a_change_of_its_types(by_arrays: bool) -> None:
    types, state = EventTypes.life(), ThreadSafeSelfState({"energy": Field(1.0)})
    engine = AsyncEventProcessor(state, [], scheduler=EventScheduler("priority", types))

    def submit() -> None:
        if by_arrays:
            engine.submit_arrays(array("i", [engine.type_id(name) for name in ("joy", "idle")]), array("d", [0, 0]))
        else:
            engine.submit_many(map(event_of, ("joy", "idle")))

    submit()
    types.add(EventType("joy", Priority(7), 5 * MS))
    submit()
    assert engine.queue.statistics().depth_by_level == {CRITICAL: 0, HIGH: 0, NORMAL: 3, LOW: 0, Priority(7): 1}
    engine.process_pending()
    results = engine.results()
    assert [(each.event.type, each.priority) for each in results][-1] == ("joy", Priority(7))
    assert EventProcessingResult.from_json(results[-1].to_json()) == results[-1]


def test_custom_levels_have_accounts_of_their_own() -> None:
    types = EventTypes([EventType("dream", Priority(5), MS)])
    assert types.lowest == Priority(5)
    scheduler = EventScheduler(types=types)
    scheduler.observe(event_of("dream"), 5, 0, 1, 2)
    scheduler.observe(event_of("dream"), 9, 0, 1, 2)  # a level that came later shares the last one's
    levels = scheduler.statistics().levels
    assert [level.name for level in levels][-2:] == ["LEVEL_4", "LEVEL_5"]
    assert levels[Priority(5)].finished == 2
