"""Rank: what gives an event its key and its level; a user may bring one."""

from __future__ import annotations

from collections.abc import Callable
from operator import index

from .._backends.contract import MAX_LEVELS
from ..event import Event, EventTypes

__all__ = ["Rank", "checked_place", "types_behind"]

Rank = Callable[[Event, int], tuple[int, int]]


def checked_place(key: int, level: int) -> tuple[int, int]:
    """Return what a user's own rank gave, if a queue has a place for it; ValueError, TypeError."""
    key, level = index(key), index(level)
    if not -(2**63) <= key < 2**63 or not 0 <= level < MAX_LEVELS:
        raise ValueError(f"rank gave the key {key} and the level {level}; they must fit 64 bits and [0, {MAX_LEVELS})")
    return key, level


def types_behind(rank: Rank | None) -> EventTypes:
    """Return the event types whose method a rank is; the stock ones when it is a function of the user's."""
    owner = getattr(rank, "__self__", None)
    return owner if isinstance(owner, EventTypes) else EventTypes.life()
