"""Fork with live objects of a twin and use them on both sides. Arguments: the twin, the scene."""

import os
import signal
import sys
import threading
import traceback
import warnings
from array import array
from importlib import import_module

MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
core = import_module(MODULES[sys.argv[1]])
FORKS, PATIENCE, FLOOD = 20, 20, 20_000


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
    """A heap whose worker ended before the fork; in the child a call processes its events."""
    table = core.ReflexTable(1, [(1.0, [(0, 1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    heap, type_table, state = core.EventHeap(8), core.TypeTable(), core.StateCells([0.0], [0.0], [9.0], [False])
    type_table.set_reflex(type_table.add("hit", 0, 5), 0, False)
    made = core.Reactor(heap, type_table, table, state, [core.Account()], 8, True)
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


def lock_held_by_others():
    """One thread writes, one reads another, one waits: none of them is in the child."""
    written, read, done = core.RWLock(), core.RWLock(), threading.Event()
    beside(lambda: (written.acquire_write(), done.wait(), written.release_write()))
    beside(lambda: (read.acquire_read(), done.wait(), read.release_read()))
    beside(lambda: (written.acquire_read(), written.release_read()))
    beside(lambda: (read.acquire_write(), read.release_write()))
    wait_until(lambda: written.waiting() == (1, 0) and read.waiting() == (0, 1))

    def use(in_child):
        done.set()
        for each in (written, read):
            if in_child:
                assert each.holders() == {} and each.waiting() == (0, 0)
            each.acquire_write(None if not in_child else 0), each.release_write()

    return use


def lock_held_for_writing():
    made = core.RWLock()
    made.acquire_write()

    def use():
        assert list(made.holders()) == [threading.get_ident()]
        made.release_write()
        made.acquire_read(0), made.release_read()

    return use


def cells_in_use():
    """Fork many times while threads write: every child has a consistent state, and can write it."""
    made, done = core.StateCells([500.0, 500.0], [-1e9] * 2, [1e9] * 2, [False] * 2), threading.Event()

    def move():
        while not done.is_set():
            made.add([0, 1], [1.0, -1.0])

    beside(move), beside(move)
    return until_done(done, lambda: sum(made.read_all()[1]) == 1000.0 and made.add([0], [0.0]) > 0)


def heap_in_use():
    made, done = core.EventHeap(64), threading.Event()

    def churn():
        while not done.is_set():
            made.offer(1, 0, 0, None, 0)
            if made.pop() is not None:
                made.finish(0)

    beside(churn), beside(churn)
    return until_done(done, lambda: (made.offer(1, 0, 0, None, 1), made.check(), made.pop(), made.check()))


def histogram_in_use():
    made, done = core.Histogram(), threading.Event()

    def record():
        while not done.is_set():
            made.record(5)

    beside(record), beside(record)
    return until_done(done, lambda: (made.record(5), made.buckets()[0][1] >= 1))


def reactor_in_use():
    """Fork while a worker runs without the GIL; in the child nothing hangs, and a call processes events."""
    table = core.ReflexTable(1, [(1.0, [(0, 1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    heap, type_table, state = core.EventHeap(2 * FLOOD), core.TypeTable(), core.StateCells([0.0], [0.0], [1e9], [False])
    type_table.set_reflex(type_table.add("hit", 0, 5), 0, False)
    made = core.Reactor(heap, type_table, table, state, [core.Account()], 8, True)
    types, intensities = array("i", [0] * FLOOD), array("d", [1.0] * FLOOD)
    beside(made.run)

    def flood():
        if len(heap) < FLOOD:
            heap.offer_numbers(type_table, types, intensities, None, 0, 0)

    def use():
        version, (value,) = state.read_all()
        assert value == version, "half a change"
        heap.check()
        made.halt(False)
        before = len(heap)
        heap.offer(-1, 0, 0, "here", 0, 0, 1.0)
        assert made.run_pending(1)[0] == 1 and len(heap) == before
        assert made.take(None)[-1][0] == "here" and state.read_all() == (version + 1, (version + 1.0,))

    return until_done(threading.Event(), use, flood, lambda: made.halt(True))


def until_done(done, use, before=lambda: None, after=lambda: None):
    """Call ``use`` in many children; in the parent, stop the threads that work on the object."""

    def use_it(in_child):
        if in_child:
            use()
            return
        for _ in range(FORKS):
            before()
            in_a_child(use)
        done.set()
        after()

    return use_it


def beside(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def wait_until(holds):
    while not holds():
        threading.Event().wait(0.001)


def in_a_child(use):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(PATIENCE)  # ends a child that hangs
            use()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0, "a child failed"


def main():
    scenes = (heap, cells, lock, lock_held_for_reading, histogram, reflexes, reactor)
    with_threads = (
        lock_held_for_writing, lock_held_by_others, cells_in_use, heap_in_use, histogram_in_use, reactor_in_use,
    )  # fmt: skip
    use = {each.__name__: each for each in (*scenes, *with_threads)}[sys.argv[2]]()
    takes_side = use.__code__.co_argcount > 0
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(PATIENCE)
            use(True) if takes_side else use()
            print("child", flush=True)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0, "the child failed"
    use(False) if takes_side else use()
    print("parent")


sys.setswitchinterval(1e-4)
warnings.simplefilter("ignore", DeprecationWarning)  # the test is about forks of a process with threads
main()
