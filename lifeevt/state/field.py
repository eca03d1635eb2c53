"""Field and Value: the declarations of a state's numbers and of its other values; FieldLayout: their places."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Literal

from .._backends import StateCells
from ..errors import InvalidValue, UnknownField
from ..serialization import is_number

# A field without a bound saturates at the largest double: no operation can make it infinite.
UNBOUNDED = sys.float_info.max
Outside = Literal["clamp", "reject"]


@dataclass(frozen=True)
class Field:
    """One number of the state: its default and its bounds (None: none; both ends included).

    With ``integer`` it is cut to a whole number on every write. A number outside the bounds is clamped or rejected:
    ``on_set`` decides for stored values, ``on_delta`` for added amounts. InvalidValue when the arguments do not fit.

    >>> Field(100.0, low=0.0, high=100.0).high
    100.0
    """

    default: float
    low: float | None = None
    high: float | None = None
    integer: bool = False
    on_set: Outside = "reject"
    on_delta: Outside = "clamp"

    def __post_init__(self) -> None:
        for name in ("default", "low", "high"):
            value = getattr(self, name)
            if value is None and name != "default":
                continue
            if not is_number(value):
                raise InvalidValue(f"a field's {name} is {value!r}; it must be a finite number")
            if self.integer and value != math.trunc(value):
                raise InvalidValue(f"an integer field's {name} is {value!r}; it must be whole")
        for name in ("on_set", "on_delta"):
            if getattr(self, name) not in ("clamp", "reject"):
                raise InvalidValue(f"a field's {name} is {getattr(self, name)!r}; it must be 'clamp' or 'reject'")
        if not self.lowest <= self.default <= self.highest:
            raise InvalidValue(f"a field's default {self.default} lies outside [{self.low}, {self.high}]")

    @cached_property
    def lowest(self) -> float:
        """The lower bound as a number."""
        return -UNBOUNDED if self.low is None else float(self.low)

    @cached_property
    def highest(self) -> float:
        """The upper bound as a number."""
        return UNBOUNDED if self.high is None else float(self.high)

    def kept(self, name: str, value: object) -> float:
        """Return ``value`` as field ``name`` stores it; InvalidValue when it is refused."""
        number = int(checked_number(name, value)) if self.integer else float(checked_number(name, value))
        if self.lowest <= number <= self.highest:
            return number
        if self.on_set == "reject":
            raise InvalidValue(f"{name}: {float(number)} lies outside [{self.lowest}, {self.highest}]")
        return self.shown(self.lowest if number < self.lowest else self.highest)

    def moved(self, name: str, value: float, amount: object) -> float:
        """Return ``value`` plus ``amount`` by the rules of deltas; InvalidValue when it is refused."""
        number = value + checked_number(name, amount)
        if self.on_delta == "reject" and not self.lowest <= number <= self.highest:
            raise InvalidValue(f"{name}: {number} lies outside [{self.lowest}, {self.highest}]")
        return self.shown(min(max(number, self.lowest), self.highest))

    def renewed(self, name: str, value: object, stored: float) -> float:
        """Return ``value`` as it is stored, or ``stored`` itself if that is equal."""
        kept = self.kept(name, value)
        return stored if kept == stored else kept

    def shown(self, number: float) -> float:
        """Return a stored number as readers get it: an int if the field is one."""
        return int(number) if self.integer else float(number)


@dataclass(frozen=True)
class Value:
    """One field of the state that is no bounded number: any Python value, isolated by copying.

    Every value is an instance of ``kind``, a type or a tuple of types. ``copy`` copies a value in and out, so no other
    code holds the state's own object. A value that copies to itself, as immutable values do, is handed out unchanged.
    InvalidValue when the default is of another kind or cannot be copied.

    >>> Value(()).default
    ()
    """

    default: Any = None
    kind: type | tuple[type, ...] = object
    copy: Callable[[Any], Any] = deepcopy

    def __post_init__(self) -> None:
        try:
            isinstance(None, self.kind)
        except TypeError:
            raise InvalidValue(f"a value's kind is {self.kind!r}; it must be a type or a tuple of types") from None
        if not callable(self.copy):
            raise InvalidValue(f"a value's copy is {self.copy!r}; it must be callable")
        object.__setattr__(self, "default", handed_out(self.kept("default", self.default)))

    def kept(self, name: str, value: object) -> Any:
        """Return ``value`` as field ``name`` stores it; InvalidValue when it is refused. O(size)."""
        if not isinstance(value, self.kind):
            raise InvalidValue(f"{name} must be {_named(self.kind)}, not a {type(value).__name__}")
        try:
            copied = self.copy(value)
        except Exception as error:  # of the user's ``copy``
            raise InvalidValue(f"{name} is a {type(value).__name__} that cannot be copied: {error}") from error
        return value if copied is value else Kept(copied, self.copy)

    def renewed(self, name: str, value: object, stored: Any) -> Any:
        """Return ``value`` as it is stored, or ``stored`` itself if that is equal. O(size)."""
        if self.copy is deepcopy and _equal(value, _content(stored)):  # without a copy for the comparison
            return stored
        kept = self.kept(name, value)
        return stored if _equal(_content(kept), _content(stored)) else kept

    def shown(self, stored: Any) -> Any:
        """Return a stored value as readers get it: a copy, unless it copies to itself. O(size)."""
        return handed_out(stored)


class Kept:
    """A stored value of which readers get copies."""

    __slots__ = ("_copy", "value")

    def __init__(self, value: Any, copy: Callable[[Any], Any]) -> None:
        self.value, self._copy = value, copy

    def copied(self) -> Any:
        """Return a copy that the caller may change. O(size)."""
        return self._copy(self.value)


def handed_out(stored: Any) -> Any:
    """Return a stored number or value as readers get it."""
    return stored.copied() if type(stored) is Kept else stored


def _content(stored: Any) -> Any:
    """Return a stored value itself, for comparisons."""
    return stored.value if type(stored) is Kept else stored


def _equal(one: Any, other: Any) -> bool:
    """Return whether two values are of one type and equal; False when they cannot be compared."""
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # of the user's ``==``
        return False


def checked_number(name: str, value: object) -> Any:
    """Return ``value`` if it is a finite number that a float can hold; InvalidValue otherwise."""
    if is_number(value):
        return value
    if isinstance(value, float):
        raise InvalidValue(f"{name} is {value}; it must be finite")
    raise InvalidValue(f"{name} must be a number that a float can hold, not a {type(value).__name__}")


def _named(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(f"a {each.__name__}" for each in kinds)


class FieldLayout:
    """The fields of one state by name, in the declared order, and by place: the numbers first. Immutable.

    Raises:
        InvalidValue: a name is no string, or empty, or a declaration is no Field or Value.
    """

    def __init__(self, fields: Mapping[str, Field | Value]) -> None:
        given: dict[Any, Any] = dict(fields)
        self.fields: Mapping[str, Field | Value] = MappingProxyType(given)
        for name, field in given.items():
            if not isinstance(name, str) or not name:
                raise InvalidValue(f"a field's name must be a non-empty string, not {name!r}")
            if not isinstance(field, (Field, Value)):
                raise InvalidValue(f"field {name!r} must be a Field or a Value, not a {type(field).__name__}")
        numbers = {name: field for name, field in self.fields.items() if isinstance(field, Field)}
        self.numbers: Mapping[str, Field] = MappingProxyType(numbers)
        self._values = {name: field for name, field in self.fields.items() if isinstance(field, Value)}
        self.names = (*self.numbers, *self._values)  # by place
        places = {name: place for place, name in enumerate(self.names)}
        self.places = {name: places[name] for name in self.fields}
        self.integers = [places[name] for name, field in self.numbers.items() if field.integer]

    def make_cells(self, measured: bool) -> StateCells:
        """Return new cells with the defaults and the bounds of the fields."""
        numbers = self.numbers.values()
        return StateCells(
            [float(field.default) for field in numbers],
            [field.lowest for field in numbers],
            [field.highest for field in numbers],
            [field.integer for field in numbers],
            [field.on_set == "clamp" for field in numbers],
            [field.on_delta == "reject" for field in numbers],
            [value.kept(name, value.default) for name, value in self._values.items()],
            measured,
        )

    def place(self, name: str) -> int:
        """Return the place of a field; UnknownField."""
        try:
            return self.places[name]
        except (KeyError, TypeError):
            raise UnknownField(f"the state has no field {name!r}") from None

    def declared(self, name: str) -> Field | Value:
        """Return the declaration of a field; UnknownField."""
        self.place(name)
        return self.fields[name]

    def kept(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values as their fields store them; UnknownField, or InvalidValue for a refused one."""
        return {name: self.declared(name).kept(name, value) for name, value in values.items()}

    def number_place(self, name: str) -> int:
        """Return the place of a number; UnknownField, or InvalidValue for a field of another kind."""
        place = self.place(name)
        if place >= len(self.numbers):
            raise InvalidValue(f"{name} is no number; nothing can be added to it")
        return place

    def number(self, name: str) -> Field:
        """Return the declaration of a number; errors as ``number_place``."""
        self.number_place(name)
        return self.numbers[name]


@cache
def life_fields() -> Mapping[str, Field]:
    """Return Life's numeric fields by name, from the table that ships as data. The table is read once per process."""
    import csv
    from importlib.resources import files  # lazy: it imports much of the standard library

    text = files("lifeevt").joinpath("state/life_state.csv").read_text(encoding="utf-8")
    fields = {}
    for row in csv.DictReader(text.splitlines()):
        low, high = _bound(row["low"]), _bound(row["high"])
        fields[row["field"]] = Field(float(row["default"]), low, high, row["integer"] == "yes")
    return MappingProxyType(fields)


def _bound(text: str) -> float | None:
    return float(text) if text else None
