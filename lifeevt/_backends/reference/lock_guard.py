"""LockGuard, the reference: a ``with`` block inside a lock, with hooks at both of its ends."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from ...errors import StateError

SAMPLED_BITS = 0xF0  # a block that began at a nanosecond without these is recorded: about each 16th


class LockGuard:
    """One ``with`` block inside a gate; subclasses say in the hooks what is done at its ends.

    The gate is left however the block ends. On the native backend that also holds when a signal handler raises on
    the way in or out.
    """

    __slots__ = ("_gate", "_holder", "_inside", "_timeout")

    def __init__(self, gate: Any, holder: str, timeout_seconds: float | None) -> None:
        self._gate, self._holder, self._timeout = gate, holder, timeout_seconds
        self._inside: bool | None = None  # None before the block, False after it

    def __enter__(self) -> Any:
        """Enter the gate and return the value of ``_opened``.

        Raises:
            LockOrderError: this thread is inside the gate already.
            LockTimeout: the gate was not free within the timeout.
            StateError: the guard has had its block.
        """
        if self._inside is not None or self._gate.is_mine():
            self._refuse()
        self._admit()
        self._inside = True
        try:
            self._gate.acquire(self._holder, self._timeout)
            return self._opened()
        except BaseException:
            self._leave()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Run ``_finish`` inside the gate, leave it, and run ``_settle`` when ``_finish`` asked for it."""
        settles = False
        try:
            settles = self._finish()
        finally:
            self._leave()
        if settles:
            self._settle(error)

    def __del__(self) -> None:
        """Leave the gate when the block could not: a signal handler raised, or ``__exit__`` was never called."""
        if getattr(self, "_inside", False):
            self._leave()

    def _admit(self) -> None:
        """Raise what forbids this block, before any wait."""

    def _opened(self) -> Any:
        """Do the first work inside the gate and return the target of ``with … as``."""

    def _finish(self) -> bool:
        """Do the last work inside the gate; return whether ``_settle`` must follow."""
        return False

    def _settle(self, error: BaseException | None) -> None:
        """Work outside the gate, after a block that ended with ``error``."""

    def _refuse(self) -> None:
        if self._inside is not None:
            raise StateError("a turn is one block; begin another one")
        self._gate.refuse_inside()

    def _leave(self) -> None:
        """Give the lock back before anything else is called: whatever raises afterwards finds it free."""
        self._inside = False
        gate = self._gate
        if gate.lock._is_owned():
            noted, holder, since_ns, longest_ns = gate.thread, gate.holder, gate.since_ns, gate.longest_ns
            gate.thread = 0
            gate.lock.release()
            if gate.line:
                gate.call_first()
            if noted and longest_ns is not None:
                stay_ns = time.monotonic_ns() - since_ns
                if stay_ns > longest_ns or not since_ns & SAMPLED_BITS:
                    gate.note_stay(holder, stay_ns)
