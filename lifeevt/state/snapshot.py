"""StateSnapshot: all fields of the state at one instant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

from .field import Value, handed_out

__all__ = ["StateSnapshot"]

_ANY = Value()


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
