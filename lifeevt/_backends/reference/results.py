"""Results, the reference: a ring of records, and the layout of the buffer that they are handed out in."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterable
from typing import Any

from ..contract import MAX_IMPACTS, Record

NO_SLOT = -1  # where the native backend keeps a payload; in a buffer there is none


class Results:
    """What became of the last ``capacity`` events, until it is taken. Its owner's mutex guards it."""

    def __init__(self, capacity: int) -> None:
        self._records: deque[Record] = deque()
        self._capacity = capacity
        self.overwritten = 0

    def __len__(self) -> int:
        return len(self._records)

    def put(self, record: Record) -> Record | None:
        """Keep a record; return the oldest if that was overwritten. Its payload may die only outside the mutex."""
        overwritten = None
        if len(self._records) == self._capacity:
            overwritten = self._records.popleft()
            self.overwritten += 1
        self._records.append(record)
        return overwritten

    def take(self, limit: int | None) -> list[Record]:
        """Take up to ``limit`` records (None: all), oldest first."""
        waiting = len(self._records)
        count = waiting if limit is None else min(max(limit, 0), waiting)
        return [self._records.popleft() for _ in range(count)]


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
