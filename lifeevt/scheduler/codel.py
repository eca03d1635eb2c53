"""CoDel: which events are shed because they have waited too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._backends.contract import MAX_LEVELS
from ..clock import NS_PER_SECOND
from ..event import Priority

__all__ = ["CoDel"]


@dataclass(frozen=True)
class CoDel:
    """Controlled delay (CoDel, RFC 8289) for each level below CRITICAL, which is exempt. Immutable.

    An episode of shedding begins once every event of a level that was taken out during ``interval_seconds`` had waited
    ``target_seconds`` or longer. It sheds one event, then ever more often, until one waits less or is the last of its
    level. ``targets`` gives a level a target of its own.

    Raises:
        ValueError: unless 0 < target <= interval <= 1e9, and for a target of CRITICAL.
    """

    target_seconds: float = 0.05
    interval_seconds: float = 0.5
    targets: Mapping[int, float] | None = None

    def __post_init__(self) -> None:
        if int(Priority.CRITICAL) in self._given:
            raise ValueError("CRITICAL events are never shed; they have no target")
        for level in self._given:
            if not 0 < level < MAX_LEVELS:
                raise ValueError(f"level is {level}; it must lie in [1, {MAX_LEVELS})")
        for seconds in (self.target_seconds, *self._given.values()):
            if not 0 < round(seconds * NS_PER_SECOND) <= self.interval_ns <= 10**18:
                given = f"the target is {seconds} s, the interval {self.interval_seconds} s"
                raise ValueError(f"{given}; it must be 0 < target <= interval <= 1e9")

    @property
    def interval_ns(self) -> int:
        """The interval in nanoseconds."""
        return round(self.interval_seconds * NS_PER_SECOND)

    @property
    def targets_ns(self) -> tuple[int, ...]:
        """The target of each level in nanoseconds; 0: events of this level are not shed."""
        targets = (self._given.get(level, self.target_seconds) for level in range(1, MAX_LEVELS))
        return (0, *(round(seconds * NS_PER_SECOND) for seconds in targets))

    @property
    def _given(self) -> dict[int, float]:
        return {int(level): seconds for level, seconds in (self.targets or {}).items()}
