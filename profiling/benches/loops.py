"""Statements that are measured in the loop itself: all that they name is local, and no call of ours is around them."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Mapping
from typing import Any

from .bars import AT_MOST, Bar
from .environment import BACKEND

NS = 1e9
UNMEASURED = " unmeasured"  # after the name of a backend: the same state, which keeps no times
MONITORING = 1.05  # at most this ratio to a write without them


def timer(statement: str, **known: Any) -> timeit.Timer:
    """Time the statement in a loop where all that it names is local."""
    setup = "; ".join(f"{name} = given[{name!r}]" for name in known) or "pass"
    return timeit.Timer(statement, setup, globals={"given": known})


def timed(statement: timeit.Timer, times: int) -> Callable[[], float]:
    """Nanoseconds for each iteration of the loop."""
    return lambda: statement.timeit(times) / times * NS


def all_timed(statements: Mapping[str, timeit.Timer], times: int) -> dict[str, Callable[[], float]]:
    return {name: timed(each, times) for name, each in statements.items()}


def unmeasured_bars() -> list[Bar]:
    """The bars for the times that a state keeps."""
    return [Bar(BACKEND + UNMEASURED, MONITORING, AT_MOST, ours=BACKEND)]
