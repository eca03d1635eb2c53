"""Bad input, as the caller of a whole engine meets it: a clear error, and nothing is lost."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventTypes,
    Handler,
    InvalidEvent,
    InvalidValue,
    LifeEventError,
    ManualClock,
    QueueFull,
    Reflex,
    Status,
    ThreadSafeSelfState,
    UnknownField,
)
from lifeevt.errors import InvalidReflex
from lifeevt.processor import ReflexRules, ReflexSet

Engine = AsyncEventProcessor


def broken(*_: Any) -> None:
    raise RuntimeError("broken on purpose")


def engine_of(capacity: int = 4, overflow: str = "drop_lowest") -> Engine:
    clock = ManualClock()
    queue = AsyncEventQueue(capacity, overflow, clock)
    state = ThreadSafeSelfState.life()
    return AsyncEventProcessor(state, handlers={"broken": broken}, queue=queue, clock=clock)


Act = Callable[[Engine], object]

REFUSED: list[tuple[str, Act, type[Exception], str]] = [
    ("NaN intensity", lambda e: e.submit(Event("shock", math.nan)), InvalidEvent, "intensity is nan"),
    ("infinite intensity", lambda e: e.submit(Event("shock", math.inf)), InvalidEvent, "intensity is inf"),
    ("intensity out of range", lambda e: e.submit(Event("shock", -1.5)), InvalidEvent, r"intensity is -1\.5"),
    ("intensity as text", lambda e: e.submit(Event("shock", "0.5")), InvalidEvent, "intensity must be a number"),  # type: ignore[arg-type]
    ("empty type", lambda e: e.submit(Event("", 0.5)), InvalidEvent, "type must not be empty"),
    ("type that is no text", lambda e: e.submit(Event(7, 0.5)), InvalidEvent, "type must be a string"),  # type: ignore[arg-type]
    ("metadata list", lambda e: e.submit(Event("shock", 0.5, 0.0, [1])), InvalidEvent, "metadata must be a mapping"),  # type: ignore[arg-type]
    ("far future", lambda e: e.submit(Event("shock", 0.5, 1e18)), InvalidEvent, "timestamp is 1e"),
    ("far past", lambda e: e.submit(Event("shock", 0.5, -1e18)), InvalidEvent, "timestamp is -1e"),
    ("no event", lambda e: e.submit({"type": "shock"}), InvalidEvent, "takes Event objects, not dict"),  # type: ignore[arg-type]
    ("no event in a batch", lambda e: e.submit_many([Event("shock"), None]), InvalidEvent, "not NoneType"),  # type: ignore[list-item]
    (
        "record lacks a field",
        lambda e: e.submit(Event.from_dict({"type": "shock"})),
        InvalidEvent,
        "'intensity' is missing",
    ),
    ("NaN in a field", lambda e: e.state.__setitem__("energy", math.nan), InvalidValue, "energy is nan"),
    ("field above its bound", lambda e: e.state.__setitem__("energy", 101.0), InvalidValue, "energy: 101"),
    ("field below its bound", lambda e: e.state.__setitem__("stability", -0.1), InvalidValue, r"stability: -0\.1"),
    ("unknown field", lambda e: e.state.__setitem__("soul", 1.0), UnknownField, "'soul'"),
    ("unknown field in a delta", lambda e: e.state.apply_delta({"energy": -1, "soul": 1}), UnknownField, "'soul'"),
    ("infinite delta", lambda e: e.state.apply_delta({"energy": -1, "age": math.inf}), InvalidValue, "age is inf"),
    ("negative limit", lambda e: e.results(-1), ValueError, "limit is -1"),
    ("missing table", lambda e: ReflexSet.load("no/such.csv"), FileNotFoundError, "such"),
    ("missing types", lambda e: EventTypes.load("no/such.csv"), FileNotFoundError, "such"),
    ("missing rules", lambda e: ReflexRules.load("no/such.csv"), FileNotFoundError, "such"),
    (
        "reflex on a missing field",
        lambda e: Engine(e.state, [Reflex("x", 1.0, {"soul": 1.0})]),
        InvalidReflex,
        "'soul'",
    ),
    ("handler that is none", lambda e: Engine(e.state, handlers={"x": 5}), LifeEventError, "handler of 'x'"),  # type: ignore[dict-item]
    ("handler without a stage", lambda e: Handler(), TypeError, "at least one stage"),
]


@pytest.mark.parametrize(("act", "error", "says"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_bad_input_is_refused_and_changes_nothing(act: Act, error: type[Exception], says: str) -> None:
    engine = engine_of()
    before = engine.ledger(), engine.state.snapshot(), engine.state.version
    with pytest.raises(error, match=says):
        act(engine)
    assert (engine.ledger(), engine.state.snapshot(), engine.state.version) == before
    engine.submit(Event("shock", -0.9, 0.0))
    engine.process_pending()
    assert engine.state["energy"] == pytest.approx(99.6575, abs=1e-12)
    assert engine.ledger().balanced


def test_a_handler_that_raises_costs_one_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="lifeevt")
    engine = engine_of(10)
    for number in range(9):
        engine.submit(Event("broken" if number % 3 == 0 else "joy", 0.5, float(number)))
    engine.process_pending()
    results = engine.results()
    failed = [result for result in results if result.status is Status.DEAD_LETTERED]
    assert (len(results), len(failed)) == (9, 3)
    assert {result.error for result in failed} == {"action: RuntimeError: broken on purpose"}
    ledger = engine.ledger()
    assert (ledger.accepted, ledger.ends[Status.DEAD_LETTERED], ledger.in_flight, ledger.balanced) == (9, 3, 0, True)


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "drop_lowest", "block"])
def test_too_many_events_are_refused_or_shed_and_counted(overflow: str) -> None:
    engine = engine_of(4, overflow)
    events = [Event(name, 0.5, 0.0) for name in ("social", "idle", "shock", "noise") * 5]
    taken = engine.submit_many(events)
    ledger = engine.ledger()
    assert ledger.accepted == taken
    assert ledger.accepted + ledger.refused == len(events)
    engine.process_pending()
    assert len(engine.results()) == taken
    assert (engine.ledger().in_flight, engine.ledger().balanced) == (0, True)


def test_one_event_too_many_is_an_error_where_nothing_is_shed() -> None:
    engine = engine_of(1, "reject")
    engine.submit(Event("joy", 0.5, 0.0))
    with pytest.raises(QueueFull, match="queue holds 1 of 1 events; 'shock' was refused"):
        engine.submit(Event("shock", 0.5, 0.0))
    assert (engine.ledger().accepted, engine.ledger().refused) == (1, 1)


@pytest.mark.parametrize("load", [EventTypes.load, ReflexSet.load, ReflexRules.load])
def test_a_table_that_is_no_text_is_refused(load: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"type,weight\n\xff\xfe\x00,1\n")
    with pytest.raises(ValueError, match=r"table\.csv|decode"):
        load(path)


def test_every_error_made_on_purpose_has_one_root() -> None:
    from lifeevt import errors

    made = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(error, LifeEventError) for error in made)
    assert all(error.__doc__ for error in made)
