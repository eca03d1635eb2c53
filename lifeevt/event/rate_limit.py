"""RateLimit: the largest number of events of a type, or of one of its sources, in a time."""

from __future__ import annotations

from dataclasses import dataclass

from ..clock import NS_PER_SECOND

__all__ = ["RateLimit"]

_HIGHEST = 2**40


@dataclass(frozen=True)
class RateLimit:
    """``count`` events in any ``seconds``, up to ``burst`` of them at once (``count`` when None).

    Raises:
        ValueError: count or burst lies outside [1, 2**40], or seconds outside (0, 1e9].
    """

    count: int
    seconds: float = 1.0
    burst: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("count", self.count), ("burst", self.most)):
            if type(value) is not int or not 1 <= value <= _HIGHEST:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from 1 to 2**40")
        if not 0.0 < self.seconds <= 1e9 or not self.period_ns:
            raise ValueError(f"seconds is {self.seconds!r}; it must lie in (0, 1e9] and be at least 1 ns")

    @property
    def most(self) -> int:
        """The largest number of events at once."""
        return self.count if self.burst is None else self.burst

    @property
    def period_ns(self) -> int:
        """The nanoseconds in which ``count`` tokens are added."""
        return round(self.seconds * NS_PER_SECOND)
