"""The measures by name. A module is imported when its measure is run: it may need what is not here."""

from __future__ import annotations

from importlib import import_module

from .measure import Rows

MEASURES = {
    "queue": "put and get of events, beside PriorityQueue and heapq",
    "heap": "push and pop inside C, beside std::priority_queue",
    "state": "a read, a snapshot, a delta, beside the locks of others",
    "exclusive": "the cost of exclusive access to a wrapped object",
    "idle": "what 1000 events a second and a waiting worker use of a core",
    "memory": "what a started engine adds to the resident size",
    "latency": "from submit to the state changed, beside a busy interpreter",
    "throughput": "events a second and processor time, beside a synchronous loop",
    "handlers": "what the engine adds to handlers in Python",
    "jitter": "how late the ticks of a loop are beside the worker",
    "life": "what Life gains by its engine, and what it pays",
    "overload": "critical events when far too much comes",
    "curves": "growth with depth, producers, readers, fields",
}
ONLY_NAMED = ("overload", "curves")  # take minutes
USUAL = tuple(name for name in MEASURES if name not in ONLY_NAMED)


def rows_of(name: str) -> Rows:
    """Return the ``rows`` of a measure's module."""
    rows: Rows = import_module(f".{name}", __package__).rows
    return rows
