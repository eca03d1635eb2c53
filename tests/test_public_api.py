"""What others build on: the names, their signatures, and the documented example as it stands."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import lifeevt
from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    Field,
    ManualClock,
    RuntimeLoop,
    Status,
    ThreadSafeSelfState,
)

STABLE = [
    "Event",
    "Priority",
    "EventProcessingResult",
    "AsyncEventQueue",
    "EventScheduler",
    "ThreadSafeSelfState",
    "Field",
    "Reflex",
    "AsyncEventProcessor",
    "RuntimeLoop",
    "Clock",
    "ManualClock",
    "LifeEventError",
    "backend",
]
PUBLIC = [name for name in lifeevt.__all__ if name != "backend"]


def members_of(owner: type) -> list[str]:
    """The public methods and properties that the package itself wrote."""
    kinds = (types.FunctionType, classmethod, staticmethod, property)
    return [name for name, member in vars(owner).items() if name[0] != "_" and isinstance(member, kinds)]


MEMBERS = [f"{name}.{member}" for name in PUBLIC for member in members_of(getattr(lifeevt, name))]


@pytest.mark.parametrize("name", lifeevt.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(lifeevt, name) is not None


def test_the_public_names_are_sorted_and_named_once() -> None:
    assert lifeevt.__all__ == sorted(set(lifeevt.__all__))


@pytest.mark.parametrize("name", STABLE)
def test_the_names_that_stay_are_public(name: str) -> None:
    assert name in lifeevt.__all__


def test_nothing_public_is_left_out_of_the_list() -> None:
    own = {
        name
        for name, value in vars(lifeevt).items()
        if name[0] != "_" and getattr(value, "__module__", "").startswith("lifeevt.")
    }
    assert own <= set(lifeevt.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_class_says_what_it_is(name: str) -> None:
    text = inspect.getdoc(getattr(lifeevt, name))
    assert text
    assert "(*args, **kwargs)" not in text
    assert not text.startswith(f"{name}(")  # the text that a dataclass makes up for itself


@pytest.mark.parametrize("name", MEMBERS)
def test_every_public_member_says_what_it_does(name: str) -> None:
    owner, _, member = name.partition(".")
    assert inspect.getattr_static(getattr(lifeevt, owner), member).__doc__


def test_the_backend_is_a_twins_name() -> None:
    assert lifeevt.backend in ("native", "reference")


def test_the_version_is_that_of_the_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"lifeevt": "1.2.3"}.__getitem__)
    assert lifeevt.__version__ == "1.2.3"


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = lifeevt.nonsense  # type: ignore[attr-defined]


def test_importing_the_core_imports_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); import lifeevt\n"
        "tops = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(tops - set(sys.stdlib_module_names) - {'lifeevt', 'cython_runtime'}))\n"
    )
    home = str(Path(lifeevt.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {home!r})\n{code}"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    strangers = [name for name in done.stdout.split() if not name.startswith("_cython")]
    assert strangers == []


def parameters_of(function: Any) -> list[tuple[str, Any]]:
    """Names and defaults of what can be given by position."""
    found = inspect.signature(function).parameters.values()
    return [
        (each.name, each.default)
        for each in found
        if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and each.name != "self"
    ]


NONE = inspect.Parameter.empty


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (AsyncEventQueue, [("capacity", 1024), ("overflow", "drop_lowest"), ("clock", None)]),
        (AsyncEventQueue.put, [("event", NONE), ("timeout", None)]),
        (AsyncEventQueue.put_nowait, [("event", NONE)]),
        (AsyncEventQueue.get, [("timeout", None)]),
        (AsyncEventQueue.get_nowait, []),
        (AsyncEventQueue.drain, [("limit", None)]),
        (Field, [("default", NONE), ("low", None), ("high", None), ("integer", False), ("on_set", "reject"),
                 ("on_delta", "clamp")]),
        (ThreadSafeSelfState, [("fields", NONE)]),
        (ThreadSafeSelfState.life, []),
        (ThreadSafeSelfState.apply_delta, [("delta", NONE)]),
        (ThreadSafeSelfState.snapshot, []),
        (
            AsyncEventProcessor,
            [
                ("state", NONE),
                ("reflexes", None),
                ("handlers", None),
                ("queue", None),
                ("scheduler", "deadline"),
                ("clock", None),
            ],
        ),
        (AsyncEventProcessor.submit, [("event", NONE)]),
        (AsyncEventProcessor.submit_many, [("events", NONE)]),
        (AsyncEventProcessor.results, [("limit", None)]),
        (AsyncEventProcessor.wait_idle, [("timeout", None)]),
        (AsyncEventProcessor.statistics, []),
        (AsyncEventProcessor.start, []),
        (AsyncEventProcessor.stop, [("drain", True), ("timeout", None)]),
        (
            RuntimeLoop,
            [
                ("state", NONE),
                ("processor", None),
                ("tick_interval", 1.0),
                ("on_tick", None),
                ("mode", "async"),
                ("clock", None),
            ],
        ),
        (RuntimeLoop.run, [("ticks", None)]),
        (RuntimeLoop.start, []),
    ],
)
def test_the_signatures_that_stay(function: Any, expected: list[tuple[str, Any]]) -> None:
    assert parameters_of(function) == expected


def test_the_documented_calls_work_as_they_are_written() -> None:
    event, events = Event("shock", -0.9), [Event("noise", 0.2), Event("idle", 0.0)]

    queue = AsyncEventQueue(capacity=1024, overflow="drop_lowest", clock=None)
    queue.put(event, timeout=None)
    queue.put_nowait(event)
    queue.get(timeout=None)
    queue.get_nowait()
    assert queue.drain(limit=None) == []

    state = ThreadSafeSelfState({"energy": Field(100.0, low=0.0, high=100.0)})
    assert state["energy"] == 100.0
    state.apply_delta({"energy": -1.5})
    assert (state.snapshot()["energy"], state.snapshot().version) == (98.5, 1)

    engine = AsyncEventProcessor(state, reflexes=None, handlers=None, queue=None, scheduler="deadline", clock=None)
    engine.submit(event)
    engine.submit_many(events)
    engine.start()
    assert engine.wait_idle(timeout=None)
    assert len(engine.results(limit=None)) == 3
    assert engine.statistics().ledger.balanced
    engine.stop(drain=True, timeout=None)
    with engine:
        pass

    ticks: list[int] = []
    engine = AsyncEventProcessor(state)
    loop = RuntimeLoop(
        state, processor=engine, tick_interval=0.001, on_tick=lambda tick: ticks.append(tick.index), mode="async"
    )
    loop.run(ticks=2)
    assert ticks == [1, 2]
    loop.start()
    loop.stop()


def test_a_result_has_what_is_promised() -> None:
    engine = AsyncEventProcessor(ThreadSafeSelfState.life(), clock=ManualClock())
    engine.submit(Event("shock", -0.9, 0.0))
    engine.process_pending()
    (result,) = engine.results()
    assert result.status is Status.PROCESSED
    promised = (
        "event meaning decision action status priority attempts error state_version queued_ns started_ns finished_ns"
    )
    for name in promised.split():
        assert hasattr(result, name)
