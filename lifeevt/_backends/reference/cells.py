"""StateCells, the reference: numbers and objects under a read-write lock, each stamped when it was written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ...errors import StateError
from .. import fork
from ..contract import NO_CAUSE, SAMPLED_WRITES, Change
from .histogram import Histogram
from .numbers import truncated
from .rwlock import Reading, RWLock, Writing as Locked
from .uncopyable import Uncopyable

FORK_PATIENCE_NS = 10**9


class StateCells(Uncopyable, fork.Forked):
    """Bounded numbers, and objects behind them, under a read-write lock, with a version that counts writes.

    Places count the numbers first, then the objects. ``clamping`` numbers clamp what is stored outside
    their bounds, others refuse it; ``refusing`` numbers refuse a delta that leaves their bounds, others
    clamp. All calls are atomic and thread-safe; they block only for another call's few operations.
    """

    def __init__(
        self,
        values: Sequence[float],
        lows: Sequence[float],
        highs: Sequence[float],
        integers: Sequence[bool],
        clamping: Sequence[bool] = (),
        refusing: Sequence[bool] = (),
        objects: Sequence[Any] = (),
        measured: bool = True,
    ) -> None:
        self._lows, self._highs = list(map(float, lows)), list(map(float, highs))
        self._integers = list(integers)
        self._clamping = list(clamping) or [False] * len(values)
        self._refusing = list(refusing) or [False] * len(values)
        self._values = [self._bounded(place, value) for place, value in enumerate(values)]
        self._objects = list(objects)
        self._stamps = [0] * (len(values) + len(objects))
        self._lock = RWLock()
        self._version = self._reads = self._writes = self._conflicts = 0
        self._change_log: list[Change] | None = None
        self._measured = measured
        self._waits, self._holds = Histogram(), Histogram()
        self._held_for_fork = False
        fork.keep(self)

    def _before_fork(self) -> None:
        with suppress(StateError):  # a finalizer that forks inside a call on these cells would wait for itself
            self._lock.acquire_write(FORK_PATIENCE_NS)
            self._held_for_fork = True

    def _after_fork_in_parent(self) -> None:
        if self._held_for_fork:
            self._held_for_fork = False
            self._lock.release_write()

    def _after_fork_in_child(self) -> None:
        self._lock._after_fork_in_child()
        self._after_fork_in_parent()

    def __len__(self) -> int:
        """Return the number of numbers."""
        return len(self._values)

    @property
    def version(self) -> int:
        """How many writes there were."""
        return self._version

    @property
    def conflicts(self) -> int:
        """How many commits found a watched place written."""
        return self._conflicts

    @property
    def waits(self) -> Histogram:
        """How long writers waited that did not find the lock free."""
        return self._waits

    @property
    def holds(self) -> Histogram:
        """How long writers of Python held the lock: each 64th write is measured, or none."""
        return self._holds

    # --- reading

    def read(self, index: int) -> float:
        """Return one number; IndexError outside. O(1)."""
        with Reading(self._lock):
            self._reads += 1
            return self._values[index]

    def read_all(self) -> tuple[int, tuple[float, ...]]:
        """Return the version and all numbers of one instant. O(cells)."""
        with Reading(self._lock):
            self._reads += 1
            return self._version, tuple(self._values)

    def read_object(self, index: int) -> Any:
        """Return the object at a place; IndexError where none is. O(1)."""
        with Reading(self._lock):
            self._reads += 1
            return self._objects[index - len(self._values)]

    def read_whole(self) -> tuple[int, tuple[float, ...], tuple[Any, ...]]:
        """Return the version, all numbers and all objects of one instant. O(cells)."""
        with Reading(self._lock):
            self._reads += 1
            return self._version, tuple(self._values), tuple(self._objects)

    def stamp(self, index: int) -> int:
        """Return the version that wrote a place last, 0 when none did; IndexError outside. O(1)."""
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
        return self.add_and_tell(indices, deltas, cause)[0]

    def add_and_tell(
        self, indices: Sequence[int], deltas: Sequence[float], cause: int = NO_CAUSE
    ) -> tuple[int, tuple[float, ...]]:
        """Add as ``add`` does; return the new version and by how much each number changed. O(deltas)."""
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
        """Raise a number to ``value``, or lower it, if it is not there yet; return the version then. O(1)."""
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

        Return the new version and (), or 0 and the watched places that were written. ``values``, a list, gets
        in exchange the objects that were replaced. ValueError as ``write``. O(watched + places).
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
        """Merge what differs between ``held`` and ``kept``, which the cells had at version ``since``, in one step.

        Both are tuples of a number for each cell. A number that was written since gets the difference, clamped to its
        bounds. At ``places`` objects are replaced; the list ``values`` gets in exchange those that were there. Return
        the new version, 0 when there is nothing to write, and the numbers as they are now, ``held`` itself when that
        is so. (0, None), and no write, when one is no float (of an integer cell: no int) that its cell takes as it
        is. O(cells).
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

    # --- what is told of it

    def counts(self) -> tuple[int, int]:
        """Return how many reads and writes there were; reads may be a few short under contention."""
        return self._reads, self._writes

    @property
    def changes_waiting(self) -> int:
        """How many changes the log holds."""
        return len(self._change_log or ())

    def record(self, records: bool) -> None:
        """Log every change from now on, or no longer; unread changes stay."""
        with Locked(self._lock):
            if not records:
                self._change_log = None
            elif self._change_log is None:
                self._change_log = []

    def take_changes(self) -> list[Change]:
        """Take the logged changes: (version, place, before, after, cause) of each change, oldest first.

        Of an object both numbers are 0. O(changes).
        """
        with Locked(self._lock):
            taken = self._change_log or []
            if taken:
                self._change_log = []
            return taken

    # --- inside

    def _bounded(self, place: int, value: float) -> float:
        """Return the value as the cell stores it; ValueError, with the place, where that refuses it."""
        number, low, high = float(value), self._lows[place], self._highs[place]
        if self._integers[place]:
            number = truncated(number)
        if low <= number <= high:
            return number
        if self._clamping[place]:
            return low if number < low else high
        raise ValueError(f"{number} lies outside [{low}, {high}]", place)

    def _differences(self, held: tuple[Any, ...], kept: tuple[float, ...]) -> dict[int, tuple[float, float]] | None:
        """Return by place the numbers that differ; None when one is not plain."""
        pairs = {place: pair for place, pair in enumerate(zip(held, kept, strict=True)) if pair[0] is not pair[1]}
        if not all(self._plain(place, now) and self._plain_number(before) for place, (now, before) in pairs.items()):
            return None
        numbers = {place: (float(now), float(before)) for place, (now, before) in pairs.items()}
        return {place: (now, before) for place, (now, before) in numbers.items() if now != before}

    def _plain(self, place: int, number: Any) -> bool:
        if self._integers[place] and type(number) is not int:
            return False
        return self._plain_number(number) and self._lows[place] <= float(number) <= self._highs[place]

    def _plain_number(self, number: Any) -> bool:
        if type(number) is int:
            return abs(number) < 2**1024 - 2**970  # what rounds to a finite double
        return type(number) is float and number == number

    def _refuse(self, places: Sequence[int], deltas: Sequence[float]) -> None:
        """Refuse deltas that would leave the bounds of a refusing number, whatever comes after them."""
        tried: dict[int, float] = {}
        for place, delta in zip(places, deltas, strict=True):
            number = tried.get(place, self._values[place]) + delta
            tried[place] = truncated(number) if self._integers[place] else number
            if self._refusing[place] and not self._lows[place] <= number <= self._highs[place]:
                raise ValueError(f"{number} lies outside [{self._lows[place]}, {self._highs[place]}]", place)

    def _add(self, place: int, delta: float, cause: int) -> float:
        """Add to a number within its bounds; return by how much it changed."""
        before = self._values[place]
        number = before + delta
        if number < self._lows[place]:
            number = self._lows[place]
        elif number > self._highs[place]:
            number = self._highs[place]
        self._set(place, truncated(number) if self._integers[place] else number, cause)
        return self._values[place] - before

    def _set(self, place: int, number: float, cause: int) -> None:
        """Store a number, stamped with the version that this write will make, and log the change."""
        version = self._stamps[place] = self._version + 1
        if self._change_log is not None:
            self._change_log.append(Change(version, place, self._values[place], number, cause))
        self._values[place] = number

    def _exchange(self, place: int, values: Any, position: int, cause: int) -> None:
        """Store an object, and leave the one before in the caller's list: it dies outside the lock."""
        version = self._stamps[place] = self._version + 1
        if self._change_log is not None:
            self._change_log.append(Change(version, place, 0.0, 0.0, cause))
        at = place - len(self._values)
        values[position], self._objects[at] = self._objects[at], values[position]

    def _written(self) -> int:
        self._writes += 1
        self._version += 1
        return self._version


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
