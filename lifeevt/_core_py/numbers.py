"""How the reference twin takes numbers: as C would, with the same refusals."""

from __future__ import annotations

import math

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def int64(value: int) -> int:
    number = value.__index__()
    if not INT64_MIN <= number <= INT64_MAX:
        raise OverflowError(f"{number} does not fit 64 bits")
    return number


def finite(value: float) -> float:
    if not math.isfinite(value):  # takes what C takes for a double: no strings
        raise ValueError(f"{value} is not a finite number")
    return float(value)


def saturated(value: float) -> float:
    """A user's huge numbers may overflow to infinity, and infinity times zero is NaN: neither enters."""
    return value if math.isfinite(value) else 0.0


def truncated(number: float) -> float:
    return float(math.trunc(number))


def check_index(index: int, length: int) -> None:
    if not 0 <= index < length:
        raise IndexError(f"index {index} of {length}")
