"""Reactivity between the ticks of a long-running loop.

An event's way, and the modules in its order:

    event ─► queue ─► scheduler ─► processor ─► state ─► result
                          │            │
               event_types: level,     ├─ reflex: a response declared as data, no Python code
               latency budget          └─ handler: meaning ─► decision ─► action, in Python

    runtime: the loop around it; it ticks on absolute deadlines and takes the results.

Two twins carry heap, lock, cells, reflexes and histograms: `_core` (native) and `_core_py` (the
reference); `_backend` chooses, `_contract` says what both promise. Time is always a `clock`.
"""

from __future__ import annotations

from ._backends import backend
from .clock import Clock, ManualClock, SystemClock
from .errors import (
    BackendError,
    ConflictError,
    DeadlockError,
    EngineStopped,
    InvalidConfiguration,
    InvalidEvent,
    InvalidReflex,
    InvalidValue,
    LifeEventError,
    LockOrderError,
    LockTimeout,
    QueueClosed,
    QueueEmpty,
    QueueFull,
    RecordingError,
    ResultTimeout,
    SerializationError,
    StateError,
    StateFileError,
    StateFileMissing,
    StopTimeout,
    TransactionError,
    UnknownField,
)
from .event import Event, EventType, EventTypes, Priority, RateLimit, RateLimiter, TokenBucket
from .locks import Holding, LockStatistics, ReadWriteLock, Turn, TurnLock, WatchedLock
from .metrics import LatencySummary, Ledger
from .processor import (
    AsyncEventProcessor,
    BatchPolicy,
    Handler,
    ProcessorStatistics,
    Reflex,
    ReflexCondition,
    ReflexPattern,
    ReflexRule,
    ReflexRules,
    ReflexSet,
)
from .queue import Admission, AsyncEventQueue, Periodic, QueueStatistics, Receipt
from .result import EventProcessingResult, Status
from .runtime import LoopStatistics, RuntimeLoop, Tick
from .scheduler import (
    AdaptiveBounds,
    AdaptiveStrategy,
    DeadlineStrategy,
    Decision,
    DelayShedder,
    EventScheduler,
    Gate,
    LevelLoad,
    LevelStatistics,
    Load,
    LoadBalancingStrategy,
    PriorityStrategy,
    SchedulerStatistics,
    Strategy,
    strategy_names,
)
from .state import (
    DeltaReport,
    Field,
    LoadReport,
    StateChange,
    StateSnapshot,
    StateStatistics,
    StateTurn,
    Subscription,
    ThreadSafeSelfState,
    Transaction,
    Value,
)

__all__ = [
    "AdaptiveBounds",
    "AdaptiveStrategy",
    "Admission",
    "AsyncEventProcessor",
    "AsyncEventQueue",
    "BackendError",
    "BatchPolicy",
    "Clock",
    "ConflictError",
    "DeadlineStrategy",
    "DeadlockError",
    "Decision",
    "DelayShedder",
    "DeltaReport",
    "EngineStopped",
    "Event",
    "EventProcessingResult",
    "EventScheduler",
    "EventType",
    "EventTypes",
    "Field",
    "Gate",
    "Handler",
    "Holding",
    "InvalidConfiguration",
    "InvalidEvent",
    "InvalidReflex",
    "InvalidValue",
    "LatencySummary",
    "Ledger",
    "LevelLoad",
    "LevelStatistics",
    "LifeEventError",
    "Load",
    "LoadBalancingStrategy",
    "LoadReport",
    "LockOrderError",
    "LockStatistics",
    "LockTimeout",
    "LoopStatistics",
    "ManualClock",
    "Periodic",
    "Priority",
    "PriorityStrategy",
    "ProcessorStatistics",
    "QueueClosed",
    "QueueEmpty",
    "QueueFull",
    "QueueStatistics",
    "RateLimit",
    "RateLimiter",
    "ReadWriteLock",
    "Receipt",
    "RecordingError",
    "Reflex",
    "ReflexCondition",
    "ReflexPattern",
    "ReflexRule",
    "ReflexRules",
    "ReflexSet",
    "ResultTimeout",
    "RuntimeLoop",
    "SchedulerStatistics",
    "SerializationError",
    "StateChange",
    "StateError",
    "StateFileError",
    "StateFileMissing",
    "StateSnapshot",
    "StateStatistics",
    "StateTurn",
    "Status",
    "StopTimeout",
    "Strategy",
    "Subscription",
    "SystemClock",
    "ThreadSafeSelfState",
    "Tick",
    "TokenBucket",
    "Transaction",
    "TransactionError",
    "Turn",
    "TurnLock",
    "UnknownField",
    "Value",
    "WatchedLock",
    "backend",
    "strategy_names",
]


def __getattr__(name: str) -> str:
    """Return ``__version__`` from the installed metadata, read only when somebody asks."""
    if name == "__version__":
        from importlib.metadata import version

        return version("lifeevt")
    raise AttributeError(f"module 'lifeevt' has no attribute {name!r}")
