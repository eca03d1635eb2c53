"""Strategy: an offset for each level, and a gate for the events that may start; two constant strategies; the names."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .._backends.contract import MAX_LEVELS
from ..event import Priority

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "FIRST_LIMITED", "LARGEST_BATCH", "OPEN", "STRICT_NS", "DeadlineStrategy", "LevelSample", "LoadSample",
    "PriorityStrategy", "StartGate", "Strategy", "find_strategy", "late_offset", "level_offsets", "strategy_names",
]  # fmt: skip

FIRST_LIMITED = int(Priority.CRITICAL) + 1  # the first level whose events may be held back
STRICT_NS = 2**59  # 18 years: no virtual deadline of a monotonic clock comes near it
LARGEST_BATCH = 65_536
FURTHEST_NS = 2**62  # an offset may be no larger, or sums of 64 bits would stop at their end


@dataclass(frozen=True)
class StartGate:
    """Lets levels below ``above`` start always, the others while they use less than ``allowance_ns``. Immutable.

    It holds until ``until_ns`` of the engine's clock, or until the allowance is used up; then the strategy gives the
    next one. None: until a tick or a change of strategy.
    """

    above: int = MAX_LEVELS
    allowance_ns: int = 0
    until_ns: int | None = None

    def admits(self, level: int) -> bool:
        """Return whether an event of ``level`` may start now."""
        return level < self.above or self.allowance_ns > 0


OPEN = StartGate()


@dataclass(frozen=True)
class LevelSample:
    """The events of one level since the last tick; ``depth`` of them wait now.

    ``late`` of ``finished`` took longer than their budget; ``wait_ns`` and ``service_ns`` are sums.
    """

    finished: int = 0
    late: int = 0
    wait_ns: int = 0
    service_ns: int = 0
    depth: int = 0


@dataclass(frozen=True)
class LoadSample:
    """The load of the ``interval_ns`` before ``now_ns``: one LevelSample a level, most important first.

    The loop's tick itself began ``tick_late_ns`` after it was due.
    """

    now_ns: int
    interval_ns: int
    levels: tuple[LevelSample, ...]
    tick_late_ns: int = 0


class Strategy(Protocol):
    """Orders events by one offset a level, and decides which may start now. Whole numbers; reads no clock.

    The place of an event is ``arrival + budget - urgency * budget + offset(level)`` as long as the offsets stay. When
    they change, all queued events move in one atomic step, so the order is always that of one strategy. Therefore
    every strategy has a bound: **no event that arrives at or after a + b + offset(l) - least offset + late offset
    leaves the queue before one of level l that arrived at a with the budget b.**

    One thread at a time calls the methods. A subclass needs a ``name``, and overrides any of the methods.
    """

    name: str

    @property
    def offsets_ns(self) -> Sequence[int]:
        """The distance of each level behind its deadlines; the last one also holds for all levels below."""
        return (0,)

    @property
    def late_offset_ns(self) -> int:
        """The distance by which events below CRITICAL that are late at a tick are moved back, once; 0: not at all."""
        return 0

    @property
    def throttles(self) -> bool:
        """Whether the gate must be asked before each event; else it counts as open."""
        return False

    @property
    def batch(self) -> int:
        """The largest batch for a handler with a BatchPolicy, unless the policy's size is smaller."""
        return LARGEST_BATCH

    def gate(self, now_ns: int, used_ns: Sequence[int]) -> StartGate:
        """Return the gate at ``now_ns``; ``used_ns`` is each level's service time so far. O(levels)."""
        return OPEN

    def on_tick(self, load: LoadSample) -> None:
        """Take the load of a tick into account; offsets and gate may change. Once a tick. O(levels)."""


class DeadlineStrategy(Strategy):
    """``deadline``: by virtual deadline alone (ADR 0001); the default.

    Starvation bound: no event of any level that arrives at or after a + b is processed before one that arrived at a
    with the budget b.
    """

    name = "deadline"


class PriorityStrategy(Strategy):
    """``priority``: strictly by level; within a level by virtual deadline.

    Starvation bound: within a level that of ``deadline``. There is none towards more important levels, which delay an
    event for as long as their events keep coming; level 0 therefore never starves. Exact while the clock is below
    2**59 ns, which is 18 years.
    """

    name = "priority"
    offsets_ns = tuple((level - MAX_LEVELS // 2) * STRICT_NS for level in range(MAX_LEVELS))


def late_offset(strategy: Strategy) -> int:
    """Return the distance by which a strategy moves late events back; ValueError for a negative or too large one."""
    given = operator.index(strategy.late_offset_ns)
    if not 0 <= given <= FURTHEST_NS:
        raise ValueError(f"strategy {strategy.name!r} puts late events off by {given}; it must lie in [0, 2**62]")
    return given


def level_offsets(strategy: Strategy) -> tuple[int, ...]:
    """Return a strategy's offsets for all 16 levels; ValueError for too many, too few or too large ones."""
    given = tuple(strategy.offsets_ns)
    if not 0 < len(given) <= MAX_LEVELS:
        raise ValueError(f"strategy {strategy.name!r} has {len(given)} offsets; it must have 1 to {MAX_LEVELS}")
    if not all(abs(operator.index(offset)) <= FURTHEST_NS for offset in given):
        raise ValueError(f"strategy {strategy.name!r} has the offsets {given}; they must be within 2**62 ns")
    return given + given[-1:] * (MAX_LEVELS - len(given))


# --- by name


def strategy_names() -> list[str]:
    """Return every name that :func:`find_strategy` knows, sorted. Reads the metadata of installed packages."""
    return sorted({*_shipped(), *(point.name for point in _installed())})


def find_strategy(wanted: str | Strategy) -> Strategy:
    """Return a new strategy for a name, or the object itself.

    A name that does not ship is looked up among the entry points ``lifeevt.strategies`` of installed packages, each a
    callable without arguments; an error of such a package comes through.

    Raises:
        ValueError: the name is unknown, or the object has no name or impossible offsets.
    """
    strategy = _made(wanted) if isinstance(wanted, str) else wanted
    if not isinstance(getattr(strategy, "name", None), str):
        raise ValueError(f"a strategy is a name or an object with a name, not {wanted!r}")
    level_offsets(strategy)
    return strategy


def _made(name: str) -> Strategy:
    make = _shipped().get(name)
    if make is None:
        point = next((each for each in _installed() if each.name == name), None)
        if point is None:
            raise ValueError(f"unknown strategy {name!r}; choose {', '.join(strategy_names())}")
        make = point.load()
    return make()


def _shipped() -> dict[str, Callable[[], Strategy]]:
    from .adaptive import AdaptiveStrategy  # these two build on this module
    from .load_balancing import LoadBalancingStrategy

    return {each.name: each for each in (AdaptiveStrategy, DeadlineStrategy, LoadBalancingStrategy, PriorityStrategy)}


def _installed() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # lazy: it takes longer to import than all of lifeevt

    return list(entry_points(group="lifeevt.strategies"))
