"""Offers to the heap, checked as the native twin checks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..contract import (
    DROP_LOWEST,
    DROP_OLDEST,
    MAX_ENDS,
    MAX_KINDS,
    MAX_LEVELS,
    NO_KIND,
    REJECT,
    WAIT,
    Offer,
    Ticket,
)
from .numbers import finite, int64

# kind, intensity and, of an event that came without an object, timestamp
Numbers = tuple[int, float] | tuple[int, float, float]
NO_NUMBERS = (NO_KIND, 0.0)


def checked_end(end: int, lowest: int) -> int:
    number = int64(end)
    if not lowest <= number < MAX_ENDS:
        raise ValueError(f"end is {number}; it must lie in [{lowest}, {MAX_ENDS})")
    return number


def checked_ticket(ticket: Ticket) -> int:
    sequence, place = ticket
    int64(place)
    return int64(sequence)


def checked_pause(level: int | None, kind: int | None) -> tuple[int | None, int | None]:
    height, number = None if level is None else int64(level), None if kind is None else int64(kind)
    if height is not None and not 0 <= height <= MAX_LEVELS:
        raise ValueError(f"level is {height}; it must lie in [0, {MAX_LEVELS}]")
    if number is not None and not NO_KIND <= number < MAX_KINDS:
        raise ValueError(f"{number} is no kind that can be paused")
    return height, number


def checked_kind(kind: int, intensity: float) -> tuple[int, float]:
    number, strength = int64(kind), finite(intensity)
    if not NO_KIND <= number < 2**31:
        raise ValueError(f"{number} is no kind")
    return number, strength


def checked_policy(policy: int) -> int:
    number = int64(policy)
    if number not in (REJECT, DROP_OLDEST, DROP_LOWEST, WAIT):
        raise ValueError(f"{number} is no policy")
    return number


def checked_policies(policy: int | Sequence[int]) -> Sequence[int]:
    if not isinstance(policy, (tuple, list)):
        return [checked_policy(cast(int, policy))] * MAX_LEVELS
    if len(policy) != MAX_LEVELS:
        raise ValueError(f"{len(policy)} policies; there must be {MAX_LEVELS}, one a level")
    return [checked_policy(each) for each in policy]


def checked_level(level: int) -> int:
    number = int64(level)
    if not 0 <= number < MAX_LEVELS:
        raise ValueError(f"level is {number}; it must lie in [0, {MAX_LEVELS})")
    return number


def checked_offer(offer: Offer) -> Offer:
    key, level, arrival_ns, payload = offer
    return int64(key), checked_level(level), int64(arrival_ns), payload
