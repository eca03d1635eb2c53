"""FieldLayout: the declared fields of a state, and their places in its cells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .._backends import StateCells
from ..errors import InvalidValue, UnknownField
from .field import Field, Value

__all__ = ["FieldLayout"]


class FieldLayout:
    """The fields of one state by name, in the declared order, and by place: the numbers first. Immutable.

    Raises:
        InvalidValue: a name is no string, or empty, or a declaration is no Field or Value.
    """

    def __init__(self, fields: Mapping[str, Field | Value]) -> None:
        self.fields: Mapping[str, Field | Value] = MappingProxyType(dict(fields))
        for name, field in self.fields.items():
            _check(name, field)
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


def _check(name: object, field: object) -> None:
    if not isinstance(name, str) or not name:
        raise InvalidValue(f"a field's name must be a non-empty string, not {name!r}")
    if not isinstance(field, (Field, Value)):
        raise InvalidValue(f"field {name!r} must be a Field or a Value, not a {type(field).__name__}")
