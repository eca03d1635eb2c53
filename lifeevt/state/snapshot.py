"""StateSnapshot: all fields of the state at one instant; and the reports of a delta, of a load and of all calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from ..locks import LockStatistics
from ..metrics import LatencySummary
from .field import Value, handed_out

if TYPE_CHECKING:
    from pathlib import Path

_ANY = Value()
NO_TIMES = LatencySummary()


class StateSnapshot(Mapping[str, Any]):
    """All fields of one instant: an immutable mapping with the ``version`` that it shows.

    No later write changes it, and keeping it blocks no writer. A mutable value is copied each time it is read.
    """

    __slots__ = ("_stored", "version")

    version: int
    _stored: Mapping[str, Any]

    def __init__(self, version: int, values: Mapping[str, Any]) -> None:
        self._hold(version, {name: _ANY.kept(name, value) for name, value in values.items()})

    @classmethod
    def of_stored(cls, version: int, stored: Mapping[str, Any]) -> StateSnapshot:
        """Return a snapshot of stored values, without a copy. O(1)."""
        made = cls.__new__(cls)
        made._hold(version, stored)
        return made

    def _hold(self, version: int, stored: Mapping[str, Any]) -> None:
        object.__setattr__(self, "version", version)
        object.__setattr__(self, "_stored", MappingProxyType(stored))

    def __getitem__(self, name: str) -> Any:
        return handed_out(self._stored[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, name: object) -> bool:
        return name in self._stored

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a snapshot does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a snapshot does not change")

    def __reduce__(self) -> tuple[Any, ...]:
        return StateSnapshot, (self.version, dict(self))

    def __repr__(self) -> str:
        return f"StateSnapshot(version={self.version}, {dict(self)!r})"


@dataclass(frozen=True)
class DeltaReport:
    """The effect of a delta: its ``version``, the amounts ``asked`` for, and the amounts ``applied``, by field."""

    version: int
    asked: Mapping[str, float]
    applied: Mapping[str, float]


@dataclass(frozen=True)
class StateStatistics:
    """Counts of reads, writes, conflicts of commits and errors of watchers, and the lock's times.

    ``waits`` has the waits of writers that found the lock taken, ``holds`` the times for which writes from Python
    held it: each 64th is measured, or none with ``measured=False``. ``exclusive`` has the times of exclusive access
    to a wrapped object, its single writes included.
    """

    version: int
    reads: int
    writes: int
    conflicts: int = 0
    watcher_errors: int = 0
    waits: LatencySummary = field(default=NO_TIMES, compare=False)
    holds: LatencySummary = field(default=NO_TIMES, compare=False)
    exclusive: LockStatistics | None = field(default=None, compare=False)


@dataclass(frozen=True)
class RestoreReport:
    """The origin of a loaded state: the file, and the version and the wall time, in seconds, of its saving.

    ``problem`` is None, or the reason why the file itself was not used but the one before it.
    """

    path: Path
    version: int
    saved_at_seconds: float
    problem: str | None
