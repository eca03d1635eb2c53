"""Reactivity between the ticks of a long-running loop.

The stages of an event are the packages, in this order:

    event ─► queue ─► scheduler ─► processor ─► state ─► result
                          │            │
             event types: level,       ├─ reflex: a response declared as data, without Python code
             latency budget            └─ handler: meaning ─► decision ─► action, in Python

    runtime: the loop around them, which ticks on absolute deadlines and takes the results

`locks`, `clock`, `metrics` and `errors` serve all of them; `life` is the adapter for Life, `cli` the command. Below
them `_backends` has heap, lock, cells, reflexes and histograms twice: `reference` in Python, the specification, and
`native` in Cython. The environment's LIFEEVT_BACKEND chooses one of the two at import; `backend` is its name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._backends import backend
from ._public import publish
from .errors import (
    ConflictError,
    DeadlockError,
    EngineStopped,
    InvalidEvent,
    InvalidValue,
    LifeEventError,
    LockOrderError,
    LockTimeout,
    QueueClosed,
    QueueEmpty,
    QueueFull,
    ResultTimeout,
    StopTimeout,
    UnknownField,
)

if TYPE_CHECKING:
    from .clock import Clock, ManualClock
    from .event import Event, EventType, EventTypes, Priority, RateLimit
    from .metrics import Ledger
    from .processor import AsyncEventProcessor, BatchPolicy, Handler, Reflex
    from .queue import AsyncEventQueue, Receipt
    from .result import EventProcessingResult, Status
    from .runtime import RuntimeLoop, Tick
    from .scheduler import EventScheduler
    from .state import Field, ThreadSafeSelfState, Value

    __version__: str

__all__ = [
    "AsyncEventProcessor", "AsyncEventQueue", "BatchPolicy", "Clock", "ConflictError", "DeadlockError", "EngineStopped",
    "Event", "EventProcessingResult", "EventScheduler", "EventType", "EventTypes", "Field", "Handler", "InvalidEvent",
    "InvalidValue", "Ledger", "LifeEventError", "LockOrderError", "LockTimeout", "ManualClock", "Priority",
    "QueueClosed", "QueueEmpty", "QueueFull", "RateLimit", "Receipt", "Reflex", "ResultTimeout", "RuntimeLoop",
    "Status", "StopTimeout", "ThreadSafeSelfState", "Tick", "UnknownField", "Value", "backend",
]  # fmt: skip

_MODULES = (
    "clock", "event", "result", "metrics", "locks", "queue", "scheduler", "state", "processor", "runtime",
)  # fmt: skip  # from below: each imports only from those before it

__dir__ = publish(__name__, "__version__", "errors", *_MODULES)


def _loaded(name: str) -> object:
    """Load a name at its first use, with the module that has it: a program imports only the stages that it uses."""
    if name == "__version__":
        from importlib.metadata import version

        return version("lifeevt")
    if name in _MODULES:
        return import_module(f"lifeevt.{name}")
    if name in __all__:
        for home in _MODULES:
            module = import_module(f"lifeevt.{home}")
            if name in module.__all__:
                return globals().setdefault(name, getattr(module, name))
    raise AttributeError(f"module 'lifeevt' has no attribute {name!r}")


if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = _loaded
