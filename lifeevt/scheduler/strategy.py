"""Strategy: where each level stands in line, and what may start now. Here the two that never change their mind."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .._backends.contract import MAX_LEVELS

__all__ = [
    "ALL_LEVELS", "LARGEST_BATCH", "OPEN", "STRICT_NS", "DeadlineStrategy", "Gate", "LevelLoad", "Load",
    "PriorityStrategy", "Strategy", "level_offsets",
]  # fmt: skip

ALL_LEVELS = MAX_LEVELS
STRICT_NS = 2**59  # 18 years: no virtual deadline of a monotonic clock comes near it
LARGEST_BATCH = 65_536
FURTHEST_NS = 2**62  # an offset may be no larger, or sums of 64 bits would stop at their end


@dataclass(frozen=True)
class Gate:
    """What may start now: levels below ``above`` always; the others while they use less than ``allowance_ns``.

    It holds until ``until_ns`` of the engine's clock, or until the allowance is used up, then it is asked for
    again; None: until a tick or a switch.
    """

    above: int = ALL_LEVELS
    allowance_ns: int = 0
    until_ns: int | None = None

    def admits(self, level: int) -> bool:
        """Return whether an event of ``level`` may start now."""
        return level < self.above or self.allowance_ns > 0


OPEN = Gate()


@dataclass(frozen=True)
class LevelLoad:
    """What the events of one level met since the last tick; ``depth`` of them wait now.

    ``late`` of ``finished`` took longer than their budget; ``wait_ns`` and ``service_ns`` are sums.
    """

    finished: int = 0
    late: int = 0
    wait_ns: int = 0
    service_ns: int = 0
    depth: int = 0


@dataclass(frozen=True)
class Load:
    """What was measured in the ``interval_ns`` before ``now_ns``, one LevelLoad a level, most important first.

    The loop's tick itself began ``tick_late_ns`` after it was due.
    """

    now_ns: int
    interval_ns: int
    levels: tuple[LevelLoad, ...]
    tick_late_ns: int = 0


class Strategy(Protocol):
    """Says who is before whom by one offset a level, and what may start now. Integers, and no clock of its own.

    An event stands at ``arrival + budget - urgency * budget + offset(level)`` for as long as the offsets
    stay. When they change, everything queued is moved in one atomic step, so the order is always that of
    one strategy. Therefore any strategy has a bound: **no event that arrives at or after
    a + b + offset(l) - least offset + late offset leaves the queue before one of level l that arrived at a with
    the budget b.** One thread at a time calls the methods; a subclass need only name itself.
    """

    name: str

    @property
    def offsets_ns(self) -> Sequence[int]:
        """By how much each level stands behind its deadlines; the last one also holds for all levels below."""
        return (0,)

    @property
    def late_offset_ns(self) -> int:
        """By how much what is late at a tick, and below CRITICAL, stands later from then on, once; 0: as it is."""
        return 0

    @property
    def paces(self) -> bool:
        """Whether the gate must be asked before each event; else it is taken to be open."""
        return False

    @property
    def batch(self) -> int:
        """How many events a handler that declares batches may be given at once, if its own size is not smaller."""
        return LARGEST_BATCH

    def gate(self, now_ns: int, used_ns: Sequence[int]) -> Gate:
        """Return what may start at ``now_ns``; ``used_ns`` is each level's service time so far. O(levels)."""
        return OPEN

    def review(self, load: Load) -> None:
        """Look at what was measured, once a tick; the offsets and the gate may be others afterwards. O(levels)."""


class DeadlineStrategy(Strategy):
    """``deadline``: by virtual deadline alone (ADR 0001); the default.

    Starvation bound: no event that arrives at or after a + b is answered before one that arrived at a with
    the budget b, whatever their levels are.
    """

    name = "deadline"


class PriorityStrategy(Strategy):
    """``priority``: strictly by level; within a level by virtual deadline.

    Starvation bound: within its level that of ``deadline``; none towards more important levels, which
    may keep an event waiting for as long as they keep coming. Level 0 therefore never starves. Exact while
    the clock is below 2**59 ns, which is 18 years.
    """

    name = "priority"
    offsets_ns = tuple((level - MAX_LEVELS // 2) * STRICT_NS for level in range(MAX_LEVELS))


def level_offsets(strategy: Strategy) -> tuple[int, ...]:
    """Return a strategy's offsets for all 16 levels; ValueError for too many, too few or too large ones."""
    given = tuple(strategy.offsets_ns)
    if not 0 < len(given) <= MAX_LEVELS:
        raise ValueError(f"strategy {strategy.name!r} has {len(given)} offsets; it must have 1 to {MAX_LEVELS}")
    if not all(abs(operator.index(offset)) <= FURTHEST_NS for offset in given):
        raise ValueError(f"strategy {strategy.name!r} has the offsets {given}; they must be within 2**62 ns")
    return given + given[-1:] * (MAX_LEVELS - len(given))
