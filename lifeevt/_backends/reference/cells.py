"""StateCells, the reference: the calls by which a state's numbers and objects are read and written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ..contract import NO_CAUSE, SAMPLED_WRITES, Change
from .cell_storage import CellStorage
from .histogram import Histogram
from .rwlock import reading, writing


class StateCells(CellStorage):
    """Bounded numbers, and objects behind them, under a read-write lock, with a version that counts writes.

    Places count the numbers first, then the objects. A value outside the bounds is clamped by ``clamping`` numbers and
    refused by others. A delta that leaves the bounds is refused by ``refusing`` numbers and clamped by others. All
    calls are atomic and thread-safe; they block only for the few operations of another call.
    """

    def __len__(self) -> int:
        """Return the number of numbers."""
        return len(self._values)

    @property
    def version(self) -> int:
        """The number of writes."""
        return self._version

    @property
    def conflicts(self) -> int:
        """The number of commits that found a watched place written."""
        return self._conflicts

    @property
    def waits(self) -> Histogram:
        """The waits of writers that did not find the lock free."""
        return self._waits

    @property
    def holds(self) -> Histogram:
        """The holds of the lock by writers in Python: each 64th write is measured, or none."""
        return self._holds

    # --- reading

    def read(self, index: int) -> float:
        """Return one number; IndexError outside. O(1)."""
        with reading(self._lock):
            self._reads += 1
            return self._values[index]

    def read_all(self) -> tuple[int, tuple[float, ...]]:
        """Return the version and all numbers of one instant. O(cells)."""
        with reading(self._lock):
            self._reads += 1
            return self._version, tuple(self._values)

    def read_object(self, index: int) -> Any:
        """Return the object at a place; IndexError where none is. O(1)."""
        with reading(self._lock):
            self._reads += 1
            return self._objects[index - len(self._values)]

    def read_whole(self) -> tuple[int, tuple[float, ...], tuple[Any, ...]]:
        """Return the version, all numbers and all objects of one instant. O(cells)."""
        with reading(self._lock):
            self._reads += 1
            return self._version, tuple(self._values), tuple(self._objects)

    def stamp(self, index: int) -> int:
        """Return the version of the last write of a place, 0 when there was none; IndexError outside. O(1)."""
        return self._stamps[index]

    # --- writing

    def write(self, index: int, value: float, cause: int = NO_CAUSE) -> int:
        """Store a number and return the new version; ValueError for NaN or outside the bounds. O(1)."""
        bounded = self._bounded(index, value)
        with Writing(self):
            self._set(index, bounded, cause)
            return self._written()

    def add(self, indices: Sequence[int], deltas: Sequence[float], cause: int = NO_CAUSE) -> int:
        """Add each delta to its number, clamped to its bounds, all or nothing; return the new version.

        ValueError for a delta that is not finite, or that a refusing number would have to clamp. O(deltas).
        """
        version, _ = self.add_and_tell(indices, deltas, cause)
        return version

    def add_and_tell(
        self, indices: Sequence[int], deltas: Sequence[float], cause: int = NO_CAUSE
    ) -> tuple[int, tuple[float, ...]]:
        """Add as ``add`` does; return the new version and the change of each number. O(deltas)."""
        amounts = list(map(float, deltas))
        with Writing(self):
            self._refuse(indices, amounts)
            changes = [self._add(place, amount, cause) for place, amount in zip(indices, amounts, strict=True)]
            return self._written(), tuple(changes)

    def compare_and_set(self, index: int, expected: float, value: float, cause: int = NO_CAUSE) -> int:
        """Store a number if the present one equals ``expected``; return the new version, 0 when it differs. O(1)."""
        bounded = self._bounded(index, value)
        with Writing(self):
            if self._values[index] != expected:
                return 0
            self._set(index, bounded, cause)
            return self._written()

    def reach(self, index: int, value: float, upward: bool, cause: int = NO_CAUSE) -> int:
        """Raise a number to at least ``value``, or lower it to at most that; return the version then. O(1)."""
        bounded = self._bounded(index, value)
        with Writing(self):
            present = self._values[index]
            if not (bounded > present if upward else bounded < present):
                return self._version
            self._set(index, bounded, cause)
            return self._written()

    def commit(
        self, since: int, watched: Sequence[int], places: Sequence[int], values: list[Any], cause: int = NO_CAUSE
    ) -> tuple[int, tuple[int, ...]]:
        """Store values at places in one step, unless a watched place was written after version ``since``.

        Return the new version and (), or 0 and the watched places that were written. The replaced objects are
        exchanged into the list ``values``. ValueError as ``write``. O(watched + places).
        """
        numbers = len(self._values)
        bounded = [
            self._bounded(place, value) if place < numbers else value
            for place, value in zip(places, values, strict=True)
        ]
        with Writing(self):
            written = tuple(place for place in watched if self._stamps[place] > since)
            if written:
                self._conflicts += 1
                return 0, written
            for position, (place, value) in enumerate(zip(places, bounded, strict=True)):
                if place < numbers:
                    self._set(place, value, cause)
                else:
                    self._exchange(place, values, position, cause)
            return self._written(), ()

    def absorb(
        self,
        since: int,
        held: tuple[Any, ...],
        kept: tuple[float, ...],
        places: Sequence[int] = (),
        values: list[Any] | tuple[()] = (),
        cause: int = NO_CAUSE,
    ) -> tuple[int, tuple[float, ...] | None]:
        """Merge the changes from ``kept``, the numbers at version ``since``, to ``held`` into the cells, in one step.

        A number that was written since gets the difference, clamped to its bounds. The objects at ``places`` are
        exchanged with those of the list ``values``. O(cells).

        Returns:
            The new version, 0 when there was nothing to write, and the present numbers: ``held`` itself if it has
            them. (0, None), without a write, when a number is no plain float (of an integer cell: int) in its bounds.
        """
        changes = self._differences(held, kept)
        if changes is None:
            return 0, None
        if not changes and not places:
            return 0, held
        with Writing(self):
            for position, place in enumerate(places):
                self._exchange(place, values, position, cause)
            for place, (now, before) in changes.items():
                if self._stamps[place] > since:
                    self._add(place, now - before, cause)
                else:
                    self._set(place, now, cause)
            others = {place: self._values[place] for place, (now, _) in changes.items() if self._values[place] != now}
            version = self._written()
        return version, tuple(others.get(place, now) for place, now in enumerate(held)) if others else held

    # --- statistics and changes

    def counts(self) -> tuple[int, int]:
        """Return the numbers of reads and writes; a few reads may be missing under contention."""
        return self._reads, self._writes

    @property
    def changes_waiting(self) -> int:
        """The number of changes in the log."""
        return len(self._change_log or ())

    def record(self, records: bool) -> None:
        """Log every change from now on, or stop that."""
        with writing(self._lock):
            if not records:
                self._change_log = None
            elif self._change_log is None:
                self._change_log = []

    def take_changes(self) -> list[Change]:
        """Take the logged changes, oldest first. O(changes)."""
        with writing(self._lock):
            taken = self._change_log or []
            if taken:
                self._change_log = []
            return taken


class Writing:
    """The write side of the cells' lock: waits are measured, and each 64th hold."""

    def __init__(self, cells: StateCells) -> None:
        self._cells = cells
        self._entered_ns = 0

    def __enter__(self) -> None:
        cells = self._cells
        if not cells._lock._try_to_write():
            self._wait(cells)
        if cells._measured and cells._version % SAMPLED_WRITES == 0:
            self._entered_ns = time.monotonic_ns()

    def __exit__(self, *_: object) -> None:
        if self._entered_ns:
            self._cells._holds.record(time.monotonic_ns() - self._entered_ns)
        self._cells._lock.release_write()

    @staticmethod
    def _wait(cells: StateCells) -> None:
        began_ns = time.monotonic_ns()
        cells._lock.acquire_write()
        if cells._measured:
            cells._waits.record(time.monotonic_ns() - began_ns)
