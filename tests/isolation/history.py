"""The history of one run of a state: the reads and writes of each transaction, and how each ended.

Every write of a run writes a value that no other write does, so a value names its writer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Read(NamedTuple):
    """One field was read, and this was seen."""

    field: str
    value: Any


class Write(NamedTuple):
    """One field was given this value."""

    field: str
    value: Any


class Look(NamedTuple):
    """Several fields were read at once; ``own``: the reader's own writes show through."""

    values: dict[str, Any]
    own: bool = True


Operation = Read | Write | Look


@dataclass(slots=True)
class Transaction:
    """A transaction, or a single operation as a transaction of one step. Number 0 made the state.

    ``began`` is the version that it read from, ``version`` the one that it made (or read, when it wrote nothing);
    None: it ended without an effect. ``started`` and ``ended`` are places in the run's one order of moments.
    """

    number: int
    started: int
    began: int | None = None
    operations: list[Operation] = field(default_factory=list)
    version: int | None = None
    ended: int | None = None
    why: str = "open"

    @property
    def committed(self) -> bool:
        return self.version is not None

    def finals(self) -> dict[str, Any]:
        """The last value that it wrote into each field."""
        return {step.field: step.value for step in self.operations if type(step) is Write}

    def __str__(self) -> str:
        end = f"-> {self.version}" if self.committed else self.why
        return f"T{self.number} [{self.started}-{self.ended}] from {self.began}: {_listed(self.operations)} {end}"


@dataclass(slots=True)
class History:
    """The transactions of one run by number, and for each field its values in the order in which they took effect."""

    transactions: list[Transaction]
    order: dict[str, list[Any]]

    def __str__(self) -> str:
        lines = [str(transaction) for transaction in self.transactions]
        return "\n".join([*lines, *(f"{name}: {values}" for name, values in self.order.items())])


def _listed(operations: list[Operation]) -> str:
    return ", ".join(
        f"look {step.values}" if isinstance(step, Look) else f"{type(step).__name__} {step.field}={step.value}"
        for step in operations
    )


def frozen(value: Any) -> Any:
    """The value as it is now, comparable and hashable."""
    return tuple(value) if type(value) is list else value


def creation(defaults: dict[str, Any]) -> Transaction:
    """Return the transaction that wrote the defaults, before all others."""
    steps: list[Operation] = [Write(name, frozen(value)) for name, value in defaults.items()]
    return Transaction(0, -1, 0, steps, 0, -1)
