"""The layout of the buffer that results are handed out in.

A module of its own: ctypes does not load in the subinterpreters of CPython 3.12, where the rest of the reference does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

from ..contract import MAX_IMPACTS, Record

NO_SLOT = -1  # where the native backend keeps a payload; in a buffer there is none


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
        """Lay out a record; the places of impacts that its reflex does not have hold 0."""
        outcome = record.outcome
        return cls(
            sequence=record.sequence,
            queued_ns=record.queued_ns,
            started_ns=record.started_ns,
            finished_ns=record.finished_ns,
            intensity=record.intensity,
            timestamp=record.timestamp,
            type_id=record.type_id,
            level=record.level,
            status=record.status,
            slot=NO_SLOT,
            significance=outcome.significance,
            pattern=outcome.pattern,
            impacts=len(outcome.impacts),
            impact=_doubles(outcome.impacts),
            applied=_doubles(outcome.applied),
            version_before=outcome.version_before,
            version=outcome.version,
        )


def buffer_of(records: Iterable[Record]) -> Any:
    """Return the records as one buffer of numbers."""
    plain = [PlainRecord.of(record) for record in records]
    return (PlainRecord * len(plain))(*plain)


def _doubles(numbers: Iterable[float]) -> Any:
    return (ctypes.c_double * MAX_IMPACTS)(*numbers)
