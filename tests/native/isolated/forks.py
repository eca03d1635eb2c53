"""Fork with live objects of a twin and use them on both sides. Arguments: the twin, the scene."""

import os
import sys
import threading
from importlib import import_module

MODULES = {"native": "lifeevt._core", "reference": "lifeevt._core_py"}
core = import_module(MODULES[sys.argv[1]])


def heap():
    made = core.EventHeap(8)
    made.offer_many([(number, 0, 0, f"event {number}") for number in range(4)], 0)

    def use():
        assert [made.pop()[0] for _ in range(4)] == [f"event {number}" for number in range(4)]
        made.finish(0)
        made.offer(9, 0, 0, "late", 0)
        assert made.counts()[:4] == (5, 0, 1, 3)
        made.check()

    return use


def cells():
    made = core.StateCells([1.0, 2.0], [0.0, 0.0], [9.0, 9.0], [False, True])
    made.write(0, 3.0)

    def use():
        assert made.read_all() == (1, (3.0, 2.0))
        assert made.add([0, 1], [1.0, 1.0]) == 2
        assert made.read_all() == (2, (4.0, 3.0))

    return use


def lock():
    made = core.RWLock()
    made.acquire_write(), made.release_write()

    def use():
        made.acquire_read(0), made.release_read()
        made.acquire_write(0), made.release_write()

    return use


def lock_held_for_reading():
    made = core.RWLock()
    made.acquire_read()

    def use():
        made.release_read()
        made.acquire_write(0), made.release_write()

    return use


def histogram():
    made = core.Histogram()
    made.record(100)

    def use():
        made.record(200)
        assert (made.count, made.total, made.percentile(50.0)) == (2, 300, 100)

    return use


def reflexes():
    table = core.ReflexTable(1, [(1.0, [(0, 1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    state = core.StateCells([0.0], [0.0], [9.0], [False])
    table.respond(state, 0, 1.0)

    def use():
        assert table.respond(state, 0, 1.0)[4:] == (1, 2)
        assert state.read(0) == 2.0

    return use


def reactor():
    """A heap whose worker ended before the process forked; in the child it is answered by a call."""
    table = core.ReflexTable(1, [(1.0, [(0, 1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    heap, kinds, state = core.EventHeap(8), core.KindTable(), core.StateCells([0.0], [0.0], [9.0], [False])
    kinds.answer(kinds.add("hit", 0, 5), 0, False)
    made = core.Reactor(heap, kinds, table, state, [core.Account()], 8, True)
    worker = threading.Thread(target=made.run, daemon=True)
    worker.start()
    heap.offer(0, 0, 0, "before", 0, 0, 1.0)
    while not len(made):
        threading.Event().wait(0.001)
    made.halt(True)
    worker.join()

    def use():
        made.halt(False)
        heap.offer_many([(number, 0, 0, number) for number in range(3)], 0, [(0, 1.0)] * 3)
        assert made.run_pending(9) == (3, None)
        assert [result[0] for result in made.take(None)] == ["before", 0, 1, 2]
        assert state.read_all() == (4, (4.0,))
        assert heap.counts()[:4] == (4, 0, 0, 0)

    return use


def main():
    scenes = (heap, cells, lock, lock_held_for_reading, histogram, reflexes, reactor)
    use = {each.__name__: each for each in scenes}[sys.argv[2]]()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            use()
            print("child", flush=True)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0, "the child failed"
    use()
    print("parent")


main()
