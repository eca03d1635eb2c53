"""Strategies by name: those that ship, and those of other packages by the entry points ``lifeevt.strategies``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from .adaptive import AdaptiveStrategy
from .load_balancing import LoadBalancingStrategy
from .strategy import DeadlineStrategy, PriorityStrategy, Strategy, level_offsets

__all__ = ["ENTRY_POINTS", "find_strategy", "strategy_names"]

ENTRY_POINTS = "lifeevt.strategies"
_SHIPPED: dict[str, Callable[[], Strategy]] = {
    each.name: each for each in (AdaptiveStrategy, DeadlineStrategy, LoadBalancingStrategy, PriorityStrategy)
}


def strategy_names() -> list[str]:
    """Return every name that :func:`find_strategy` knows, sorted. Reads the metadata of installed packages."""
    return sorted({*_SHIPPED, *(point.name for point in _installed())})


def find_strategy(wanted: str | Strategy) -> Strategy:
    """Return a new strategy for a name, or the object itself.

    Names that do not ship are looked for among the entry points of installed packages, each a callable without
    arguments. ValueError names the choice; whatever a package raises when it is loaded comes through.
    """
    strategy = _made(wanted) if isinstance(wanted, str) else wanted
    if not isinstance(getattr(strategy, "name", None), str):
        raise ValueError(f"a strategy is a name or an object with a name, not {wanted!r}")
    level_offsets(strategy)
    return strategy


def _made(name: str) -> Strategy:
    make = _SHIPPED.get(name)
    if make is None:
        point = next((each for each in _installed() if each.name == name), None)
        if point is None:
            raise ValueError(f"unknown strategy {name!r}; choose {', '.join(strategy_names())}")
        make = point.load()
    return make()


def _installed() -> list[EntryPoint]:
    return list(entry_points(group=ENTRY_POINTS))
