"""Submitter, the reference: submits events as numbers."""

from __future__ import annotations

import math
import time

from ..contract import MAX_LEVELS, REFUSED, REJECT
from .arrays import EARLIEST, LATEST
from .heap import EventHeap
from .numbers import int64
from .type_table import TypeTable
from .uncopyable import Uncopyable

NOTHING_IS_SHED = (REJECT,) * MAX_LEVELS


class Submitter(Uncopyable):
    """Submits events as numbers, one at a time; a full queue refuses them, and sheds nothing. Thread-safe."""

    def __init__(self, heap: EventHeap, type_table: TypeTable) -> None:
        self._heap, self._types, self._accepts = heap, type_table, True

    def submit(self, type_id: int, intensity: float, timestamp: float = 0.0) -> bool:
        """Submit one event; False when it was refused.

        ValueError for no type, an intensity outside [-1, 1], or a timestamp outside the years 1 to 9999.
        """
        # Users get this object from ``engine.submitter()``: it validates its arguments.
        numbers = int64(type_id), _finite(intensity), _finite(timestamp)
        type_id, strength, seconds = numbers
        if not (0 <= type_id < len(self._types) and -1.0 <= strength <= 1.0 and EARLIEST <= seconds <= LATEST):
            raise ValueError(f"type_id {type_id} with intensity {strength} at {seconds} is no event")
        now_ns = time.monotonic_ns()
        with self._heap._mutex:
            if not self._accepts:
                return False
            return self._heap._admit_numbers(self._types, numbers, now_ns, NOTHING_IS_SHED) is not REFUSED

    def accept(self, accepts: bool) -> None:
        """Take events from here on, or refuse them; when this returns, no call to ``submit`` is still running."""
        with self._heap._mutex:
            self._accepts = accepts


def _finite(number: float) -> float:
    if not math.isfinite(number):  # takes the values that C takes for a double: no strings
        raise ValueError(f"{number} is not a finite number")
    return float(number)
