"""ThreadSafeSelfState: bounded numbers that many threads read and write, each call atomic."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NoReturn

from . import _backend
from ._contract import StateCells
from ._front import Fronted
from .errors import InvalidValue, StateError, UnknownField
from .serialization import is_number

__all__ = ["Field", "StateSnapshot", "StateStatistics", "ThreadSafeSelfState"]

# A field without a bound saturates at the largest double: no operation can make it infinite.
UNBOUNDED = sys.float_info.max


@dataclass(frozen=True)
class Field:
    """One number of the state: its default and its bounds (None: none; both ends included).

    With ``integer`` it is cut to a whole number on every write. InvalidValue when these do not fit.

    >>> Field(100.0, low=0.0, high=100.0).high
    100.0
    """

    default: float
    low: float | None = None
    high: float | None = None
    integer: bool = False

    def __post_init__(self) -> None:
        for name in ("default", "low", "high"):
            value = getattr(self, name)
            if value is None and name != "default":
                continue
            if not is_number(value):
                raise InvalidValue(f"a field's {name} is {value!r}; it must be a finite number")
            if self.integer and value != math.trunc(value):
                raise InvalidValue(f"an integer field's {name} is {value!r}; it must be whole")
        if not self.lowest <= self.default <= self.highest:
            raise InvalidValue(f"a field's default {self.default} lies outside [{self.low}, {self.high}]")

    @property
    def lowest(self) -> float:
        """The lower bound as a number."""
        return -UNBOUNDED if self.low is None else float(self.low)

    @property
    def highest(self) -> float:
        """The upper bound as a number."""
        return UNBOUNDED if self.high is None else float(self.high)


class StateSnapshot(Mapping[str, float]):
    """All fields of one instant: an immutable mapping with the ``version`` it belongs to."""

    __slots__ = ("_values", "version")

    version: int

    def __init__(self, version: int, values: Mapping[str, float]) -> None:
        object.__setattr__(self, "version", version)
        object.__setattr__(self, "_values", MappingProxyType(dict(values)))

    def __getitem__(self, name: str) -> float:
        return self._values[name]  # type: ignore[attr-defined, no-any-return]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return len(self._values)  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a snapshot does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a snapshot does not change")

    def __reduce__(self) -> tuple[Any, ...]:
        return StateSnapshot, (self.version, dict(self))

    def __repr__(self) -> str:
        return f"StateSnapshot(version={self.version}, {dict(self)!r})"


@dataclass(frozen=True)
class StateStatistics:
    """How often the state was read and written, and its version."""

    version: int
    reads: int
    writes: int


class ThreadSafeSelfState(Fronted):
    """Named, bounded numbers under one read-write lock that prefers writers.

    Every call is atomic and thread-safe, and blocks only for another call's few operations, never
    for user code. ``version`` grows by one with every write; ``backend`` names the state's twin.

    >>> state = ThreadSafeSelfState({"energy": Field(100.0, low=0.0, high=100.0)})
    >>> state.apply_delta({"energy": -1.5}), state["energy"]
    (1, 98.5)
    """

    _FRONT = "StateFront"

    def __init__(self, fields: Mapping[str, Field], *, backend: str | None = None) -> None:
        self.fields: Mapping[str, Field] = MappingProxyType(dict(fields))
        self.backend = _backend.resolve(backend)
        self._index = {name: index for index, name in enumerate(self.fields)}
        for name, field in self.fields.items():
            _check_field(name, field)
        each = self.fields.values()
        self._cells = _backend.load(self.backend).StateCells(
            [float(field.default) for field in each],
            [field.lowest for field in each],
            [field.highest for field in each],
            [field.integer for field in each],
        )
        self._attach(self._cells, self._index, bytes(field.integer for field in each), StateSnapshot)

    @classmethod
    def life(cls, *, backend: str | None = None) -> ThreadSafeSelfState:
        """Build a state with Life's numeric fields, defaults and bounds (the table ships as data)."""
        return cls(_life_fields(), backend=backend)

    def __getitem__(self, name: str) -> float:
        """Return one field; UnknownField. O(1)."""
        return self._number(name, self._cells.read(self._place(name)))

    def __setitem__(self, name: str, value: float) -> None:
        """Store one field; InvalidValue for NaN or outside its bounds, UnknownField. O(1)."""
        place = self._place(name)
        _check_number(name, value)
        try:
            self._cells.write(place, value)
        except ValueError as error:
            raise InvalidValue(f"{name}: {error}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    def apply_delta(self, delta: Mapping[str, float]) -> int:
        """Add each number to its field, clamped to its bounds, and return the new version.

        All or nothing: UnknownField or InvalidValue (NaN, infinite, no number) change no field. O(k).
        """
        places = [self._place(name) for name in delta]
        for name, amount in delta.items():
            _check_number(name, amount)
        return self._cells.add(places, list(delta.values()))

    def snapshot(self) -> StateSnapshot:
        """Return all fields of one instant, with the version. O(fields)."""
        version, values = self._cells.read_all()
        pairs = zip(self._index, values, strict=True)
        return StateSnapshot(version, {name: self._number(name, value) for name, value in pairs})

    @property
    def version(self) -> int:
        """How many writes there were."""
        return self._cells.version

    @property
    def cells(self) -> StateCells:
        """The twin's cells, in the order of ``fields``: for what is compiled against this state."""
        return self._cells

    def statistics(self) -> StateStatistics:
        """Return a frozen snapshot of the counters."""
        reads, writes = self._cells.counts()
        return StateStatistics(self.version, reads, writes)

    def _attach(self, *_: object) -> None:
        """Let the twin's front serve the cells; the reference has none."""

    def _place(self, name: str) -> int:
        try:
            return self._index[name]
        except (KeyError, TypeError):
            raise UnknownField(f"the state has no field {name!r}") from None

    def _number(self, name: str, value: float) -> float:
        return int(value) if self.fields[name].integer else value

    def __reduce__(self) -> NoReturn:
        raise StateError("a live state cannot be copied or pickled; take a snapshot")


def _check_field(name: object, field: object) -> None:
    if not isinstance(name, str) or not name:
        raise InvalidValue(f"a field's name must be a non-empty string, not {name!r}")
    if not isinstance(field, Field):
        raise InvalidValue(f"field {name!r} must be a Field, not a {type(field).__name__}")


def _check_number(name: str, value: object) -> None:
    if is_number(value):
        return
    if isinstance(value, float):
        raise InvalidValue(f"{name} is {value}; it must be finite")
    raise InvalidValue(f"{name} must be a number that a float can hold, not a {type(value).__name__}")


@cache
def _life_fields() -> Mapping[str, Field]:
    text = files("lifeevt").joinpath("data/life_state.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["field"]: Field(float(row["default"]), _bound(row["low"]), _bound(row["high"]), row["integer"] == "yes")
        for row in rows
    }


def _bound(text: str) -> float | None:
    return float(text) if text else None
