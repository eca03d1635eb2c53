"""Handler: the Python callables for meaning, decision and action; BatchPolicy: several events at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import iscoroutinefunction
from types import NoneType
from typing import Any

from ..clock import NS_PER_SECOND
from ..errors import LifeEventError
from ..event import Event
from ..scheduler import LARGEST_BATCH
from ..state import ThreadSafeSelfState

ANY_TYPE = "*"
Meaning = Callable[[Any, ThreadSafeSelfState], Any]  # of an Event, or a list of them
Decision = Callable[[Any, Any, ThreadSafeSelfState], Any]
Action = Callable[[Any, Any, ThreadSafeSelfState], Any]


@dataclass(frozen=True)
class BatchPolicy:
    """Up to ``size`` events at once; an incomplete batch is processed ``window_seconds`` after its first event.

    With a window of 0 a batch has the events that are queued at the moment. ValueError unless the size lies in
    [1, 65536] and the window in [0, 1e6] seconds.
    """

    size: int
    window_seconds: float = 0.0

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 1 <= self.size <= LARGEST_BATCH:
            raise ValueError(f"the size of a batch is {self.size!r}; it must be whole, from 1 to {LARGEST_BATCH}")
        if not 0.0 <= self.window_seconds <= 1e6:
            raise ValueError(f"window_seconds is {self.window_seconds!r}; it must lie in [0, 1e6]")

    @property
    def window_ns(self) -> int:
        """The window in nanoseconds."""
        return round(self.window_seconds * NS_PER_SECOND)


@dataclass(frozen=True)
class Handler:
    """Three stages, each optional, called in this order by the engine's one worker thread.

    ``meaning(event, state)``, ``decision(event, meaning, state)``, ``action(event, decision, state)``: each return
    value goes to the next stage and into the result. A stage that raises ends its event as dead-lettered. Between
    stages a more important event may go first.

    With ``batch`` each stage is called once for several events (docs/adr/0020). Then ``event``, ``meaning`` and
    ``decision`` are lists, and a stage returns a list of the same length, or None.

    Raises:
        TypeError: there is no stage, one is not callable, or one of a batch is a coroutine function.
    """

    meaning: Meaning | None = None
    decision: Decision | None = None
    action: Action | None = None
    batch: BatchPolicy | None = None

    def __post_init__(self) -> None:
        stages = [stage for stage in (self.meaning, self.decision, self.action) if stage is not None]
        if not stages or not all(map(callable, stages)):
            raise TypeError("a handler needs at least one stage, and every stage must be callable")
        if not isinstance(self.batch, (BatchPolicy, NoneType)):
            raise TypeError(f"batch is a {type(self.batch).__name__}; it must be a BatchPolicy")
        if self.batch is not None and self.is_async:
            raise TypeError("a handler with a batch cannot have coroutines for stages")

    @cached_property
    def is_async(self) -> bool:
        """Whether a stage is a coroutine function, so that all stages run on an event loop."""
        stages = (self.meaning, self.decision, self.action)
        return any(iscoroutinefunction(each.call if isinstance(each, Bare) else each) for each in stages)


@dataclass(frozen=True)
class Bare:
    """A callable ``(event, state)`` as an action."""

    call: Callable[[Event, ThreadSafeSelfState], Any]

    def __call__(self, event: Event, _: Any, state: ThreadSafeSelfState) -> Any:
        """Call it without the decision."""
        return self.call(event, state)


class HandlerTable:
    """Handlers by event type: the exact name, else the longest family, else ``*``. Read-only."""

    def __init__(self, handlers: Mapping[str, Handler | Callable[..., Any]] | None) -> None:
        self._handlers = {name: _handler(name, each) for name, each in (handlers or {}).items()}

    def find(self, event_type: str) -> Handler | None:
        """Return the handler of ``event_type``, or None. O(parts of the name)."""
        if not self._handlers:
            return None
        family = event_type
        while family and family not in self._handlers:
            family = family.rpartition("_")[0]
        return self._handlers.get(family or ANY_TYPE)


def _handler(name: str, given: Handler | Callable[..., Any]) -> Handler:
    """Return a handler, or a callable ``(event, state)`` as the action of one; LifeEventError for anything else."""
    if isinstance(given, Handler):
        return given
    if not callable(given):
        raise LifeEventError(f"the handler of {name!r} is a {type(given).__name__}, which cannot be called")
    return Handler(action=Bare(given))
