"""One of each class of a twin, made of the least that it takes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

TABLE: dict[str, Any] = {
    "fields": 1,
    "rows": [(1.0, [(0, 1.0)], [])],
    "sensitizers": [],
    "dampers": [],
    "decisions": [([], 0)],
    "patterns": [(False, 1.0, [])],
}
CELLS: dict[str, Any] = {"values": [1.0], "lows": [0.0], "highs": [9.0], "integers": [False]}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Account": {},
    "CoDel": {"interval_ns": 9, "targets_ns": [0] + [5] * 15},
    "EventHeap": {"capacity": 2},
    "Histogram": {},
    "TypeTable": {},
    "LockEntry": {"holder": "a test"},
    "RWLock": {},
    "ReflexTable": TABLE,
    "StateCells": CELLS,
}
RESULT: dict[str, Any] = {
    "payload": "p", "sequence": 1, "level": 2, "type_id": 0, "status": 4, "intensity": 0.5, "queued_ns": 5,
    "started_ns": 6, "finished_ns": 7, "version_before": 8, "version": 9, "finishes": False,
}  # fmt: skip


def made(core: ModuleType, name: str) -> Any:
    return getattr(core, name)(**arguments(core, name))


def arguments(core: ModuleType, name: str) -> dict[str, Any]:
    if name == "Bucket":
        return {"heap": made(core, "EventHeap"), "count": 1, "period_ns": 1, "most": 1}
    if name == "Submitter":
        return {"heap": made(core, "EventHeap"), "type_table": made(core, "TypeTable")}
    return reactor_parts(core) if name == "Reactor" else ARGUMENTS[name]


def reactor_parts(core: ModuleType) -> dict[str, Any]:
    """The arguments of a Reactor."""
    parts = {"heap": "EventHeap", "type_table": "TypeTable", "table": "ReflexTable", "cells": "StateCells"}
    works_on = {name: made(core, type_id) for name, type_id in parts.items()}
    return {**works_on, "accounts": [core.Account()], "capacity": 2, "processes": True}
