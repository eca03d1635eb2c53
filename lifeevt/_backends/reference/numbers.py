"""How the reference twin takes numbers: as C would, with the same refusals."""

from __future__ import annotations

import math
import operator
from typing import NoReturn

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class Rooted:
    """What holds a lock stays where it is: no copy, no pickle."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled")


def int64(value: int) -> int:
    number = operator.index(value)
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


def checked_index(index: int, length: int) -> int:
    number = int64(index)
    if not 0 <= number < length:
        raise IndexError(f"index {number} of {length}")
    return number
