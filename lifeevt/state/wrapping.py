"""Which fields an existing object has, and how they are declared."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InvalidValue, UnknownField
from ..serialization import is_number
from .field import Field, Value

__all__ = ["declared_fields"]

_ABSENT = object()


def declared_fields(
    target: object, fields: Mapping[str, Field | Value] | Iterable[str] | None
) -> dict[str, Field | Value]:
    """Return the declarations of an object's fields, with what it holds now as their defaults.

    Errors are said at ``ThreadSafeSelfState.wrap``. O(size of the values).
    """
    if fields is None:
        fields = _own_names(target)
    if isinstance(fields, Mapping):
        return {name: _with_default(name, declared, _held(target, name)) for name, declared in fields.items()}
    if isinstance(fields, str):
        raise InvalidValue(f"fields is the string {fields!r}; give a mapping, or several names")
    return {name: _guessed(name, _held(target, name)) for name in fields}


def _own_names(target: object) -> list[str]:
    """Return what the object itself says it has; what begins with an underscore is its own affair."""
    if dataclasses.is_dataclass(target):
        names: Iterable[str] = [field.name for field in dataclasses.fields(target)]
    else:
        model = getattr(type(target), "model_fields", None)  # pydantic's
        names = model if isinstance(model, Mapping) else getattr(target, "__dict__", ())
    found = [name for name in names if not name.startswith("_")]
    if not found:
        raise InvalidValue(f"a {type(target).__name__} does not say which fields it has; name them")
    return found


def _held(target: object, name: str) -> Any:
    held = getattr(target, str(name), _ABSENT)
    if held is _ABSENT:
        raise UnknownField(f"a {type(target).__name__} has no attribute {name!r}")
    return held


def _with_default(name: str, declared: Any, held: Any) -> Field | Value:
    if not isinstance(declared, (Field, Value)):
        raise InvalidValue(f"field {name!r} must be a Field or a Value, not a {type(declared).__name__}")
    kept = declared.kept(name, held)
    return dataclasses.replace(declared, default=kept if isinstance(declared, Field) else held)


def _guessed(name: str, held: Any) -> Field | Value:
    if not is_number(held):
        return _with_default(name, Value(), held)
    return Field(held, integer=isinstance(held, int))
