"""StateChange: one write of the state, as those who watch it see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .snapshot import StateSnapshot

__all__ = ["StateChange"]


@dataclass(frozen=True)
class StateChange:
    """What one write did: its ``version``, and the fields that it wrote ``before`` and ``after``.

    Both are snapshots of these fields alone. ``reason`` and ``event`` are what the writer gave; of a reflex
    the reason is ``"reflex"`` and the event the sequence number, as results have it. Immutable.
    """

    version: int
    before: StateSnapshot
    after: StateSnapshot
    reason: str | None = None
    event: Any = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that were written, also when they kept their value."""
        return tuple(self.after)
