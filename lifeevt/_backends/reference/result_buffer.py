"""The layout of the buffer of results.

A module of its own: ctypes does not load in the subinterpreters of CPython 3.12, where the rest of the reference does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

from ..contract import MAX_IMPACTS, Record

NO_SLOT = -1  # the native backend has the place of the payload here


class PlainRecord(ctypes.Structure):
    """A record as the native backend lays it out, without its payload."""

    _fields_ = (
        ("sequence", ctypes.c_uint64),
        ("queued_ns", ctypes.c_int64),
        ("started_ns", ctypes.c_int64),
        ("finished_ns", ctypes.c_int64),
        ("intensity", ctypes.c_double),
        ("timestamp", ctypes.c_double),
        ("type_id", ctypes.c_int32),
        ("level", ctypes.c_int32),
        ("status", ctypes.c_int32),
        ("slot", ctypes.c_int32),
        ("significance", ctypes.c_double),
        ("pattern", ctypes.c_int32),
        ("impacts", ctypes.c_int32),
        ("impact", ctypes.c_double * MAX_IMPACTS),
        ("applied", ctypes.c_double * MAX_IMPACTS),
        ("version_before", ctypes.c_int64),
        ("version", ctypes.c_int64),
    )

    @classmethod
    def of(cls, record: Record) -> PlainRecord:
        """Lay out a record; the places of impacts past those of its reflex hold 0."""
        outcome = record.outcome
        numbers = {
            **record._asdict(), **outcome._asdict(), "slot": NO_SLOT, "impacts": len(outcome.impacts),
            "impact": _doubles(outcome.impacts), "applied": _doubles(outcome.applied),
        }  # fmt: skip
        return cls(*(numbers[name] for name, _ in cls._fields_))


def buffer_of(records: Iterable[Record]) -> Any:
    """Return the records as one buffer of numbers."""
    plain = [PlainRecord.of(record) for record in records]
    return (PlainRecord * len(plain))(*plain)


def _doubles(numbers: Iterable[float]) -> Any:
    return (ctypes.c_double * MAX_IMPACTS)(*numbers)
