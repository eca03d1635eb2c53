"""Pauses: the levels and types of which a queue hands out no event for now."""

from __future__ import annotations

from .._backends import EventHeap
from .._backends.contract import MAX_LEVELS

__all__ = ["Pauses"]


class Pauses:
    """The pauses of a heap, each of a level, of a type or of everything. Thread-safe."""

    def __init__(self, heap: EventHeap) -> None:
        self._heap = heap
        self._paused: set[tuple[int | None, int | None]] = set()

    def set(self, level: int | None, type_id: int | None, paused: bool) -> None:
        """Pause or resume a level, a type, or everything when both are None."""
        everything = level is None and type_id is None
        for one in ((MAX_LEVELS if everything else level, None), (None, type_id)):
            if one != (None, None):
                self._heap.pause(one[0], one[1], paused)
                (self._paused.add if paused else self._paused.discard)(one)

    def end(self) -> None:
        """End every pause."""
        for level, type_id in list(self._paused):
            self._heap.pause(level, type_id, False)
        self._paused.clear()
