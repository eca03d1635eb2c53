"""Waiting for a change of the heap, on each twin."""

from __future__ import annotations

from types import ModuleType

from actors import Actor

from lifeevt._backends.contract import REJECT


def test_a_watcher_sees_each_change(core: ModuleType) -> None:
    heap = core.EventHeap(4)
    epoch = heap.watch(False)
    heap.offer(1, 0, 0, None, REJECT)
    assert heap.wait(epoch, None) != epoch
    heap.unwatch(False)


def test_a_watcher_of_idleness_is_woken_by_the_last_end_alone(core: ModuleType) -> None:
    heap = core.EventHeap(4)
    heap.offer_many([(1, 0, 0, None), (2, 0, 0, None)], REJECT)
    epoch = heap.watch(True)
    heap.pop(), heap.finish(0), heap.pop()
    assert heap.wait(epoch, 0) == epoch
    heap.finish(0)
    assert heap.wait(epoch, None) != epoch
    heap.unwatch(True)


def test_a_heap_without_watchers_announces_nothing(core: ModuleType) -> None:
    heap = core.EventHeap(4)
    epoch = heap.watch(False)
    heap.unwatch(False)
    heap.offer(1, 0, 0, None, REJECT)
    assert heap.wait(epoch, 0) == epoch


def test_a_nudge_wakes_a_waiter_without_a_change(core: ModuleType) -> None:
    heap = core.EventHeap(4)
    epoch = heap.watch(False)
    with Actor() as waiter:
        waiting = waiter.begin(heap.wait, epoch, None)
        heap.wake_all()
        assert waiting.result() != epoch
    heap.unwatch(False)


def test_an_event_may_carry_its_type_and_intensity(core: ModuleType) -> None:
    heap = core.EventHeap(4)
    heap.offer(1, 0, 0, "p", REJECT, 7, -0.5)
    assert heap.pop() == ("p", 1, 0, 0, 0)


