"""JSON without loss: a value reads back equal, or an error names the part that would not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from .errors import SerializationError

__all__ = ["exact_json", "is_number", "parse_json", "plain", "refuse_constant"]

_EXACT = (str, int, bool, type(None))
_NUMBERS = (float, int)  # nearly all; the check against an abstract class takes ten times as long


def plain(value: Any, path: str) -> Any:
    """Return ``value`` as plain JSON values in new containers; SerializationError names the ``path``.

    Accepts None, bool, int, finite float, str, list, and mappings with string keys. O(size).
    """
    try:
        return _plain(value, path)
    except RecursionError:
        raise SerializationError(f"{path} is nested too deep, or holds itself") from None


def exact_json(value: Any, path: str) -> str:
    """Return ``value`` as one line of ASCII JSON that reads back equal; see :func:`plain`."""
    import json  # lazy: most programs write none

    try:
        return json.dumps(plain(value, path), separators=(",", ":"))
    except ValueError as error:  # a whole number longer than Python writes
        raise SerializationError(f"{path}: {error}") from None


def parse_json(text: str, path: str) -> Any:
    """Return the value of one JSON text; NaN, infinities and non-JSON raise SerializationError."""
    import json

    try:
        return json.loads(text, parse_constant=refuse_constant, parse_float=_finite_float)
    except (ValueError, RecursionError) as error:
        raise SerializationError(f"{path} is not JSON: {error}") from None


def is_number(value: Any) -> bool:
    """Return whether ``value`` is a finite real number that a float can hold; a bool is none."""
    if type(value) not in _NUMBERS and (isinstance(value, bool) or not isinstance(value, Real)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _plain(value: Any, path: str) -> Any:
    if type(value) in _EXACT:
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise SerializationError(f"{path} is {value}, which is not a JSON number")
        return value
    if type(value) is list:
        return [_plain(item, f"{path}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(key, path): _plain(item, f"{path}.{key}") for key, item in value.items()}
    raise SerializationError(f"{path} is a {type(value).__name__}, which JSON would not give back")


def refuse_constant(name: str) -> Any:
    """Raise ValueError for NaN or an infinity: ``parse_constant`` of :func:`json.loads`."""
    raise ValueError(f"{name} is not a JSON number")


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large for a float")
    return number


def _key(key: Any, path: str) -> str:
    if type(key) is str:
        return key
    raise SerializationError(f"{path} has the key {key!r}; JSON keys are strings")
