"""StateBase, the reference: the most frequent calls of a state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from .cells import StateCells

if TYPE_CHECKING:
    from ...state import DeltaReport, StateSnapshot


class StateBase:
    """The most frequent calls of a state; the base of ``ThreadSafeSelfState``.

    The native base serves plain calls in C: a known name that is a str, a dict of ints and floats. It leaves every
    other call, and every refusal, to the method with ``_slowly`` in its name; the reference leaves all of them to it.
    """

    _cells: StateCells

    def __getitem__(self, name: str) -> Any:
        """Return one field; UnknownField. O(1), and the size of a value that must be copied."""
        return self._read_slowly(name)

    def __setitem__(self, name: str, value: Any) -> None:
        """Store one field; InvalidValue when the field refuses the value, UnknownField. O(1)."""
        self._store_slowly(name, value)

    @overload
    def apply_delta(
        self, delta: Mapping[str, float], *, report: Literal[False] = ..., reason: str | None = ..., event: Any = ...
    ) -> int: ...
    @overload
    def apply_delta(
        self, delta: Mapping[str, float], *, report: Literal[True], reason: str | None = ..., event: Any = ...
    ) -> DeltaReport: ...
    def apply_delta(
        self, delta: Mapping[str, float], *, report: bool = False, reason: str | None = None, event: Any = None
    ) -> int | DeltaReport:
        """Add each number to its field, clamped to its bounds, and return the new version.

        All or nothing: UnknownField or InvalidValue (NaN, infinite, no number, a field that rejects what leaves
        its bounds) change no field. With ``report`` a DeltaReport says by how much each field changed.
        Watchers are given ``reason`` and ``event``. O(k).
        """
        return self._apply_delta_slowly(delta, report, reason, event)

    def snapshot(self) -> StateSnapshot:
        """Return all fields of one instant, with the version. O(fields)."""
        return self._snapshot_slowly()

    @property
    def version(self) -> int:
        """The number of writes."""
        return self._cells.version

    def _attach(self, *_: object) -> None:
        """Give the fast path its cells; the reference has no fast path."""

    @abstractmethod
    def _read_slowly(self, name: str) -> Any:
        """Serve any read of a field."""

    @abstractmethod
    def _store_slowly(self, name: str, value: Any) -> None:
        """Serve any store of a field."""

    @abstractmethod
    def _apply_delta_slowly(
        self, delta: Mapping[str, float], report: bool, reason: str | None, event: Any
    ) -> int | DeltaReport:
        """Serve any call of ``apply_delta``."""

    @abstractmethod
    def _snapshot_slowly(self) -> StateSnapshot:
        """Serve any call of ``snapshot``."""
