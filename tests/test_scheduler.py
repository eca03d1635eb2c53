"""EventScheduler: the place in line, and the account of how events fared."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from lifeevt import Event, EventScheduler, EventType, EventTypes, LatencySummary, Priority

MS = 1_000_000
CRITICAL, HIGH, NORMAL, LOW = Priority


def event_of(kind: str, **more: Any) -> Event:
    return Event(kind, 0.5, 0.0, **more)


def test_the_rank_is_that_of_the_types(backend: str) -> None:
    scheduler = EventScheduler(backend=backend)
    assert scheduler.rank(event_of("shock"), 5) == (5 + 10 * MS, CRITICAL)
    assert scheduler.rank(event_of("shock", priority=LOW, urgency=1.0), 5) == (5, LOW)


def test_types_of_ones_own_rank(backend: str) -> None:
    types = EventTypes([EventType("ping", HIGH, 3)])
    assert EventScheduler(types=types, backend=backend).rank(event_of("ping_pong"), 0) == (3, HIGH)


@pytest.mark.parametrize("strategy", ["", "priority", "Deadline"])
def test_an_unknown_strategy_is_refused_with_the_choice(backend: str, strategy: str) -> None:
    with pytest.raises(ValueError, match=f"unknown strategy '{strategy}'; choose deadline"):
        EventScheduler(strategy, backend=backend)


def test_every_level_starts_empty(backend: str) -> None:
    found = EventScheduler(backend=backend).statistics()
    assert (found.strategy, list(found.levels), found.late) == ("deadline", list(Priority), 0)
    empty = LatencySummary()
    for level in found.levels.values():
        assert (level.finished, level.late) == (0, 0)
        assert (level.wait, level.service, level.latency) == (empty, empty, empty)


def test_an_event_is_accounted_for_at_its_level(backend: str) -> None:
    scheduler = EventScheduler(backend=backend)
    scheduler.observe(event_of("shock"), CRITICAL, 100, 130, 170)
    found = scheduler.statistics().levels[CRITICAL]
    assert (found.finished, found.wait.max_ns, found.service.max_ns, found.latency.max_ns) == (1, 30, 40, 70)
    assert sum(level.finished for level in scheduler.statistics().levels.values()) == 1


@pytest.mark.parametrize(("latency_ns", "late"), [(10 * MS - 1, 0), (10 * MS, 0), (10 * MS + 1, 1)])
def test_an_event_is_late_when_it_took_longer_than_its_budget(backend: str, latency_ns: int, late: int) -> None:
    scheduler = EventScheduler(backend=backend)
    scheduler.observe(event_of("shock"), CRITICAL, 0, 5, latency_ns)
    assert scheduler.statistics().levels[CRITICAL].late == scheduler.statistics().late == late


def test_the_budget_is_the_types_and_the_level_the_events(backend: str) -> None:
    scheduler = EventScheduler(backend=backend)
    scheduler.observe(event_of("social", priority=CRITICAL), CRITICAL, 0, 0, 200 * MS)
    assert scheduler.statistics().levels[CRITICAL].late == 0


def test_the_late_of_all_levels_are_summed(backend: str) -> None:
    scheduler = EventScheduler(backend=backend)
    for kind, level in (("shock", CRITICAL), ("noise", HIGH), ("social", LOW)):
        scheduler.observe(event_of(kind), level, 0, 0, 300 * MS)
    assert scheduler.statistics().late == 3


def test_a_level_that_is_none_is_refused(backend: str) -> None:
    with pytest.raises(ValueError, match="7 is not a valid Priority"):
        EventScheduler(backend=backend).observe(event_of("shock"), 7, 0, 0, 0)


def test_statistics_are_frozen(backend: str) -> None:
    scheduler = EventScheduler(backend=backend)
    before = scheduler.statistics()
    scheduler.observe(event_of("shock"), CRITICAL, 0, 0, 1)
    assert before.levels[CRITICAL].finished == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.strategy = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        before.levels[CRITICAL] = before.levels[LOW]  # type: ignore[index]
