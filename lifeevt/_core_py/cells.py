"""StateCells, the reference: a list of floats under a read-write lock."""

from __future__ import annotations

from collections.abc import Sequence

from .numbers import Rooted, checked_index, finite, truncated
from .rwlock import Reading, RWLock, Writing


class StateCells(Rooted):
    """Bounded numbers under a read-write lock, with a version that counts writes.

    All calls are atomic and thread-safe; they block only for another call's few operations.
    """

    def __init__(
        self, values: Sequence[float], lows: Sequence[float], highs: Sequence[float], integers: Sequence[bool]
    ) -> None:
        if not len(values) == len(lows) == len(highs) == len(integers):
            raise ValueError("values, lows, highs and integers differ in length")
        self._lows = [finite(low) for low in lows]
        self._highs = [finite(high) for high in highs]
        self._integers = [bool(integer) for integer in integers]
        self._values = [0.0] * len(values)
        self._lock = RWLock()
        self._version = self._reads = self._writes = 0
        for low, high, integer in zip(self._lows, self._highs, self._integers, strict=True):
            if integer and (low != truncated(low) or high != truncated(high)):
                raise ValueError(f"an integer cell has the bounds [{low}, {high}]")
        for index, value in enumerate(values):
            self._values[index] = self._bounded(index, value)

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self._values)

    @property
    def version(self) -> int:
        """How many writes there were."""
        return self._version

    def read(self, index: int) -> float:
        """Return one cell; IndexError outside. O(1)."""
        index = checked_index(index, len(self._values))
        with Reading(self._lock):
            self._reads += 1
            return self._values[index]

    def read_all(self) -> tuple[int, tuple[float, ...]]:
        """Return the version and all cells of one instant. O(cells)."""
        with Reading(self._lock):
            self._reads += 1
            return self._version, tuple(self._values)

    def write(self, index: int, value: float) -> int:
        """Store a value and return the new version; ValueError for NaN or outside the bounds. O(1)."""
        index = checked_index(index, len(self._values))
        bounded = self._bounded(index, value)
        with Writing(self._lock):
            self._values[index] = bounded
            return self._written()

    def add(self, indices: Sequence[int], deltas: Sequence[float]) -> int:
        """Add each delta to its cell, clamped to its bounds, all or nothing; return the new version.

        ValueError for a delta that is not finite. O(deltas).
        """
        if len(indices) != len(deltas):
            raise ValueError("indices and deltas differ in length")
        places = [checked_index(index, len(self._values)) for index in indices]
        checked = [finite(delta) for delta in deltas]
        with Writing(self._lock):
            for index, delta in zip(places, checked, strict=True):
                self._add(index, delta)
            return self._written()

    def counts(self) -> tuple[int, int]:
        """Return how many reads and writes there were; reads may be a few short under contention."""
        return self._reads, self._writes

    def _bounded(self, index: int, value: float) -> float:
        number = finite(value)
        if self._integers[index]:
            number = truncated(number)
        if not self._lows[index] <= number <= self._highs[index]:
            raise ValueError(f"{number} lies outside [{self._lows[index]}, {self._highs[index]}]")
        return number

    def _add(self, index: int, delta: float) -> None:
        number = self._values[index] + delta
        if number < self._lows[index]:
            number = self._lows[index]
        elif number > self._highs[index]:
            number = self._highs[index]
        self._values[index] = truncated(number) if self._integers[index] else number

    def _written(self) -> int:
        self._writes += 1
        self._version += 1
        return self._version


class StateFront:
    """What a state over this twin puts before its own methods.

    The native one answers what is plain: a known name that is a str, a dict of ints and floats. All
    else, and every refusal, it leaves to the method that it covers, which is the specification. The
    reference's is empty.
    """
