"""Life's numeric fields, with their defaults and bounds: a table that ships as data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from .field import Field

__all__ = ["life_fields"]


@cache
def life_fields() -> Mapping[str, Field]:
    """Return the declarations by name. Thread-safe; the table is read once per process."""
    import csv
    from importlib.resources import files  # lazy: it imports much of the standard library

    text = files("lifeevt").joinpath("state/life_state.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return MappingProxyType({row["field"]: _declared(row) for row in rows})


def _declared(row: Mapping[str, str]) -> Field:
    return Field(float(row["default"]), _bound(row["low"]), _bound(row["high"]), row["integer"] == "yes")


def _bound(text: str) -> float | None:
    return float(text) if text else None
