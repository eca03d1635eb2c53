"""Numbers of 64 bits, as C has them, and doubles that are cut or left out."""

from __future__ import annotations

import math
import operator

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def int64(value: int) -> int:
    """Return a whole number of a user's if it fits 64 bits; TypeError, OverflowError."""
    number = operator.index(value)
    if not INT64_MIN <= number <= INT64_MAX:
        raise OverflowError(f"{number} does not fit 64 bits")
    return number


def saturated(number: int) -> int:
    """Return the number, or the end of 64 bits that it passes: sums of keys and offsets stop there."""
    return min(max(number, INT64_MIN), INT64_MAX)


def truncated(number: float) -> float:
    """Return the number without its fraction."""
    return float(math.trunc(number))
