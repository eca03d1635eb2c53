"""LockEntry: the place of a thread in the queue of a fair lock."""

from __future__ import annotations

import threading
from types import ModuleType


def test_an_entry_holds_nothing_before_its_thread_is_inside(core: ModuleType) -> None:
    entry = core.LockEntry("a test")
    assert (entry.holder, entry.thread) == ("a test", threading.get_ident())
    assert (entry.since_ns, entry.held_ns()) == (0, 0)


def test_an_entry_counts_from_when_its_thread_is_inside(core: ModuleType) -> None:
    entry = core.LockEntry("a test")
    entry.enter()
    first = entry.held_ns()
    assert entry.since_ns > 0 and 0 <= first <= entry.held_ns()


def test_a_bell_may_be_rung_before_its_thread_waits_and_twice(core: ModuleType) -> None:
    entry = core.LockEntry("a test")
    entry.ring()  # nothing waits: nothing to wake
    entry.bell = threading.Lock()
    entry.bell.acquire()
    entry.ring()
    entry.ring()
    assert entry.bell.acquire(timeout=60.0)
