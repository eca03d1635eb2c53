"""EventType: what the engine knows of one type of event, or of a family, as data."""

from __future__ import annotations

from dataclasses import dataclass

from .._backends.contract import MAX_LEVELS
from ..errors import InvalidConfiguration
from .event import Priority
from .rate_limit import RateLimit

__all__ = ["ANY_TYPE", "COALESCING", "OVERFLOWS", "EventType"]

ANY_TYPE = "*"
OVERFLOWS = ("reject", "drop_oldest", "drop_lowest", "coalesce", "block")
COALESCING = ("last", "first", "merge")
_LONGEST_NS = 2**62


@dataclass(frozen=True)
class EventType:
    """One type or family: its level, and its latency budget in nanoseconds (> 0).

    ``name`` also names the family: ``social`` (or ``social_*``, which is the same) holds for ``social_conflict``.
    ``ttl_ns``: an event that waited so long is not answered any more. ``overflow``: what a full queue does for
    it, in place of the queue's own policy. ``coalesce``: which of several with one key is kept. ``rate_limit``
    holds for all its events together, ``source_limit`` for those of each source. None: no such rule.
    InvalidConfiguration names the value that is wrong, and what may stand there.
    """

    name: str
    priority: Priority
    budget_ns: int
    ttl_ns: int | None = None
    overflow: str | None = None
    coalesce: str | None = None
    rate_limit: RateLimit | None = None
    source_limit: RateLimit | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name.removesuffix("_*"))
        if not self.name or not 0 < self.budget_ns < _LONGEST_NS:
            raise InvalidConfiguration(f"event type {self.name!r} has the budget {self.budget_ns} ns")
        if not 0 <= self.priority < MAX_LEVELS:
            raise InvalidConfiguration(f"event type {self.name!r} has the level {self.priority} of {MAX_LEVELS}")
        if self.ttl_ns is not None and not 0 < self.ttl_ns < _LONGEST_NS:
            raise InvalidConfiguration(f"event type {self.name!r} has the ttl {self.ttl_ns} ns")
        self._check_choice("overflow", self.overflow, OVERFLOWS)
        self._check_choice("coalesce", self.coalesce, COALESCING)

    @property
    def is_plain(self) -> bool:
        """Whether level and budget are all that its events are treated by."""
        return self.is_plain_but_limited and self.rate_limit is None

    @property
    def is_plain_but_limited(self) -> bool:
        """Whether level, budget and ``rate_limit`` are all that its events are treated by."""
        return (self.ttl_ns or self.overflow or self.coalesce or self.source_limit) is None

    def _check_choice(self, what: str, given: str | None, choices: tuple[str, ...]) -> None:
        if given is not None and given not in choices:
            raise InvalidConfiguration(f"event type {self.name!r}: {what} is {given!r}; choose {', '.join(choices)}")
