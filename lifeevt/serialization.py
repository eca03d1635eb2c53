"""JSON without loss: what goes in comes back equal, or an error says where it would not."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from .errors import SerializationError

__all__ = ["exact_json", "parse_json", "plain"]

_EXACT = (str, int, bool, type(None))


def plain(value: Any, path: str) -> Any:
    """Return ``value`` as plain JSON values, all new containers; SerializationError names ``path``.

    Accepts None, bool, int, finite float, str, list, and mappings with string keys. O(size).
    """
    kind = type(value)
    if kind in _EXACT:
        return value
    if kind is float:
        return _finite(value, path)
    if kind is list:
        return [plain(item, f"{path}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(key, path): plain(item, f"{path}.{key}") for key, item in value.items()}
    raise SerializationError(f"{path} is a {kind.__name__}, which JSON would not give back")


def exact_json(value: Any, path: str) -> str:
    """Return ``value`` as one line of JSON that reads back equal; see :func:`plain`."""
    return json.dumps(plain(value, path), ensure_ascii=False, separators=(",", ":"))


def parse_json(text: str, path: str) -> Any:
    """Return the value of one JSON text; NaN, infinities and non-JSON raise SerializationError."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (json.JSONDecodeError, RecursionError, _NotJSON) as error:
        raise SerializationError(f"{path} is not JSON: {error}") from None


class _NotJSON(ValueError):
    """A constant that Python's reader accepts and the JSON standard does not."""


def _refuse_constant(name: str) -> Any:
    raise _NotJSON(f"{name} is not a JSON number")


def _finite(value: float, path: str) -> float:
    if math.isfinite(value):
        return value
    raise SerializationError(f"{path} is {value}, which is not a JSON number")


def _key(key: Any, path: str) -> str:
    if type(key) is str:
        return key
    raise SerializationError(f"{path} has the key {key!r}; JSON keys are strings")
