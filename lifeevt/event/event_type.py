"""EventType: the level, the latency budget and the rules of one type of event, or of a family."""

from __future__ import annotations

from dataclasses import dataclass

from .._backends.contract import MAX_LEVELS
from ..errors import InvalidConfiguration
from .event import Event, Priority
from .rate_limit import RateLimit

__all__ = ["ANY_TYPE", "COALESCING", "OVERFLOWS", "EventType"]

ANY_TYPE = "*"
OVERFLOWS = ("reject", "drop_oldest", "drop_lowest", "coalesce", "block")
COALESCING = ("last", "first", "merge")
_LONGEST_NS = 2**62


@dataclass(frozen=True)
class EventType:
    """One type of event, or a family of types. None as a value: no such rule.

    Args:
        name: also names the family: ``social`` (or ``social_*``, the same) holds for ``social_conflict``.
        priority: the level.
        budget_ns: the latency budget in nanoseconds, above 0.
        ttl_ns: an event that has waited for so long expires.
        overflow: the policy of a full queue, in place of the queue's own.
        coalesce: which event of a key is kept: ``last``, ``first``, or a ``merge`` of all.
        rate_limit: the limit of all its events together.
        source_limit: the limit of its events from each source.

    Raises:
        InvalidConfiguration: a value is wrong; the text names the choices.
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
        """Whether it has no rule besides level and budget."""
        return self.is_plain_but_limited and self.rate_limit is None

    @property
    def is_plain_but_limited(self) -> bool:
        """Whether it has no rule besides level, budget and ``rate_limit``."""
        return (self.ttl_ns or self.overflow or self.coalesce or self.source_limit) is None

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        """Return (key in ns, level) of an event of this type: see :meth:`EventTypes.rank`."""
        level = self.priority if event.priority is None else event.priority
        return arrival_ns + self.budget_ns - round(event.urgency * self.budget_ns), int(level)

    def _check_choice(self, field: str, given: str | None, choices: tuple[str, ...]) -> None:
        if given is not None and given not in choices:
            raise InvalidConfiguration(f"event type {self.name!r}: {field} is {given!r}; choose {', '.join(choices)}")
