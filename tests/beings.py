"""Objects of other code, for states to wrap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lifeevt import Field, Value


class Being:
    """A plain object with properties that validate, and raise; another object holds the numbers."""

    def __init__(self) -> None:
        self._body = {"energy": 50.0, "ticks": 3}
        self.memory: list[Any] = []
        self.pattern = ""
        self.deaf = False  # refuses everything

    @property
    def energy(self) -> float:
        return self._body["energy"]

    @energy.setter
    def energy(self, value: float) -> None:
        if self.deaf or not 0.0 <= value <= 100.0:
            raise ValueError(f"energy {value}")
        self._body["energy"] = value

    @property
    def ticks(self) -> float:
        return self._body["ticks"]

    @ticks.setter
    def ticks(self, value: float) -> None:
        if self.deaf:
            raise ValueError("ticks")
        self._body["ticks"] = int(value)


FIELDS = {
    "energy": Field(0.0, low=0.0, high=100.0),
    "ticks": Field(0, low=0, integer=True),
    "memory": Value([], list),
    "pattern": Value("", str),
}


class Loose:
    """A plain object that takes anything."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)


@dataclass
class Data:
    energy: float = 50.0
    ticks: int = 3
    memory: list[Any] = field(default_factory=list)
    _secret: int = 7


class Slotted:
    __slots__ = ("energy", "ticks")

    def __init__(self) -> None:
        self.energy, self.ticks = 50.0, 3


class Model:
    """A class with the outside of pydantic's models."""

    model_fields: ClassVar[dict[str, Any]] = {"energy": object(), "memory": object()}

    def __init__(self) -> None:
        self.energy, self.memory = 50.0, ["shock"]
        self.model_extra = None
