"""The errors that lifeevt raises on purpose, all below LifeEventError, and the logger of those of its callbacks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logging import Logger

__all__ = [
    "BackendError", "ConflictError", "DeadlockError", "EngineStopped", "InvalidConfiguration", "InvalidEvent",
    "InvalidReflex", "InvalidValue", "LifeEventError", "LockOrderError", "LockTimeout", "QueueClosed", "QueueEmpty",
    "QueueFull", "RecordingError", "ResultTimeout", "SerializationError", "StateError", "StateFileError",
    "StateFileMissing", "StopTimeout", "TransactionError", "UnknownField",
]  # fmt: skip


class LifeEventError(Exception):
    """The base class: ``except LifeEventError`` catches every error that lifeevt raises on purpose."""


class InvalidEvent(LifeEventError, ValueError):
    """An event was built from a value outside its contract."""


class StopTimeout(LifeEventError, TimeoutError):
    """A handler was still running when the time allowed for stopping was over."""


class ResultTimeout(LifeEventError, TimeoutError):
    """A tracked event had not ended in the time allowed."""


class InvalidConfiguration(LifeEventError, ValueError):
    """A table of event types, or a file with one, is inconsistent."""


class InvalidReflex(InvalidConfiguration):
    """Reflexes or their rules are inconsistent, or name a field that the state does not have."""


class SerializationError(LifeEventError, ValueError):
    """A value would change on its way to JSON and back."""


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
    """The queue is closed: it accepts no event, and has none left."""


class EngineStopped(LifeEventError, RuntimeError):
    """The engine is closed and accepts no event."""


class BackendError(LifeEventError, ImportError):
    """LIFEEVT_BACKEND names an unknown backend, or requires the native one where it is not built."""


class StateError(LifeEventError):
    """The base class of the errors of the shared state."""


class UnknownField(StateError, KeyError):
    """The state has no field of this name."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError would print the repr


class InvalidValue(StateError, ValueError):
    """A value is not a number, not finite, or outside its field's bounds."""


class StateFileError(StateError, ValueError):
    """A state file is incomplete or damaged, and so is its predecessor."""


class StateFileMissing(StateFileError, FileNotFoundError):
    """The state file does not exist, and neither does its predecessor."""


class ConflictError(StateError):
    """A transaction conflicts: ``fields`` changed after it ``began``; the state is at ``version``."""

    def __init__(self, fields: tuple[str, ...], began: int, version: int) -> None:
        names = ", ".join(map(repr, fields))
        super().__init__(f"{names} changed after version {began}; the state is at version {version}")
        self.fields, self.began, self.version = fields, began, version

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.fields, self.began, self.version)


class TransactionError(StateError, RuntimeError):
    """A transaction was nested in another one on the same state, or was used outside its block."""


class LockTimeout(StateError, TimeoutError):
    """A lock was not free in the time allowed; ``holders`` has thread name and seconds of each holder."""

    holders: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, lock: str, limit_ns: int, since_ns: Mapping[int, int], now_ns: int) -> LockTimeout:
        """Return the error with its holders: ``since_ns`` has a time per thread, on the monotonic clock."""
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        held = [(names.get(each, f"thread {each}"), (now_ns - since) / 1e9) for each, since in since_ns.items()]
        return cls.held_by(lock, limit_ns, held)

    @classmethod
    def held_by(cls, lock: str, limit_ns: int, holders: Iterable[tuple[str, float]]) -> LockTimeout:
        """Return the error with its holders, each a name and seconds."""
        held = tuple(holders)
        named = "".join(f"; {name} has held it for {seconds:.3g} s" for name, seconds in held)
        made = cls(f"{lock} was not free within {limit_ns / 1e9:g} s{named}")
        made.holders = held
        return made


class LockOrderError(StateError, RuntimeError):
    """A thread took a lock twice or out of order, or released one that it does not hold."""


class DeadlockError(StateError, RuntimeError):
    """Waiting for a lock would have closed a cycle of threads that wait for each other.

    ``cycle`` describes each thread's wait in a sentence; ``stacks`` has each thread's stack by its name.
    """

    def __init__(self, message: str, cycle: tuple[str, ...] = (), stacks: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.cycle, self.stacks = cycle, dict(stacks or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.cycle, self.stacks)


def logger() -> Logger:
    """Return the logger ``lifeevt``, for what a callback raises."""
    import logging  # lazy: it is a sixth of the standard library that the package would import

    return logging.getLogger("lifeevt")
