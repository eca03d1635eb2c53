"""CellStorage, the reference: bounded numbers, and objects behind them, each stamped when it was written."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ...errors import StateError
from .. import fork
from ..contract import Change
from .histogram import Histogram
from .numbers import truncated
from .rwlock import RWLock
from .uncopyable import Uncopyable

FORK_PATIENCE_NS = 10**9


class CellStorage(Uncopyable, fork.Forked):
    """The cells of a state, their bounds, their version and the log of changes. A caller holds the lock.

    Places count the numbers first, then the objects.
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

    # --- inside the lock

    def _bounded(self, place: int, value: float) -> float:
        """Return the value as its cell stores it; ValueError, with the place, if the cell refuses it."""
        number, low, high = float(value), self._lows[place], self._highs[place]
        if self._integers[place]:
            number = truncated(number)
        if low <= number <= high:
            return number
        if self._clamping[place]:
            return low if number < low else high
        raise ValueError(f"{number} lies outside [{low}, {high}]", place)

    def _differences(self, held: tuple[Any, ...], kept: tuple[float, ...]) -> dict[int, tuple[float, float]] | None:
        """Return the numbers that differ, by place; None when one is not plain."""
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
            return abs(number) < 2**1024 - 2**970  # rounds to a finite double
        return type(number) is float and number == number

    def _refuse(self, places: Sequence[int], deltas: Sequence[float]) -> None:
        """Refuse deltas if one of them would leave the bounds of a refusing number."""
        tried: dict[int, float] = {}
        for place, delta in zip(places, deltas, strict=True):
            number = tried.get(place, self._values[place]) + delta
            tried[place] = truncated(number) if self._integers[place] else number
            if self._refusing[place] and not self._lows[place] <= number <= self._highs[place]:
                raise ValueError(f"{number} lies outside [{self._lows[place]}, {self._highs[place]}]", place)

    def _add(self, place: int, delta: float, cause: int) -> float:
        """Add to a number within its bounds; return the change."""
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
        """Store an object, and put the one before into the caller's list: it dies outside the lock."""
        version = self._stamps[place] = self._version + 1
        if self._change_log is not None:
            self._change_log.append(Change(version, place, 0.0, 0.0, cause))
        at = place - len(self._values)
        values[position], self._objects[at] = self._objects[at], values[position]

    def _written(self) -> int:
        self._writes += 1
        self._version += 1
        return self._version
