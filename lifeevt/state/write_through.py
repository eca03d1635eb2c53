"""WriteThrough: the writes of a state's cells, each made first to the object that the state wraps."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from .._backends import LockGuard
from .._backends.contract import NO_CAUSE
from .exclusive_gate import TurnGate
from .field import Field
from .live_object import LiveObject

__all__ = ["WriteThrough"]

Told = tuple[int, tuple[float, ...]]


class WriteThrough:
    """Stands before the cells and writes as they do, but has the object's turn for each write.

    A write waits for the turn that goes on: LockTimeout after ``timeout_seconds``. What the object refuses is
    InvalidValue, and then neither it nor the cells are changed.
    """

    def __init__(
        self,
        live: LiveObject,
        gate: TurnGate,
        numbers: Mapping[str, Field],
        timeout_seconds: float | None,
    ) -> None:
        self._live, self._gate, self._cells = live, gate, live.cells
        self._numbers = tuple(numbers.items())
        self._timeout_seconds = timeout_seconds

    def write(self, index: int, value: float, cause: int = NO_CAUSE) -> int:
        """Store a number; return the new version."""
        return self.commit(0, [], [index], [value], cause)[0]

    def add_and_tell(self, indices: Sequence[int], deltas: Sequence[float], cause: int = NO_CAUSE) -> Told:
        """Add to numbers; return the new version and by how much each changed."""
        with self._turn() as live:
            wanted = {place: self._moved(place, delta) for place, delta in zip(indices, deltas, strict=True)}

            def post(held: dict[int, Any]) -> Told:
                if held == wanted:
                    return self._cells.add_and_tell(indices, deltas, cause)
                return self._absorbed(held, cause)

            told: Told = live.write(wanted, post)
            return told

    def compare_and_set(self, index: int, expected: float, value: float, cause: int = NO_CAUSE) -> int:
        """Store a number if the present one equals ``expected``; return the new version, 0 when it differs."""
        with self._turn() as live:
            while live.numbers[index] == expected:
                version, conflicts = self._committed(live.version, [index], [index], [value], cause)
                if not conflicts:
                    return version
                live.pull()
            return 0

    def reach(self, index: int, value: float, upward: bool, cause: int = NO_CAUSE) -> int:
        """Raise a number to ``value``, or lower it, if it is not there yet; return the version then."""
        with self._turn() as live:
            present = live.numbers[index]
            if not (value > present if upward else value < present):
                return self._cells.version
            version: int = live.write({index: value}, lambda held: self._cells.reach(index, held[index], upward, cause))
            return version

    def commit(
        self, since: int, watched: Sequence[int], places: Sequence[int], values: list[Any], cause: int = NO_CAUSE
    ) -> tuple[int, tuple[int, ...]]:
        """Store values in one step unless a watched place was written after ``since``, and return as the cells do."""
        with self._turn():
            if any(self._cells.stamp(place) > since for place in watched):  # the object need not hear of it
                return self._cells.commit(since, watched, places, values, cause)
            return self._committed(since, watched, places, values, cause)

    def _committed(
        self, since: int, watched: Sequence[int], places: Sequence[int], values: list[Any], cause: int
    ) -> tuple[int, tuple[int, ...]]:
        """Commit what the object makes of the values; the list gets in exchange what was replaced."""
        conflicts: tuple[int, ...] = ()

        def post(held: dict[int, Any]) -> int | None:
            nonlocal conflicts
            values[:] = held.values()
            version, conflicts = self._cells.commit(since, watched, places, values, cause)
            return version or None

        return self._live.write(dict(zip(places, values, strict=True)), post) or 0, conflicts

    def _absorbed(self, held: dict[int, Any], cause: int) -> Told:
        """Publish what the object made of a delta; return the version and by how much each number differs."""
        before = self._live.numbers
        after = tuple(held.get(place, number) for place, number in enumerate(before))
        version, _ = self._cells.absorb(self._live.version, after, before, (), (), cause)
        return version or self._cells.version, tuple(after[place] - before[place] for place in held)

    def _moved(self, place: int, delta: float) -> float:
        name, field = self._numbers[place]
        return field.moved(name, self._live.numbers[place], delta)

    def _turn(self) -> _Write:
        holder = f"a write of {threading.current_thread().name}"
        return _Write(self._live, self._gate, holder, self._timeout_seconds)


class _Write(LockGuard):
    """A short turn, for one write."""

    __slots__ = ("_live",)

    def __init__(self, live: LiveObject, gate: TurnGate, holder: str, timeout_seconds: float | None) -> None:
        super().__init__(gate, holder, timeout_seconds)
        self._live = live

    def __enter__(self) -> LiveObject:
        live: LiveObject = super().__enter__()
        return live

    def _opened(self) -> LiveObject:
        self._live.pull()
        return self._live
