"""The public names, their paths and signatures, and the documented calls."""

from __future__ import annotations

import inspect
import pickle
import pickletools
import subprocess
import sys
import types
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import lifeevt
from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    BatchPolicy,
    Event,
    EventProcessingResult,
    EventType,
    Field,
    Ledger,
    ManualClock,
    Priority,
    RateLimit,
    RuntimeLoop,
    Status,
    ThreadSafeSelfState,
    Value,
)
from lifeevt.locks import LockHolder
from lifeevt.metrics import LatencySummary
from lifeevt.processor import ReflexCondition
from lifeevt.queue import Admission
from lifeevt.runtime import LoopStatistics
from lifeevt.scheduler import AdaptiveBounds
from lifeevt.state import DeltaReport, StateChange

FIRST_YEAR = {
    "Event", "Priority", "EventProcessingResult", "AsyncEventQueue", "EventScheduler", "ThreadSafeSelfState", "Field",
    "Value", "Reflex", "Handler", "AsyncEventProcessor", "RuntimeLoop", "Tick", "EventType", "EventTypes", "Receipt",
    "Status", "Ledger", "BatchPolicy", "RateLimit", "Clock", "ManualClock", "LifeEventError", "QueueFull",
    "QueueEmpty", "QueueClosed", "EngineStopped", "StopTimeout", "ResultTimeout", "InvalidEvent", "InvalidValue",
    "UnknownField", "ConflictError", "LockTimeout", "LockOrderError", "DeadlockError", "backend",
}  # fmt: skip
PACKAGES = ["event", "queue", "scheduler", "processor", "state", "locks"]
MODULES = ["clock", "errors", "metrics", "result", "runtime"]
HOMES = ["lifeevt", *(f"lifeevt.{name}" for name in [*PACKAGES, *MODULES, "life"])]


def names_of(home: str) -> list[str]:
    listed: list[str] = import_module(home).__all__
    return listed


def thing(path: str) -> Any:
    home, _, name = path.rpartition(".")
    return getattr(import_module(home), name)


PATHS = [f"{home}.{name}" for home in HOMES for name in names_of(home)]
CLASSES = [path for path in PATHS if isinstance(thing(path), type)]
EVENT = Event("shock", -0.5, 1.0, {"a": 1})
STATE = ThreadSafeSelfState({"energy": Field(1.0)})
LATENCY = LatencySummary(count=3)
PICKLED = [
    EVENT,
    Priority.HIGH,
    Status.SHED,
    Admission.ACCEPTED,
    EventProcessingResult(EVENT, Status.PROCESSED, Priority.HIGH),
    EventType("shock", Priority.CRITICAL, 10),
    RateLimit(3, 2.0),
    Field(1.0, low=0.0, high=2.0),
    Value(3),
    STATE.snapshot(),
    STATE.statistics(),
    StateChange(1, STATE.snapshot(), STATE.snapshot()),
    DeltaReport(1, {}, {}),
    Ledger(1, 0, 0, 0, {Status.PROCESSED: 1}),
    LATENCY,
    LoopStatistics(1, 0, 0, 0, LATENCY, LATENCY, LATENCY),
    BatchPolicy(3),
    AdaptiveBounds(),
    ReflexCondition("energy", "<", 1.0),
    LockHolder("a repair", 1.0),
]


def members_of(owner: type) -> list[str]:
    """The public methods and properties that the package itself wrote."""
    kinds = (types.FunctionType, classmethod, staticmethod, property)
    return [name for name, member in vars(owner).items() if name[0] != "_" and isinstance(member, kinds)]


MEMBERS = sorted({(thing(path), member) for path in CLASSES for member in members_of(thing(path))}, key=str)


def test_the_package_itself_has_the_names_of_a_users_first_year() -> None:
    assert set(lifeevt.__all__) == FIRST_YEAR


@pytest.mark.parametrize("home", HOMES)
def test_public_names_are_sorted_and_listed_once(home: str) -> None:
    assert names_of(home) == sorted(set(names_of(home)))


@pytest.mark.parametrize("path", PATHS)
def test_a_public_name_can_be_imported(path: str) -> None:
    assert thing(path) is not None


def test_a_name_means_the_same_in_every_package() -> None:
    meanings: dict[str, set[int]] = {}
    for path in PATHS:
        meanings.setdefault(path.rpartition(".")[2], set()).add(id(thing(path)))
    assert [name for name, things in meanings.items() if len(things) > 1] == []


@pytest.mark.parametrize("name", sorted(FIRST_YEAR - {"backend"}))
def test_a_name_of_lifeevt_is_also_listed_in_its_package(name: str) -> None:
    assert sum(name in names_of(home) for home in HOMES if home != "lifeevt") == 1


@pytest.mark.parametrize("path", CLASSES)
def test_the_module_of_a_public_class_is_its_public_path(path: str) -> None:
    home, _, name = path.rpartition(".")
    assert thing(path).__module__ == ("lifeevt" if name in FIRST_YEAR else home)
    assert thing(path).__qualname__ == name


@pytest.mark.parametrize("home", [f"lifeevt.{name}" for name in [*PACKAGES, "life"]])
def test_dir_of_a_package_has_its_public_names_and_no_file(home: str) -> None:
    assert [name for name in dir(import_module(home)) if not name.startswith("__")] == names_of(home)


def test_dir_of_lifeevt_has_its_public_names_and_its_public_packages() -> None:
    shown = {name for name in dir(lifeevt) if not name.startswith("__")}
    assert shown == FIRST_YEAR | set(PACKAGES) | set(MODULES)


@pytest.mark.parametrize("value", PICKLED, ids=lambda value: type(value).__name__)
def test_a_value_survives_a_pickle_that_names_public_paths_only(value: Any) -> None:
    written = pickle.dumps(value)
    assert pickle.loads(written) == value
    named = {text for op, text, _ in pickletools.genops(written) if isinstance(text, str) and text[:7] == "lifeevt"}
    assert named <= set(HOMES)


ARGUMENTS = {"ConflictError": (("energy",), 1, 2), "RecordingError": (3, "it is cut off")}


@pytest.mark.parametrize("name", names_of("lifeevt.errors"))
def test_an_error_survives_a_pickle(name: str) -> None:
    error = thing(f"lifeevt.errors.{name}")(*ARGUMENTS.get(name, ("it went wrong",)))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args) == (type(error), error.args)


@pytest.mark.parametrize("path", [path for path in PATHS if path != "lifeevt.backend"])
def test_a_public_name_has_a_docstring(path: str) -> None:
    text = inspect.getdoc(thing(path))
    assert text
    assert "(*args, **kwargs)" not in text
    assert not text.startswith(f"{path.rpartition('.')[2]}(")  # the text that a dataclass makes up for itself


@pytest.mark.parametrize(("owner", "member"), MEMBERS)
def test_a_public_member_has_a_docstring(owner: type, member: str) -> None:
    assert inspect.getattr_static(owner, member).__doc__


def test_the_backend_is_native_or_reference() -> None:
    assert lifeevt.backend in ("native", "reference")


def test_the_version_is_that_of_the_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"lifeevt": "1.2.3"}.__getitem__)
    assert lifeevt.__version__ == "1.2.3"


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = lifeevt.nonsense  # type: ignore[attr-defined]


def test_importing_the_package_imports_only_the_standard_library() -> None:
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


def test_importing_the_package_reads_no_metadata_of_packages() -> None:
    home = str(Path(lifeevt.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {home!r}); import lifeevt; print('importlib.metadata' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


LAZY = {
    "argparse", "asyncio", "bz2", "csv", "ctypes", "hashlib", "importlib.metadata", "importlib.resources", "lzma",
    "multiprocessing", "random", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "urllib.request", "zipfile",
}  # fmt: skip


def test_importing_the_package_imports_no_large_module_that_few_calls_need() -> None:
    home = str(Path(lifeevt.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {home!r}); import lifeevt; print(*sorted({LAZY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "\n"


def parameters_of(function: Any) -> list[tuple[str, Any]]:
    """Names and defaults of the parameters that can be given by position."""
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
def test_the_documented_signatures_stay(function: Any, expected: list[tuple[str, Any]]) -> None:
    assert parameters_of(function) == expected


def test_the_documented_calls_work_as_written() -> None:
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


def test_a_result_has_the_documented_attributes() -> None:
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
