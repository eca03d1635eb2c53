"""SwitchInterval: how long a computing thread keeps the interpreter, lent while a worker runs."""

from __future__ import annotations

import sys

__all__ = ["SwitchInterval"]

ROUNDING_SECONDS = 1e-6  # the interpreter keeps whole microseconds


class SwitchInterval:
    """The interpreter's switch interval for as long as something runs; None leaves it alone.

    It is one for the whole process. A shorter one lets a waiting thread run sooner and costs throughput.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._before: float | None = None

    def set(self) -> None:
        """Set it, and remember what it was."""
        if self._seconds is not None:
            self._before = sys.getswitchinterval()
            sys.setswitchinterval(self._seconds)

    def restore(self) -> None:
        """Give it back, unless somebody else has set another one since."""
        before, self._before = self._before, None
        ours = self._seconds is not None and abs(sys.getswitchinterval() - self._seconds) <= ROUNDING_SECONDS
        if before is not None and ours:
            sys.setswitchinterval(before)
