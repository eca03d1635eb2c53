"""Every error lifeevt raises on purpose: one root, one line each saying when."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "BackendError",
    "ConflictError",
    "DeadlockError",
    "EngineStopped",
    "InvalidConfiguration",
    "InvalidEvent",
    "InvalidReflex",
    "InvalidValue",
    "LifeEventError",
    "LockOrderError",
    "LockTimeout",
    "QueueClosed",
    "QueueEmpty",
    "QueueFull",
    "RecordingError",
    "ResultTimeout",
    "SerializationError",
    "StateError",
    "StateFileError",
    "StateFileMissing",
    "StopTimeout",
    "TransactionError",
    "UnknownField",
]


class LifeEventError(Exception):
    """The root: ``except LifeEventError`` catches everything this package raises on purpose."""


class InvalidEvent(LifeEventError, ValueError):
    """An event was built from a value outside its contract."""


class StopTimeout(LifeEventError, TimeoutError):
    """A handler was still running when the time allowed for stopping was over."""


class ResultTimeout(LifeEventError, TimeoutError):
    """A tracked event had not ended in the time allowed."""


class InvalidConfiguration(LifeEventError, ValueError):
    """A table of event types, or a file with one, does not hold together."""


class InvalidReflex(InvalidConfiguration):
    """Reflexes or their rules do not hold together, or name a field that the state does not have."""


class SerializationError(LifeEventError, ValueError):
    """A value would not come back from JSON as it went in."""


class RecordingError(LifeEventError, ValueError):
    """A line of a recording is not an event; ``line_number`` counts from 1."""

    def __init__(self, line_number: int, reason: str) -> None:
        super().__init__(f"line {line_number}: {reason}")
        self.line_number, self.reason = line_number, reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.line_number, self.reason)


class QueueFull(LifeEventError, queue.Full):
    """The queue is at its capacity and its policy does not make room."""


class QueueEmpty(LifeEventError, queue.Empty):
    """No event arrived in the time allowed."""


class QueueClosed(LifeEventError):
    """The queue was closed: it takes no event, and has none left to give."""


class EngineStopped(LifeEventError, RuntimeError):
    """The engine was closed and takes no event."""


class BackendError(LifeEventError, ImportError):
    """An unknown twin was asked for, or the native one is required and absent."""


class StateError(LifeEventError):
    """The root of what the shared state raises."""


class UnknownField(StateError, KeyError):
    """A field was named that the state does not have."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError would print the repr


class InvalidValue(StateError, ValueError):
    """A value is not a number, not finite, or outside its field's bounds."""


class StateFileError(StateError, ValueError):
    """A file does not hold a whole state, and the one before it does not either."""


class StateFileMissing(StateFileError, FileNotFoundError):
    """There is no file to load a state from, and none before it."""


class ConflictError(StateError):
    """A commit came too late: others wrote ``fields`` after version ``began``; the state is at ``version``."""

    def __init__(self, fields: tuple[str, ...], began: int, version: int) -> None:
        names = ", ".join(map(repr, fields))
        super().__init__(f"{names} changed after version {began}; the state is at version {version}")
        self.fields, self.began, self.version = fields, began, version

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.fields, self.began, self.version)


class TransactionError(StateError, RuntimeError):
    """A transaction was nested in another one on the same state, or used outside its block."""


class LockTimeout(StateError, TimeoutError):
    """A lock could not be had in the time allowed.

    ``holders``: the name of each thread that had it, and for how many seconds.
    """

    holders: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, lock: str, limit_ns: int, since_ns: Mapping[int, int], now_ns: int) -> LockTimeout:
        """Say which threads hold the lock: ``since_ns`` by thread, all on the monotonic clock."""
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        held = [(names.get(each, f"thread {each}"), (now_ns - since) / 1e9) for each, since in since_ns.items()]
        return cls.held_by(lock, limit_ns, held)

    @classmethod
    def held_by(cls, lock: str, limit_ns: int, holders: Iterable[tuple[str, float]]) -> LockTimeout:
        """Say who holds the lock, and for how many seconds."""
        held = tuple(holders)
        told = "".join(f"; {name} has held it for {seconds:.3g} s" for name, seconds in held)
        made = cls(f"{lock} was not free within {limit_ns / 1e9:g} s{told}")
        made.holders = held
        return made


class LockOrderError(StateError, RuntimeError):
    """A thread took a lock that it holds already or out of order, or released one that it does not hold."""


class DeadlockError(StateError, RuntimeError):
    """To wait for a lock would have closed a circle of threads that wait for each other.

    ``cycle``: who waits for whom, in words, one a thread. ``stacks``: where each stands, by its name.
    """

    def __init__(self, message: str, cycle: tuple[str, ...] = (), stacks: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.cycle, self.stacks = cycle, dict(stacks or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.cycle, self.stacks)
