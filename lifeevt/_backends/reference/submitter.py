"""Submitter, the reference: one number at a time into the heap."""

from __future__ import annotations

import time

from ..contract import REFUSED, REJECT
from .arrays import EARLIEST, LATEST
from .heap import EventHeap
from .kinds import KindTable
from .numbers import Rooted, finite, int64


class Submitter(Rooted):
    """Submits events as numbers, one at a time; a full queue refuses them, and sheds nobody. Thread-safe."""

    def __init__(self, heap: EventHeap, kinds: KindTable) -> None:
        for each, wanted in ((heap, EventHeap), (kinds, KindTable)):
            if not isinstance(each, wanted):
                raise TypeError(f"a submitter needs a {wanted.__name__}, not a {type(each).__name__}")
        self._heap, self._kinds, self._accepts = heap, kinds, True

    def submit(self, kind: int, intensity: float, timestamp: float = 0.0) -> bool:
        """Submit one event; False when it was refused.

        ValueError for no kind, an intensity outside [-1, 1], or a timestamp outside the years 1 to 9999.
        """
        number, strength, seconds = int64(kind), finite(intensity), finite(timestamp)
        fits = -1.0 <= strength <= 1.0 and EARLIEST <= seconds <= LATEST
        if not 0 <= number < len(self._kinds) or not fits:
            raise ValueError(f"kind {number} with intensity {strength} at {seconds} is no event")
        level, budget_ns, _, _ = self._kinds.describe(number)
        now_ns = time.monotonic_ns()
        offer = (now_ns + budget_ns, level, now_ns, (number, strength, seconds))
        with self._heap._inside:
            if not self._accepts or not self._heap._lets_come(self._kinds, number, now_ns):
                return False
            return self._heap._offer(offer, REJECT, offer[3]) is not REFUSED

    def accept(self, accepts: bool) -> None:
        """Take events from here on, or refuse them; when this returns, nobody is submitting any more."""
        now = bool(accepts)
        with self._heap._mutex:
            self._accepts = now
