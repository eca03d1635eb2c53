"""Overflow: the policies of a full queue, by level; and the events that ``coalesce`` may replace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .._backends.contract import DROP_LOWEST, DROP_OLDEST, MAX_LEVELS, REJECT
from ..event import Priority
from .receipt import Receipt

__all__ = ["BLOCK", "NewestByType", "Overflow"]

BLOCK, COALESCE = "block", "coalesce"
_POLICIES = {"reject": REJECT, "drop_oldest": DROP_OLDEST, "drop_lowest": DROP_LOWEST, BLOCK: REJECT, COALESCE: REJECT}


class Overflow:
    """The policy of each level: one name for all, or a mapping of levels to names. Read-only."""

    def __init__(self, given: str | Mapping[Priority | str, str]) -> None:
        by_level, default = (given, "drop_lowest") if isinstance(given, Mapping) else ({}, given)
        wanted = {_level(name): policy for name, policy in by_level.items()}
        parsed = [_parsed(wanted.get(level, default)) for level in range(MAX_LEVELS)]
        names, self.seconds = [name for name, _ in parsed], [seconds for _, seconds in parsed]
        self.policies = tuple(_POLICIES[name] for name in names)
        self.raises = tuple(_POLICIES[name] == REJECT and name != COALESCE for name in names)
        self.waits = tuple(name == BLOCK for name in names)
        self.coalesces = tuple(name == COALESCE for name in names)


class NewestByType:
    """The receipts of the events that came under ``coalesce`` and have not ended, by type. One thread at a time."""

    def __init__(self) -> None:
        self._by_type: dict[str, dict[Receipt, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_type)

    def add(self, receipt: Receipt) -> None:
        """Add a receipt as the newest of its type, unless it has ended."""
        if not receipt.done:
            self._by_type.setdefault(receipt.event.type, {})[receipt] = None

    def remove(self, receipt: Receipt) -> bool:
        """Remove a receipt; return whether it was there."""
        came = self._by_type.get(receipt.event.type, {})
        if receipt not in came:
            return False
        del came[receipt]
        if not came:
            del self._by_type[receipt.event.type]
        return True

    def of(self, event_type: str) -> Iterator[Receipt]:
        """Return the receipts of a type, the newest first."""
        return reversed(self._by_type.get(event_type, {}))


def _level(given: Priority | str) -> int:
    try:
        return int(Priority[given.upper()] if isinstance(given, str) else Priority(given))
    except (KeyError, ValueError):
        raise ValueError(f"{given!r} is no level that can overflow") from None


def _parsed(given: str) -> tuple[str, float | None]:
    timed = re.fullmatch(r"block\((\d+(?:\.\d+)?)\)", str(given))
    if timed is not None:
        return BLOCK, float(timed[1])
    if given not in _POLICIES:
        raise ValueError(f"unknown overflow policy {given!r}; choose {', '.join(_POLICIES)}")
    return given, None
