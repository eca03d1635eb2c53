"""Pauses: what a queue hands out none of for now."""

from __future__ import annotations

from .._backends import EventHeap
from .._backends.contract import MAX_LEVELS

__all__ = ["Pauses"]


class Pauses:
    """The levels and kinds that are paused in a heap, each by itself, and everything. Thread-safe."""

    def __init__(self, heap: EventHeap) -> None:
        self._heap = heap
        self._paused: set[tuple[int | None, int | None]] = set()

    def set(self, level: int | None, kind: int | None, paused: bool) -> None:
        """Pause a level, a kind, or everything when both are None; or let it go on."""
        everything = level is None and kind is None
        for one in ((MAX_LEVELS if everything else level, None), (None, kind)):
            if one != (None, None):
                self._heap.pause(one[0], one[1], paused)
                (self._paused.add if paused else self._paused.discard)(one)

    def end(self) -> None:
        """Let everything go on."""
        for level, kind in list(self._paused):
            self._heap.pause(level, kind, False)
        self._paused.clear()
