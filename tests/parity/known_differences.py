"""Differences between the twins that we accept. Empty is the goal.

One entry: (class and member, what differs, why we accept it). `test_surface` is strict: a difference
without an entry fails, and so does an entry without a difference. The difference is one of
"absent", "signature", "docstring" or "calls" (test_surface), or "finalizers" (test_core_stress).
"""

from __future__ import annotations

KNOWN_DIFFERENCES: tuple[tuple[str, str, str], ...] = (
    (
        "EventHeap.offer",
        "finalizers",
        "Python may run a finalizer or a signal handler inside a call of the reference; one that calls the same heap "
        "then waits for itself. The native heap creates and drops no object under its lock, so nothing can run there.",
    ),
)
